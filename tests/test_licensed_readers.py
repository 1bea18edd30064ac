"""Readers of the licensed data sets, on tiny files in exactly their formats whose truth is known."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from bodies import random_body
from licensed_files import (
    COCO_SYMMETRY,
    DISTORTION,
    H36M_SYMMETRY,
    HUMANEVA_SYMMETRY,
    draw_parameters,
    pixels_of,
    points_of,
    save_objects,
    studio_camera,
    threedpw_sequence,
    write_cameras_json,
    write_human36m,
    write_humaneva,
    write_metadata_xml,
    write_threedpw,
)

from benchmarks.datasets.cameras import load_cameras
from benchmarks.datasets.human36m import FRONTAL_CAMERA, read_human36m
from benchmarks.datasets.humaneva import HUMANEVA15, read_humaneva
from benchmarks.datasets.recording import COMPARED_NAMES
from benchmarks.datasets.score import joint_errors
from benchmarks.datasets.threedpw import read_threedpw
from smplify_jax import InputError, get_layout, with_regressor
from smplify_jax.body.regressors import H36M_NAMES
from smplify_jax.skeleton import SMPL_JOINT_NAMES

FLOAT32_M = 1e-5  # positions are stored in float32: 5 m have steps of 5e-7 m, and there are a few roundings
FLOAT32_PX = 1e-2  # 1000 px have steps of 6e-5 px; the lens and the depth multiply roundings by about a hundred


@pytest.fixture(scope="module")
def parameters():
    return draw_parameters(4)


def rows_of(layout, names):
    return [layout.index(name) for name in names]


H36M_ROWS = ["thorax" if n == "neck" else "head" if n == "head_top" else n for n in COMPARED_NAMES]


# --- cameras


def check_camera(camera):
    expected, points = studio_camera(), np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(camera.from_world(points), expected.from_world(points), atol=1e-9)
    np.testing.assert_allclose(camera.pinhole.focal_length, expected.pinhole.focal_length)
    np.testing.assert_allclose(camera.pinhole.camera_center, expected.pinhole.camera_center)
    np.testing.assert_allclose(camera.distortion, expected.distortion)


def test_metadata_xml_gives_the_cameras_in_metres(tmp_path):
    write_metadata_xml(tmp_path / "metadata.xml")
    cameras = load_cameras(tmp_path / "metadata.xml")
    assert len(cameras) == 44
    check_camera(cameras["S9", FRONTAL_CAMERA])
    check_camera(cameras["S11", FRONTAL_CAMERA])
    # A camera sees its own place at the origin; 2.0445 m and not millimetres.
    np.testing.assert_allclose(
        cameras["S9", FRONTAL_CAMERA].from_world(np.array([2.0445, -4.9351, 1.4812])), 0, atol=1e-9
    )


def test_json_gives_the_cameras_in_metres(tmp_path):
    write_cameras_json(tmp_path / "c.json", ["S9"], [FRONTAL_CAMERA])
    check_camera(load_cameras(tmp_path / "c.json")["S9", FRONTAL_CAMERA])


def test_the_lens_is_that_of_opencv_and_undone():
    camera, (k1, k2, p1, p2, k3) = studio_camera(), DISTORTION
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    bent = [
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    ]
    focal, centre = np.asarray(camera.pinhole.focal_length), np.asarray(camera.pinhole.camera_center)
    ideal = focal * np.array([x, y]) + centre
    np.testing.assert_allclose(camera.distorted(ideal), focal * np.array(bent) + centre, atol=1e-9)
    corners = np.array([[0.0, 0.0], [1000.0, 0.0], [1000.0, 1002.0], [500.0, 500.0]])
    np.testing.assert_allclose(camera.distorted(camera.undistorted(corners)), corners, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<metadata></metadata>", "300 numbers"),
        ("<w0>[1 2 3]</w0>", "300 numbers"),
        ("{", "no JSON of cameras"),
        ('{"extrinsics": {"S1": {"C1": {"R": [1], "t": [0, 0, 0]}}}}', "expected R"),
        (
            '{"extrinsics": {"S1": {"C1": {"R": [2,0,0,0,2,0,0,0,2], "t": [0,0,0], "calibration_matrix": [1,0,0,0,1,0,0,0,1]}}}}',
            "must be a rotation",
        ),
    ],
)
def test_files_that_are_no_calibration_are_refused(tmp_path, text, complaint):
    (tmp_path / "cameras").write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_cameras(tmp_path / "cameras")


# --- Human3.6M and HumanEva-I


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


# --- 3DPW


class Trap:
    """Leaves a file where the pickle is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_3dpw_is_read_into_the_camera(tmp_path, parameters):
    content, truth = threedpw_sequence(parameters)
    write_threedpw(tmp_path, content)
    recordings = read_threedpw(tmp_path)
    assert [(one.group, len(one), one.num_skipped) for one in recordings] == [("downtown_test_00", 4, 0)] * 2
    names = [{"head_top": "head"}.get(name, name) for name in COMPARED_NAMES]
    for recording in recordings:
        rows = [SMPL_JOINT_NAMES.index(name) for name in names]
        np.testing.assert_allclose(recording.truth, truth[:, rows], atol=1e-9)
        np.testing.assert_array_equal(recording.keypoints, content["poses2d"][0].transpose(0, 2, 1).astype(np.float32))
        np.testing.assert_allclose(recording.camera.focal_length, [[1961.85, 1969.23]] * 4, rtol=1e-6)
        # The very body as the fit: float32 forward passes at a few metres.
        errors = joint_errors(points_of(parameters, recording.compared), recording.truth)
        assert errors["mpjpe_mm"].max() < 1000 * FLOAT32_M


