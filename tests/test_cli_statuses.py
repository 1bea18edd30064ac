"""How `smplify-fit` reports absurd input and poor fits, and whom its limits leave out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import InputError
from smplify_jax.body.open_body import CAPSULES_PATHS, OPEN_BODY_PATH
from smplify_jax.cli.fit import main
from smplify_jax.cli.fitter import people_fitter
from smplify_jax.cli.shared_options import BodyOptions, CameraOptions, KnownOptions

PEOPLE = draw_people(3, "coco17")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """One good person, one two pixels tall, and one with random points, in a picture of the given size."""

    def run_command(*options: str, image_size: tuple[int, int] = IMAGE_SIZE) -> tuple[int, dict[str, Any], Path]:
        folder = tmp_path_factory.mktemp("statuses")
        keypoints = PEOPLE.keypoints.copy()
        keypoints[1, :, :2] = 300 + keypoints[1, :, :2] / IMAGE_SIZE
        keypoints[2, :, :2] = np.random.default_rng(1).uniform(0, IMAGE_SIZE[1], (17, 2))
        names = ["good", "tiny", "anywhere"]
        np.savez(folder / "people.npz", keypoints=keypoints, layout="coco17", image_size=image_size, names=names)
        out = folder / "fits"
        code = main([str(folder / "people.npz"), "--out", str(out), "--no-obj", "--no-overlay", "--no-cache", *options])
        return code, json.loads((out / "summary.json").read_text()), out

    return run_command


def by_name(summary: dict[str, Any], key: str) -> dict[str, Any]:
    return {person["name"]: person[key] for person in summary["people"]}


def test_statuses_are_told_and_counted_apart(run, capsys):
    code, summary, out = run()
    printed = capsys.readouterr()
    assert code == 0
    assert by_name(summary, "status") == {"good": "converged", "tiny": "implausible", "anywhere": "poor_fit"}
    counts = {name: count for name, count in summary["statuses"].items() if count}
    assert counts == {"converged": 1, "implausible": 1, "poor_fit": 1}
    assert printed.out.splitlines()[-1] == "3 people: 1 converged, 1 implausible, 1 poor_fit"
    assert "anywhere: Poor fit" in printed.out
    assert sorted(path.name for path in out.iterdir()) == ["anywhere.npz", "good.npz", "summary.json"]
    error = by_name(summary, "reprojection_error_percent_of_height")
    assert error["good"] < 10 < error["anywhere"]


def test_limits_leave_people_out_and_the_summary_says_why(run, capsys):
    for options, reason in ((("--max-error", "10"), "--max-error 10"), (("--min-quality", "0.5"), "--min-quality 0.5")):
        _, summary, out = run(*options)
        assert sorted(path.name for path in out.iterdir()) == ["good.npz", "summary.json"]
        left_out = by_name(summary, "left_out")
        assert left_out["good"] is None
        assert reason in left_out["anywhere"]
        assert "Left out" in capsys.readouterr().out


@pytest.mark.filterwarnings("default::smplify_jax.errors.InputWarning")
def test_a_picture_of_another_size_is_said_once_on_stderr(run, capsys):
    run(image_size=(320, 240))
    stderr = capsys.readouterr().err
    assert stderr.count("most keypoints lie outside the picture of 320 x 240 pixels") == 1
    assert len(stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("options", [("--min-quality", "2"), ("--max-error", "0")])
def test_limits_that_cannot_be_are_wrong_usage(options, tmp_path, capsys):
    assert main(["people.npz", "--out", str(tmp_path), *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_a_body_file_gets_the_capsules_that_the_command_is_given(tmp_path):
    body = shutil.copy(OPEN_BODY_PATH, tmp_path / "mine.npz")
    without = people_fitter(BodyOptions(body=Path(body)), CameraOptions(), KnownOptions(), guesses_cameras=True).body
    options = BodyOptions(body=Path(body), capsules=CAPSULES_PATHS["neutral"])
    fitted = people_fitter(options, CameraOptions(), KnownOptions(), guesses_cameras=True).body
    assert without.capsules is None
    assert fitted.capsules is not None
    with pytest.raises(InputError, match=r"gone\.npz"):
        people_fitter(
            BodyOptions(capsules=tmp_path / "gone.npz"), CameraOptions(), KnownOptions(), guesses_cameras=True
        )
