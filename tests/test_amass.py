"""A motion in AMASS's arrays, read back by a NumPy twin of the body."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from dataset_fits import draw_fits, draw_motion, load_body
from numpy_twin import vertices_and_joints

from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.errors import InputError
from smplify_jax.result import FitStatus

ROUNDING = 1e-5  # m: float32 joints of bodies up to 6 m away
Z_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])


@pytest.fixture(scope="module")
def motion():
    """Six frames of one person: the bodies drawn at random, all with the first one's shape."""
    return draw_motion(6)


def read_joints(amass, frame):
    """(22, 3) joints of a frame as a reader of AMASS has them, by the twin; the hands' own joints are not in the file."""
    pose = np.concatenate([amass["poses"][frame, 3:66], np.zeros(6)])
    _, joints = vertices_and_joints(
        load_body(), amass["betas"][:10], amass["poses"][frame, :3], pose, amass["trans"][frame]
    )
    return joints[:22]


def without_bodies(result, frames):
    status = np.array(result.status)
    status[frames] = FitStatus.TOO_FEW_KEYPOINTS
    broken = jax.tree.map(
        lambda leaf: (
            np.where(np.isin(np.arange(6), frames).reshape(-1, *[1] * (leaf.ndim - 1)), np.nan, leaf)
            if np.asarray(leaf).dtype.kind == "f"
            else leaf
        ),
        result,
    )
    return replace(broken, status=status)


def test_the_joints_are_those_of_the_fit_turned_to_z_up(motion):
    amass = motion.to_amass(25)
    for frame in range(6):
        expected = np.asarray(motion.joints)[frame, :22] @ Z_UP.T
        np.testing.assert_allclose(read_joints(amass, frame), expected, atol=ROUNDING)


def test_the_arrays_are_those_that_readers_ask_for(motion, tmp_path):
    np.savez(tmp_path / "walk.npz", **motion.to_amass(25))
    with np.load(tmp_path / "walk.npz") as read:  # without pickles, as Blender's add-on opens it
        shapes = {name: read[name].shape for name in ("poses", "trans", "betas")}
        assert shapes == {"poses": (6, 156), "trans": (6, 3), "betas": (16,)}
        assert not read["poses"][:, 66:].any()
        assert str(read["gender"]) == "neutral"
        assert int(read["mocap_frame_rate"]) == int(read["mocap_framerate"]) == 25
        assert str(read["body_name"]) == "open body"
        assert read["is_fitted"].all()


def test_frames_without_a_body_hold_the_frame_before_and_are_marked(motion):
    amass = without_bodies(motion, [0, 3, 4]).to_amass()
    assert amass["is_fitted"].tolist() == [False, True, True, False, False, True]
    whole = motion.to_amass()
    for name in ("poses", "trans"):
        np.testing.assert_array_equal(amass[name], whole[name][[1, 1, 2, 2, 2, 5]])


def test_a_result_in_a_world_frame_keeps_it(motion):
    nowhere = Extrinsics(np.zeros((6, 0, 3, 3), np.float32), np.zeros((6, 0, 3), np.float32))
    amass = replace(motion, extrinsics=nowhere).to_amass()
    np.testing.assert_allclose(amass["trans"], motion.transl, atol=ROUNDING)
    np.testing.assert_allclose(read_joints(amass, 2), np.asarray(motion.joints)[2, :22], atol=ROUNDING)


def test_one_person_is_a_motion_of_one_frame(motion):
    amass = motion[2].to_amass()
    np.testing.assert_array_equal(amass["poses"], motion.to_amass()["poses"][2:3])


def test_what_is_no_motion_of_one_person_is_refused(motion):
    _, people = draw_fits(6)
    with pytest.raises(InputError, match="different betas"):
        people.to_amass()
    with pytest.raises(InputError, match="No frame"):
        without_bodies(motion, list(range(6))).to_amass()
    with pytest.raises(InputError, match="frames of 1 people"):
        jax.tree.map(lambda leaf: np.asarray(leaf)[None], motion).to_amass()
    with pytest.raises(InputError, match="frame rate is 0"):
        motion.to_amass(0)