def test_people_without_a_camera_or_a_pose_are_skipped_and_counted(tmp_path, parameters):
    content, _ = threedpw_sequence(parameters, num_people=1)
    content["campose_valid"][0][1] = 0
    content["poses2d"][0][2] = 0
    content["jointPositions"][0][3] = np.nan
    write_threedpw(tmp_path, content)
    (recording,) = read_threedpw(tmp_path)
    assert (len(recording), recording.num_skipped) == (1, 3)


def test_3dpw_by_a_regressor_is_the_regressed_mesh_of_the_persons_gender(tmp_path, parameters):
    content, _ = threedpw_sequence(parameters)
    write_threedpw(tmp_path, content)
    bodies, regressors = {}, {}
    unlike = {"spine": "spine2", "jaw": "neck"}
    for seed, gender in enumerate(("male", "female")):
        body = random_body(seed=seed)
        stems = [name.removesuffix("_h36m") for name in H36M_NAMES]
        rows = [SMPL_JOINT_NAMES.index(unlike.get(stem, stem)) for stem in stems]
        regressors[gender] = np.asarray(body.J_regressor)[rows]
        bodies[gender] = with_regressor(body, regressors[gender])
    recordings = read_threedpw(tmp_path, bodies=bodies)
    rows = [H36M_NAMES.index({"head_top": "head"}.get(name, name) + "_h36m") for name in COMPARED_NAMES]
    for person, (recording, gender) in enumerate(zip(recordings, bodies, strict=True)):
        pose = content["poses"][person].astype(np.float32)
        vertices = bodies[gender].vertices(
            betas=np.tile(content["betas"][person][:10].astype(np.float32), (4, 1)),
            global_orient=pose[:, :3],
            body_pose=pose[:, 3:],
            transl=content["trans"][person].astype(np.float32),
        )
        world = np.einsum("kv,nvc->nkc", regressors[gender][rows], np.asarray(vertices, np.float64))
        extrinsics = content["cam_poses"]
        expected = np.einsum("nab,nkb->nka", extrinsics[:, :3, :3], world) + extrinsics[:, None, :3, 3]
        np.testing.assert_allclose(recording.truth, expected, atol=FLOAT32_M)


def test_a_malicious_sequence_is_refused_and_not_executed(tmp_path, parameters):
    trap = tmp_path / "executed"
    content, _ = threedpw_sequence(parameters)
    write_threedpw(tmp_path, content | {"texture_maps": [Trap(trap)]})
    with pytest.raises(InputError, match="nothing was executed"):
        read_threedpw(tmp_path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(trap)))  # the trap is one
    assert trap.exists()


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("cam_poses", np.zeros((4, 3, 3)), "found shape"),
        ("poses2d", [np.zeros((4, 18, 3))], "found shape"),
        ("campose_valid", [], "'campose_valid' has 0 people"),
        ("jointPositions", None, "no list 'jointPositions'"),
        ("cam_intrinsics", "K", "found a str"),
    ],
)
def test_a_sequence_that_lacks_something_is_refused(tmp_path, parameters, key, value, complaint):
    content, _ = threedpw_sequence(parameters, num_people=1)
    write_threedpw(tmp_path, content | {key: value})
    with pytest.raises(InputError, match=complaint):
        read_threedpw(tmp_path)
