"""`smplify-fit --points` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import one_sentence
from pages import data_of, unpacked
from point_files import easymocap, markers, panoptic, trc, write_folder
from test_cli_tracks import Ran, run
from test_load_points import person, seen_from

from smplify_jax import load_body
from smplify_jax.result import FitResult

NUM_FRAMES = 4
SPEED = np.array([0.02, 0.01, 0.0])


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A `.trc` with y up in millimetres, with a damaged file beside it."""
    folder = tmp_path_factory.mktemp("points")
    points, names = markers(seen_from(person("halpe26"), "y", 1000.0))
    (folder / "walk.trc").write_text(trc(points, names, unit="mm"))
    (folder / "bad.trc").write_text("PathFileType\n")
    page = ("--report", folder / "report.html")
    return run("--points", folder / "walk.trc", folder / "bad.trc", "--fps", 30, "--out", folder / "out", *page)


def test_a_trc_becomes_a_motion(walked: Ran):
    assert walked.status == 1  # for the damaged file
    assert {path.name for path in walked.out.iterdir()} == {"walk.npz", "walk_amass.npz", "walk.glb", "summary.json"}
    assert walked.stdout.startswith("walk: 4 frames, 4 fitted. Points ")
    complaints = walked.stderr.splitlines()
    assert any("walk.trc does not say which axis points up: y is taken; --up says it." in line for line in complaints)
    assert any("bad.trc: its fourth line does not name markers" in line for line in complaints)


def test_the_body_stands_upright_at_its_place_in_a_world_with_z_up(walked: Ran):
    fitted = FitResult.load(walked.out / "walk.npz")
    vertices = np.asarray(fitted.vertices())
    size = vertices.max(axis=1) - vertices.min(axis=1)
    assert (size.argmax(axis=1) == 2).all()
    rows = person("halpe26")
    ankles = rows[:, 15:17, :3].mean(axis=1)
    joints = np.asarray(fitted.joints)[:, 7:9].mean(axis=1)
    np.testing.assert_allclose(joints, ankles, atol=0.03)
    with np.load(walked.out / "walk.npz") as saved:
        np.testing.assert_allclose(saved["points"], rows, atol=1e-5)
        np.testing.assert_allclose(saved["times"], np.arange(NUM_FRAMES) / 50)
    with np.load(walked.out / "walk_amass.npz") as amass:
        assert amass["mocap_frame_rate"] == 50
        np.testing.assert_allclose(amass["trans"][-1] - amass["trans"][0], (NUM_FRAMES - 1) * SPEED, atol=0.01)


def test_the_page_shows_the_motion_without_a_camera(walked: Ran):
    (scene,) = data_of(walked.out.parent / "report.html")["scenes"]
    assert (scene["cameras"], scene["times"][-1]) == ([], pytest.approx((NUM_FRAMES - 1) / 50))
    assert scene["still"] is not None
    assert np.nanmedian(unpacked(scene["people"][0]["point_errors_m"])) < 0.02


def test_the_summary_says_what_was_taken_for_granted(walked: Ran):
    summary = json.loads((walked.out / "summary.json").read_text())
    (entry,) = summary["people"]
    assert (entry["layout"], entry["unit"], entry["up"], entry["is_up_known"]) == ("halpe26", "mm", "y", False)
    assert entry["point_error_mm"] < 20
    assert entry["statuses"] == {"converged": 4}
    assert "bad.trc" in summary["unread"][0]["input"]


def test_rows_of_an_array_are_people_or_frames(tmp_path: Path):
    rows = person("smpl24")
    np.savez(tmp_path / "a.npz", joints=rows[:2])
    people = run("--points", tmp_path / "a.npz", "--up", "z", "--no-obj", "--out", tmp_path / "people")
    assert people.status == 0
    assert people.stderr == ""
    assert {path.name for path in people.out.iterdir()} == {"a_0.npz", "a_1.npz", "summary.json"}
    assert people.stdout.splitlines()[0].startswith("a_0: Converged. Points ")
    one = FitResult.load(people.out / "a_1.npz")
    assert not one.is_batched
    assert (
        1000 * np.linalg.norm(np.asarray(one.joints) - rows[1, :, :3], axis=-1).mean() < 10
    )  # they penetrate themselves a little
    motion = run("--points", tmp_path / "a.npz", "--track", "--fps", 10, "--out", tmp_path / "motion")
    assert motion.status == 0
    with np.load(motion.out / "a_amass.npz") as amass:
        assert amass["mocap_frame_rate"] == 10


