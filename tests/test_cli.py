"""`smplify-fit` as a user runs it: what a run prints and writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from command_line import DETECTIONS, PICTURE, REPOSITORY, one_sentence
from pages import data_of, unpacked
from PIL import Image

from smplify_jax.files.images import load_image
from smplify_jax.result import FitResult

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of this file keep compiled programs."""
    return tmp_path_factory.mktemp("cache_home")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Run:
    """Run the command in a process of its own."""
    folder = tmp_path_factory.mktemp("cli")

    def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(cache_home)}
        command = [sys.executable, "-m", "smplify_jax.cli.fit", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    return run_command


@pytest.fixture(scope="module")
def mixed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Two files and one that is not there: one seen well, one with a single point, one unseen, one in a smaller picture."""
    folder = tmp_path_factory.mktemp("mixed")
    seen = np.reshape(json.loads(DETECTIONS.read_text())["people"][0]["pose_keypoints_2d"], (25, 3))
    smaller = seen * (0.5, 0.5, 1.0)
    nobody = np.full_like(seen, np.nan)
    nobody[0] = seen[0]
    np.savez(
        folder / "people.npz",
        keypoints=np.stack([nobody, np.full_like(seen, np.nan), smaller]),
        layout="openpose25",
        image_size=np.array([[512, 640], [512, 640], [256, 320]]),
        names=["nobody", "unseen", "halved"],
    )
    (folder / "photo_keypoints.json").write_text(DETECTIONS.read_text())
    inputs = (folder / "photo_keypoints.json", folder / "gone.json", folder / "people.npz")
    return run(*inputs, "--out", folder / "fits", "--image-size", 512, 640), folder / "fits"


@pytest.fixture(scope="module")
def example(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The packaged example."""
    out = tmp_path_factory.mktemp("example") / "new" / "folder"
    return run("--example", "--out", out, "--report", out.parent / "report.html"), out


def test_the_example_comes_close_to_its_truth(example: tuple[subprocess.CompletedProcess[str], Path]):
    result, out = example
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    errors = {words[0]: float(words[1]) for words in map(str.split, result.stdout.splitlines()) if "MPJPE" in words[0]}
    # [mm]. One view leaves the depth of the limbs to the prior; a fit that took front for back is above 150.
    assert errors["PA-MPJPE"] < 75
    assert errors["MPJPE"] < 120
    assert {path.name for path in out.iterdir()} == {
        "example_0.npz",
        "example_0.obj",
        "example_0_overlay.png",
        "summary.json",
        "example_keypoints.json",
        "example.png",
    }


def test_the_page_of_the_example_has_its_picture_body_and_numbers(
    example: tuple[subprocess.CompletedProcess[str], Path],
):
    (scene,) = data_of(example[1].parent / "report.html")["scenes"]
    (person,) = scene["people"]
    assert (scene["name"], person["name"], person["statuses"]) == (PICTURE.name, "example_0", ["Converged."])
    assert len(scene["cameras"][0]["pictures"]) == 1
    assert 0 < np.nanmedian(unpacked(person["errors_px"])) < 10
    assert {"data", "pose_prior"} <= set(person["cost_by_term"])


def test_the_examples_overlay_covers_the_person(example: tuple[subprocess.CompletedProcess[str], Path]):
    overlay, picture = load_image(example[1] / "example_0_overlay.png"), load_image(PICTURE)
    assert overlay.shape == picture.shape
    has_changed = np.abs(overlay.astype(int) - picture).max(axis=2) > 12
    detections = np.reshape(json.loads(DETECTIONS.read_text())["people"][0]["pose_keypoints_2d"], (25, 3))
    columns, rows, confidence = detections.astype(int).T[0], detections.astype(int).T[1], detections[:, 2]
    seen = confidence > 0
    # A mark's colour may by chance be the picture's at its very middle, so its surroundings count.
    near = [has_changed[y - 4 : y + 5, x - 4 : x + 5] for x, y in zip(columns[seen], rows[seen], strict=True)]
    assert all(patch.mean() > 0.5 for patch in near)
    assert not has_changed[:40].any()


def test_a_run_prints_one_line_per_person(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    *lines, total = mixed[0].stdout.splitlines()
    assert total == "3 people: 2 converged, 1 too_few_keypoints"
    assert sorted(line.split(":")[0] for line in lines) == ["halved", "nobody", "photo_0"]
    assert all(("px" in line) == (not line.startswith("nobody")) for line in lines)


def test_one_unreadable_input_is_named_and_the_others_are_done(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    result, out = mixed
    assert result.returncode == 1
    gone, unseen = result.stderr.strip().splitlines()
    assert "gone.json" in one_sentence(gone)
    assert "'people.npz', [1]: no keypoint" in one_sentence(unseen)
    assert (out / "photo_0.npz").exists()
    assert (out / "halved.npz").exists()


def test_a_person_who_cannot_be_fitted_has_a_status_and_no_files(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    assert not list(mixed[1].glob("nobody*"))
    summary = json.loads((mixed[1] / "summary.json").read_text())
    nobody = next(person for person in summary["people"] if person["name"] == "nobody")
    assert nobody["status"] == "too_few_keypoints"
    assert nobody["files"] == []
    assert nobody["cost"] is None


def test_summary_names_every_file_and_every_input(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    out = mixed[1]
    summary = json.loads((out / "summary.json").read_text())
    files = {file for person in summary["people"] for file in person["files"]}
    assert files | {"summary.json"} == {path.name for path in out.iterdir()}  # and no unfinished file is left
    assert len(files) == 6
    assert "gone.json" in summary["unread"][0]["input"]
    (unseen,) = summary["rejected"]
    assert (unseen["file"], unseen["position"], summary["num_rejected"]) == ("people.npz", "[1]", 1)


def test_the_size_of_the_picture_does_not_matter(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    people = {person["name"]: person for person in json.loads((mixed[1] / "summary.json").read_text())["people"]}
    whole, halved = people["photo_0"], people["halved"]
    # The same person, in half the pixels; float32 and a stopping rule make it inexact.
    assert halved["reprojection_error_px"] == pytest.approx(whole["reprojection_error_px"] / 2, rel=0.02)
    assert halved["depth_m"] == pytest.approx(whole["depth_m"], rel=0.01)


def test_a_persons_file_has_smplifys_keys_and_loads_as_a_result(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    path = mixed[1] / "photo_0.npz"
    with np.load(path, allow_pickle=False) as stored:
        assert stored["cam_t"].shape == (3,)
        assert stored["f"].shape == stored["c"].shape == (2,)
        assert stored["pose"].shape == (72,)
        assert stored["betas"].shape == (10,)
        assert stored["keypoints"].shape == (25, 3)
    result = FitResult.load(path)
    assert result.layout == "openpose25"
    assert result.joints.shape == (24, 3)


def test_a_persons_mesh_stands_upright_in_front_of_a_viewers_camera(
    mixed: tuple[subprocess.CompletedProcess[str], Path],
):
    mesh = trimesh.load_mesh(mixed[1] / "photo_0.obj", process=False)
    result = FitResult.load(mixed[1] / "photo_0.npz")
    # Six decimals are written.
    np.testing.assert_allclose(mesh.vertices * (1, -1, -1), result.vertices(), atol=1e-6)
    head_down, foot_down = float(result.joints[15, 1]), float(result.joints[10, 1])
    assert head_down < foot_down
    assert mesh.vertices[:, 2].max() < 0


def test_without_a_picture_the_overlay_is_transparent(mixed: tuple[subprocess.CompletedProcess[str], Path]):
    with Image.open(mixed[1] / "halved_overlay.png") as overlay:
        assert overlay.size == (256, 320)
        alpha = np.asarray(overlay)[..., 3]
    assert alpha[0, 0] == 0
    assert alpha.max() == 255


@pytest.mark.usefixtures("example")
def test_compiled_programs_are_kept(cache_home: Path):
    assert any((cache_home / "smplify_jax" / "compiled").iterdir())
