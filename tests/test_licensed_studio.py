"""Readers of Human3.6M and HumanEva-I, on tiny files in exactly their formats whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from licensed_files import (
    COCO_SYMMETRY,
    FLOAT32_M,
    FLOAT32_PX,
    H36M_SYMMETRY,
    HUMANEVA_SYMMETRY,
    Trap,
    draw_parameters,
    pixels_of,
    points_of,
    save_objects,
    studio_camera,
    write_human36m,
    write_humaneva,
    write_metadata_xml,
)

from benchmarks.datasets.cameras import load_cameras
from benchmarks.datasets.human36m import read_human36m
from benchmarks.datasets.humaneva import HUMANEVA15, read_humaneva
from benchmarks.datasets.recording import COMPARED_NAMES
from benchmarks.datasets.score import joint_errors
from smplify_jax import InputError, get_layout

H36M_ROWS = ["thorax" if n == "neck" else "head" if n == "head_top" else n for n in COMPARED_NAMES]


@pytest.fixture(scope="module")
def parameters():
    return draw_parameters(4)


def rows_of(layout, names):
    return [layout.index(name) for name in names]


def test_human36m_is_read_into_the_camera(tmp_path, parameters):
    truth = write_human36m(tmp_path, parameters)
    write_metadata_xml(tmp_path / "metadata.xml")
    recordings = read_human36m(tmp_path, load_cameras(tmp_path / "metadata.xml"), every=1)
    assert [recording.group for recording in recordings] == ["Walking", "Sitting", "Sitting"]
    layout = get_layout("h36m17")
    for recording in recordings:
        assert (len(recording), recording.num_skipped, recording.layout) == (4, 0, layout)
        np.testing.assert_allclose(recording.truth, truth[:, rows_of(layout, H36M_ROWS)], atol=FLOAT32_M)
        ideal = pixels_of(truth, studio_camera().pinhole)
        np.testing.assert_allclose(recording.keypoints[..., :2], ideal, atol=FLOAT32_PX)
        assert (recording.keypoints[..., 2] == 1).all()


def test_every_nth_frame_is_taken_from_the_first_on(tmp_path, parameters):
    truth = write_human36m(tmp_path, parameters)
    write_metadata_xml(tmp_path / "metadata.xml")
    recording = read_human36m(tmp_path, load_cameras(tmp_path / "metadata.xml"), every=3)[0]
    np.testing.assert_allclose(recording.truth[:, 0], truth[::3, 0], atol=FLOAT32_M)


def test_frames_without_detections_are_counted(tmp_path, parameters):
    write_human36m(tmp_path, parameters, cut=3)
    write_metadata_xml(tmp_path / "metadata.xml")
    recording = read_human36m(tmp_path, load_cameras(tmp_path / "metadata.xml"), every=1)[0]
    assert (len(recording), recording.num_skipped) == (3, 1)


def test_the_fit_is_compared_by_the_points_that_human36m_means(tmp_path, parameters):
    truth = write_human36m(tmp_path, parameters)
    write_metadata_xml(tmp_path / "metadata.xml")
    recording = read_human36m(tmp_path, load_cameras(tmp_path / "metadata.xml"), every=1)[0]
    # The "fit" is the body that was photographed, so what remains is the rounding of the files.
    errors = joint_errors(points_of(parameters, recording.compared), recording.truth)
    assert max(errors["mpjpe_mm"].max(), errors["pa_mpjpe_mm"].max()) < 1000 * FLOAT32_M
    assert len(truth) == 4


def test_humaneva_is_read_into_the_camera(tmp_path, parameters):
    truth = write_humaneva(tmp_path, parameters, HUMANEVA15)
    recordings = read_humaneva(tmp_path, load_cameras(tmp_path / "camera-parameters.json"))
    assert [(one.group, len(one), one.num_skipped) for one in recordings] == [
        ("Box", 4, 0),
        ("Box", 0, 4),
        ("Box", 4, 0),
    ]
    np.testing.assert_allclose(recordings[0].truth, truth[:, rows_of(HUMANEVA15, H36M_ROWS)], atol=FLOAT32_M)
    errors = joint_errors(points_of(parameters, recordings[0].compared), recordings[0].truth)
    assert errors["mpjpe_mm"].max() < 1000 * FLOAT32_M


def test_millimetres_are_refused(tmp_path, parameters):
    write_humaneva(tmp_path, parameters, HUMANEVA15)
    with np.load(tmp_path / "data_3d_humaneva15.npz", allow_pickle=True) as file:
        positions = file["positions_3d"].item()
    positions["Validate/S1"]["Box 1 chunk0"] *= 1000
    save_objects(tmp_path / "data_3d_humaneva15.npz", {"positions_3d": positions})
    with pytest.raises(InputError, match="in metres"):
        read_humaneva(tmp_path, load_cameras(tmp_path / "camera-parameters.json"))


@pytest.mark.parametrize(
    ("layout", "symmetry"),
    [(get_layout("h36m17"), H36M_SYMMETRY), (get_layout("coco17"), COCO_SYMMETRY), (HUMANEVA15, HUMANEVA_SYMMETRY)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_left_and_right_of_the_layouts_are_those_of_the_files(layout, symmetry):
    names = layout.keypoint_names
    assert [[k for k, n in enumerate(names) if n.startswith(side)] for side in ("left", "right")] == symmetry
    # The lists of a file pair up by size, and a mirrored picture exchanges them.
    assert sorted(layout.flip[k] for k in symmetry[0]) == symmetry[1]


def test_detections_in_an_unknown_layout_are_refused(tmp_path, parameters):
    write_human36m(tmp_path, parameters)
    metadata = {"num_joints": 17, "keypoints_symmetry": [[0], [1]]}
    save_objects(tmp_path / "data_2d_h36m_gt.npz", {"positions_2d": {}, "metadata": metadata})
    with pytest.raises(InputError, match="none of the layouts"):
        read_human36m(tmp_path, {})


def test_an_archive_that_asks_for_code_is_refused(tmp_path):
    trap = tmp_path / "executed"
    save_objects(tmp_path / "data_3d_h36m.npz", {"positions_3d": {"S9": Trap(trap)}})
    with pytest.raises(InputError, match="nothing was executed"):
        read_human36m(tmp_path, {})
    assert not trap.exists()