@pytest.mark.parametrize("kind", ["easymocap", "panoptic"])
def test_scenes_of_several_people_are_fitted_together(tmp_path: Path, kind: str):
    layout, write, up, factor = {
        "easymocap": ("openpose25", easymocap, "z", 1.0),
        "panoptic": ("panoptic19", panoptic, "-y", 100.0),
    }[kind]
    rows = person(layout)[0]
    people = {k: seen_from(rows + (k, 0, 0, 0) * (rows[:, 3:] > 0), up, factor) for k in range(2)}
    write_folder(tmp_path / "scene", [write(people)])
    ran = run("--points", tmp_path / "scene" / "000000.json", "--out", tmp_path / "out")
    assert ran.status == 0
    assert {path.name for path in ran.out.iterdir()} >= {
        f"000000_{k}{ending}" for k in range(2) for ending in (".npz", ".obj")
    }
    places = [np.asarray(FitResult.load(ran.out / f"000000_{k}.npz").transl) for k in range(2)]
    np.testing.assert_allclose(places[1] - places[0], [1, 0, 0], atol=2e-3)


def test_vertices_of_a_mesh_are_fitted_by_a_correspondence(tmp_path: Path):
    body = load_body()
    pose = np.zeros(69, np.float32)
    pose[[3 * 15 + 2, 3 * 16 + 2]] = -1.0, 1.0
    zero = np.zeros(3, np.float32)
    vertices = np.asarray(body.vertices(betas=zero, global_orient=zero, body_pose=pose, transl=zero))
    np.savez(tmp_path / "mesh.npz", vertices=vertices)
    (tmp_path / "all.json").write_text(json.dumps(list(range(len(vertices)))))
    ran = run(
        *("--points", tmp_path / "mesh.npz", "--surface", tmp_path / "all.json", "--up", "y"),
        *("--out", tmp_path / "out"),
    )
    assert ran.status == 0
    assert "300 that are spread over the body are used" in ran.stdout
    fitted = np.asarray(FitResult.load(ran.out / "mesh.npz").vertices())
    in_world = vertices[:, [0, 2, 1]] * (1, -1, 1)
    assert 1000 * np.linalg.norm(fitted - in_world, axis=-1).mean() < 1


def test_points_of_no_scale_get_one(tmp_path: Path):
    np.save(tmp_path / "a.npy", 0.01 * person("smpl24")[0, :, :3])
    ran = run("--points", "--free-scale", tmp_path / "a.npy", "--up", "z", "--out", tmp_path / "out")
    assert ran.status == 0
    assert "The points were multiplied by " in ran.stdout
    (entry,) = json.loads((ran.out / "summary.json").read_text())["people"]
    assert 80 < entry["point_scale"] < 120


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--up", "z"], "add --points"),
        (["--points", "--up", "w"], "--up must be one of x, y, z"),
        (["--points", "--unit", "feet"], "--unit must be one of"),
        (["--points", "--cameras", "c.toml"], "--cameras is not for points in space"),
        (["--points", "--image", "a.png"], "--image is not for points in space"),
        (["--points", "--focal-length", "900"], "is not for points in space"),
        (["--points", "--profile", "plain"], "leave it out, or leave out --points"),
        (["--points", "--surface", "a.json", "--layout", "coco17"], "leave out --layout"),
        (["--points", "--layout", "nothing"], "no keypoint layout 'nothing'"),
        (["--points", "--fps", "0"], "--fps must be a positive number"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence_and_status_2(options: list[str], words: str, tmp_path: Path):
    ran = run("points.npz", *options, "--out", tmp_path / "out")
    assert ran.status == 2
    assert words in one_sentence(ran.stderr)
    assert not ran.out.exists()


def test_a_layout_that_is_needed_is_one_sentence(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.ones((17, 3)))
    ran = run("--points", tmp_path / "a.npy", "--out", tmp_path / "out")
    assert ran.status == 1
    assert "give the layout" in one_sentence(ran.stderr)


def test_nobody_has_a_body(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.full((24, 3), np.nan))
    ran = run("--points", tmp_path / "a.npy", "--unit", "m", "--up", "z", "--out", tmp_path / "out")
    assert ran.status == 1
    assert "a: Not fitted: fewer than 4 keypoints" in ran.stdout
