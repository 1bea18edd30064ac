"""Reader of 3DPW, on tiny files in exactly its format whose truth is known."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from bodies import random_body
from licensed_files import FLOAT32_M, Trap, draw_parameters, points_of, threedpw_sequence, write_threedpw

from benchmarks.datasets.recording import COMPARED_NAMES
from benchmarks.datasets.score import joint_errors
from benchmarks.datasets.threedpw import read_threedpw
from smplify_jax import InputError, with_regressor
from smplify_jax.body.regressors import H36M_NAMES
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES


@pytest.fixture(scope="module")
def parameters():
    return draw_parameters(4)


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
