"""Figures and command of the licensed data sets, on tiny files whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from licensed_files import (
    draw_parameters,
    points_of,
    threedpw_sequence,
    write_human36m,
    write_metadata_xml,
    write_threedpw,
)

from benchmarks.datasets.cameras import load_cameras
from benchmarks.datasets.humaneva import HUMANEVA15
from benchmarks.datasets.recording import COMPARED_NAMES, of_regressor_h36m
from benchmarks.datasets.score import joint_errors, summarize
from benchmarks.datasets.threedpw import COMPARED, read_threedpw
from benchmarks.licensed import main
from benchmarks.measure import FAILURE_MM
from smplify_jax import load_body
from smplify_jax.body.points import undefined_keypoints


@pytest.fixture(scope="module")
def parameters():
    return draw_parameters(4)


@pytest.fixture(scope="module")
def truth(parameters):
    return points_of(parameters, COMPARED)


def test_the_truth_as_fit_has_no_error(truth):
    errors = joint_errors(truth, truth)
    assert errors["mpjpe_mm"].max() == 0
    assert errors["pa_mpjpe_mm"].max() < 1e-9  # the alignment is computed in float64, of metres


def test_moving_the_whole_body_changes_nothing(truth):
    errors = joint_errors(truth + np.array([0.5, -1.0, 3.0]), truth)
    np.testing.assert_allclose([errors["mpjpe_mm"], errors["pa_mpjpe_mm"]], 0, atol=1e-9)


def test_joints_10_mm_from_where_the_pelvis_has_them_are_10_mm_wrong_and_aligned_away(truth):
    moved = truth.copy()
    moved[:, 1:] += [0.006, 0.0, -0.008]
    errors = joint_errors(moved, truth)
    np.testing.assert_allclose(errors["mpjpe_mm"], 10.0, rtol=1e-9)
    np.testing.assert_allclose(errors["pa_mpjpe_mm"], 0.0, atol=1e-9)


def test_one_joint_of_fourteen_counts_a_fourteenth(truth):
    moved = truth.copy()
    moved[:, COMPARED_NAMES.index("left_wrist")] += [0.0, 0.14, 0.0]
    np.testing.assert_allclose(joint_errors(moved, truth)["mpjpe_mm"], 10.0, rtol=1e-9)


def test_the_table_pools_recordings_by_group_and_counts_who_was_not_fitted(tmp_path, parameters):
    content, _ = threedpw_sequence(parameters)
    content["campose_valid"][1][0] = 0
    write_threedpw(tmp_path, content)
    recordings = read_threedpw(tmp_path)
    points = [recording.truth.copy() for recording in recordings]
    points[0][:, 1:] += [0.0, 0.0, 0.010]
    points[1][0] = np.nan
    *groups, overall = summarize(recordings, points)
    assert [row["group"] for row in groups] == ["downtown_test_00"]
    assert (overall["people"], overall["not_fitted"], overall["skipped"]) == (6, 1, 1)
    np.testing.assert_allclose(overall["mpjpe_mm_mean"], 10 * 4 / 6)
    np.testing.assert_allclose(overall["mpjpe_mm_median"], 10)


def test_the_open_body_has_every_point_that_is_compared():
    from benchmarks.datasets import human36m, humaneva

    for layout in (COMPARED, human36m.COMPARED, humaneva.COMPARED, HUMANEVA15):
        assert undefined_keypoints(load_body(), layout) == []
    assert len(undefined_keypoints(load_body(), of_regressor_h36m())) == 15


# --- the command


def test_the_command_fits_and_writes_the_table(tmp_path, parameters, capsys):
    write_human36m(tmp_path, parameters)
    write_metadata_xml(tmp_path / "metadata.xml")
    assert main(["human36m", str(tmp_path), "--every", "3", "--json", str(tmp_path / "table.json")]) == 0
    rows = json.loads((tmp_path / "table.json").read_text())
    assert [(row["group"], row["people"]) for row in rows] == [("Walking", 2), ("Sitting", 4), ("all", 6)]
    # Exact keypoints of the very body that is fitted. Seen from a wrong side, or in another frame, MPJPE would be half a metre.
    assert 0 < rows[-1]["pa_mpjpe_mm_median"] < rows[-1]["mpjpe_mm_median"] < FAILURE_MM
    assert "Walking" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["3dpw", "nowhere"], 1, "no sequenceFiles/test"),
        (["human36m", "nowhere"], 1, "give the calibration with --cameras"),
        (["humaneva", "nowhere", "--cameras", "nothing.json"], 1, "no such file of cameras"),
        (["3dpw", "nowhere", "--every", "0"], 2, "at least 1"),
        (["3dpw", "nowhere", "--profile", "none"], 2, "profile"),
        (["3dpw", "nowhere", "--regressor", "J.npy"], 2, "--body"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments, status, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    message = capsys.readouterr().err
    assert message.startswith("benchmarks.licensed: ")
    assert message.count("\n") == 1
    assert complaint in message


def test_an_unknown_data_set_is_wrong_usage():
    with pytest.raises(SystemExit, match="2"):
        main(["mpi-inf-3dhp", "nowhere"])


def test_the_cameras_shown_in_the_documentation_can_be_read(tmp_path):
    page = Path(__file__).resolve().parents[1] / "docs" / "licensed_datasets.md"
    (tmp_path / "cameras.json").write_text(page.read_text().split("```json\n")[1].split("```")[0])
    camera = load_cameras(tmp_path / "cameras.json")["S1", "C1"]
    np.testing.assert_allclose(camera.from_world(np.zeros(3)), [0.0, 1.0, 4.0])
