"""`smplify-fit --init`: fits start from what a network predicted, and say who has no prediction."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import one_sentence
from people import draw_people
from prediction_files import DIAGONAL, WRITTEN, phalp, write_keypoints, write_pickle

from smplify_jax.cli.arguments import FIT, check_command
from smplify_jax.cli.fit import main
from smplify_jax.cli.program import UsageError

PLAIN = ["--no-obj", "--no-overlay", "--no-cache", "--focal-length", str(DIAGONAL)]


@pytest.fixture(scope="module")
def people():
    return draw_people(4, "coco17", seed=8)


def fitted(tmp_path, keypoints, *options):
    """Exit status, entries of the summary and joints by person's name."""
    out = tmp_path / f"fits{len(options)}"
    status = main([str(keypoints), "--out", str(out), *PLAIN, *options])
    entries = json.loads((out / "summary.json").read_text())["people"]
    bodies = {entry["name"]: np.load(out / f"{entry['name']}.npz") for entry in entries}
    return status, entries, bodies


def test_fits_start_from_the_file_and_whoever_has_none_is_named_and_fitted_as_usual(tmp_path, people, capsys):
    keypoints = write_keypoints(tmp_path / "coco.json", people)
    frames = phalp(people, np.array([1, 0, 3, 2]))
    del frames["outputs/img/video_000001.jpg"]
    path = write_pickle(tmp_path / "phalp.pkl", frames)
    status, entries, bodies = fitted(tmp_path, keypoints, "--init", str(path))
    told = capsys.readouterr().err
    assert status == 0
    assert f"{path} has no prediction for 2 of 4 people" in told
    assert "betas are SMPL's" in told
    _, _, usual = fitted(tmp_path, keypoints)
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry["name"])):
        name = entry["name"]
        is_same = np.array_equal(bodies[name]["body_pose"], usual[name]["body_pose"])
        assert is_same == (number >= 2), name


def test_tracks_are_fitted_with_the_predictions_of_their_frames(tmp_path, people, capsys):
    keypoints = write_keypoints(tmp_path / "coco.json", people)
    frames = phalp(people, np.array([1, 0, 3, 2]))
    path = write_pickle(tmp_path / "phalp.pkl", frames)
    bodies = []
    for name, options in (("usual", []), ("started", ["--init", str(path), "--init-error", "10"])):
        out = tmp_path / name
        assert main(["--track", str(keypoints), "--out", str(out), "--no-cache", *options]) == 0
        bodies.append([np.load(file)["body_pose"] for file in sorted(out.glob("*_[0-9].npz"))])
    assert "betas are SMPL's" in capsys.readouterr().err
    truth = people.parameters["body_pose"]
    for usual, started in zip(*bodies, strict=True):
        assert len(usual) == len(started)
        nearest = [min(np.abs(pose - row).mean() for row in truth) for pose in started]
        assert np.mean(nearest) < 0.5 * np.mean([min(np.abs(pose - row).mean() for row in truth) for pose in usual])


def test_a_file_that_holds_no_predictions_ends_the_program_with_a_sentence(tmp_path, people, capsys):
    keypoints = write_keypoints(tmp_path / "coco.json", people)
    path = write_pickle(tmp_path / "a.pkl", {"keypoints": np.zeros((4, 17, 3))})
    assert main([str(keypoints), "--out", str(tmp_path / "fits"), *PLAIN, "--init", str(path)]) == 1
    assert "it has no pose" in one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "fits").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--init-first-frame", "1"], "add --init"),
        (["--init-error", "50"], "add --init"),
        (["--init", "a.pkl", "--init-error", "-1"], "positive number of millimetres, or one of"),
        (["--init", "a.pkl", "--init-error", "openpose"], "one of hmr, spin"),
        (["--init", "a.pkl", "--num-starts", "4"], "leave out --num-starts"),
        (["--init", "a.pkl", "--points"], "turn the predictions into the frame of the points"),
    ],
)
def test_options_that_have_no_meaning_together_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        check_command(FIT.parse(["a.json", "--out", "fits", *options]))


def test_the_smaller_the_error_that_is_told_the_closer_fits_stay(tmp_path, people):
    keypoints = write_keypoints(tmp_path / "coco.json", people)
    path = write_pickle(tmp_path / "a.pkl", WRITTEN["hmr2"](people, np.array([1, 0, 3, 2])))
    apart = {}
    for error in ("0.5", "hmr2"):
        _, _, bodies = fitted(tmp_path / error, keypoints, "--init", str(path), "--init-error", error)
        poses = np.sort([body["body_pose"] for body in bodies.values()], axis=0)
        apart[error] = np.abs(poses - np.sort(people.parameters["body_pose"], axis=0)).mean()
    assert apart["0.5"] < 0.02 < apart["hmr2"]


@pytest.mark.parametrize("program", ["hmr2", "cliff", "pare"])
def test_every_kind_of_file_is_an_option(tmp_path, people, program, capsys):
    keypoints = write_keypoints(tmp_path / "coco.json", people)
    path = write_pickle(tmp_path / "a.pkl", WRITTEN[program](people, np.array([1, 0, 3, 2])))
    status, entries, _ = fitted(tmp_path, keypoints, "--init", str(path))
    assert status == 0
    assert {entry["status"] for entry in entries} == {"converged"}
    assert "no prediction" not in capsys.readouterr().err
