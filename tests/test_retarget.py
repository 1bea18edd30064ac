"""Retargeting to SMPL's joints: limb directions, hinges, collars, mirror images, joint limits."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.mirror import mirrored_poses
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS
from smplify_jax.learn.mocap.hinges import HINGES, with_hinges
from smplify_jax.learn.mocap.limits import MAX_WRIST_BEND, is_possible, with_calm_wrists
from smplify_jax.learn.mocap.motion import Motion, compose
from smplify_jax.learn.mocap.retarget import LIMBS, Rig, retarget, rotvecs, zero_pose
from smplify_jax.learn.mocap.shoulders import COLLAR_SHARE, with_moving_collars


def _skeleton(num_frames: int) -> tuple[Motion, Rig]:
    """A SMPL-like tree whose zero pose has its legs out and its arms hanging, in random poses."""
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(24, 3))
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        side = 1.0 if name.startswith("left") else -1.0
        if name.endswith(("knee", "ankle")):
            offsets[joint] = [0.34 * side, -0.94, 0.0]
        elif name.endswith(("elbow", "wrist")):
            offsets[joint] = [0.1 * side, -0.99, 0.05]
    local = Rotation.from_rotvec(generator.normal(size=(num_frames * 24, 3))).as_matrix().reshape(num_frames, 24, 3, 3)
    motion = Motion(SMPL_JOINT_NAMES, SMPL_PARENTS, offsets, compose(SMPL_PARENTS, local))
    names = [name for name in SMPL_JOINT_NAMES if not name.endswith("hand")]
    return motion, Rig(joints={name: name for name in names}, feet_follow_legs=True)


def test_retargeted_limbs_point_where_the_recorded_ones_do():
    motion, rig = _skeleton(num_frames=5)
    world = compose(SMPL_PARENTS, retarget(motion, zero_pose(motion), rig))
    places = motion.positions()
    for joint, (end, direction) in LIMBS.items():
        at, to = SMPL_JOINT_NAMES.index(joint), SMPL_JOINT_NAMES.index(end)
        recorded = places[:, to] - places[:, at]
        recorded /= np.linalg.norm(recorded, axis=1, keepdims=True)
        np.testing.assert_allclose(world[:, at] @ np.array(direction), recorded, atol=1e-9)


def test_reference_pose_with_straight_limbs_is_the_t_pose():
    motion, rig = _skeleton(num_frames=1)
    tree = Motion(motion.joint_names, motion.parents, motion.offsets.copy(), motion.rotations)
    for joint, (end, direction) in LIMBS.items():
        tree.offsets[SMPL_JOINT_NAMES.index(end)] = direction
        assert joint in tree.joint_names
    poses = rotvecs(retarget(zero_pose(tree), zero_pose(tree), rig))
    np.testing.assert_allclose(poses, 0.0, atol=1e-12)


def test_spine_joint_between_two_driven_ones_takes_its_share():
    motion, rig = _skeleton(num_frames=1)
    joints = {name: source for name, source in rig.joints.items() if name != "spine2"}
    poses = rotvecs(retarget(motion, zero_pose(motion), Rig(joints=joints))).reshape(24, 3)
    np.testing.assert_allclose(
        poses[SMPL_JOINT_NAMES.index("spine2")], poses[SMPL_JOINT_NAMES.index("spine3")], atol=1e-9
    )


def test_missing_joint_is_told():
    motion, rig = _skeleton(num_frames=1)
    with pytest.raises(InputError, match="tail"):
        retarget(motion, zero_pose(motion), Rig(joints={**rig.joints, "spine1": "tail"}))


def test_hinges_keep_limb_directions_and_bend_about_their_axes():
    generator = np.random.default_rng(0)
    rotations = {}
    for upper, lower, limb, hinge in HINGES:
        turned = Rotation.from_rotvec(generator.normal(size=(50, 3)))
        twist = Rotation.from_rotvec(generator.uniform(-1, 1, size=(50, 1)) * np.array(limb))
        bend = Rotation.from_rotvec(generator.uniform(0.5, 2.5, size=(50, 1)) * np.array(hinge))
        rotations[upper] = turned.as_matrix()  # the upper limb lacks the twist, the lower one has it
        rotations[lower] = (turned * twist * bend).as_matrix()
    found = with_hinges(rotations)
    for upper, lower, limb, hinge in HINGES:
        for joint in (upper, lower):
            np.testing.assert_allclose(found[joint] @ np.array(limb), rotations[joint] @ np.array(limb), atol=1e-9)
        bend = Rotation.from_matrix(np.swapaxes(found[upper], 1, 2) @ found[lower]).as_rotvec()
        np.testing.assert_allclose(np.cross(bend, hinge), 0.0, atol=1e-9)
        assert (bend @ np.array(hinge) > 0).all()


def test_collars_go_along_with_the_arms_and_leave_them_where_they_point():
    lowered = Rotation.from_rotvec([[0.0, 0.0, -1.0]]).as_matrix()
    still = np.eye(3)[None]
    found = with_moving_collars(
        {
            "spine3": still,
            "left_collar": still,
            "right_collar": still,
            "left_shoulder": lowered,
            "right_shoulder": still,
        }
    )
    assert found.keys() == {"left_collar", "right_collar"}
    np.testing.assert_allclose(
        Rotation.from_matrix(found["left_collar"]).as_rotvec(), [[0, 0, -COLLAR_SHARE]], atol=1e-9
    )
    np.testing.assert_allclose(found["right_collar"], still, atol=1e-9)


def _joints(poses: np.ndarray) -> np.ndarray:
    """(N, 24, 3) joint positions on a mirror-symmetric skeleton."""
    offsets = np.random.default_rng(3).normal(size=(24, 3))
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        if name.startswith("right"):
            offsets[joint] = offsets[SMPL_JOINT_NAMES.index(name.replace("right", "left"))] * [-1, 1, 1]
        elif not name.startswith("left"):
            offsets[joint, 0] = 0.0
    local = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
    return Motion(SMPL_JOINT_NAMES, SMPL_PARENTS, offsets, compose(SMPL_PARENTS, local)).positions()


def test_mirrored_pose_puts_every_joint_at_its_mirror_place():
    poses = np.random.default_rng(0).normal(size=(4, 72))
    left_of = [SMPL_JOINT_NAMES.index(_other_side(name)) for name in SMPL_JOINT_NAMES]
    np.testing.assert_allclose(_joints(mirrored_poses(poses)), _joints(poses)[:, left_of] * [-1, 1, 1], atol=1e-9)


def _other_side(name: str) -> str:
    swaps = {"left": "right", "right": "left"}
    side, _, rest = name.partition("_")
    return f"{swaps[side]}_{rest}" if side in swaps else name


@pytest.mark.parametrize("size", [72, 69])
def test_mirroring_twice_changes_nothing(size: int):
    poses = np.random.default_rng(0).normal(size=(4, size))
    np.testing.assert_array_equal(mirrored_poses(mirrored_poses(poses)), poses)


def _pose(**joints: tuple[float, float, float]) -> np.ndarray:
    pose = np.zeros((1, 24, 3))
    for name, vector in joints.items():
        pose[0, SMPL_JOINT_NAMES.index(name)] = vector
    return pose.reshape(1, 72)


@pytest.mark.parametrize(
    ("joints", "possible"),
    [
        ({}, True),
        ({"left_knee": (2.0, 0, 0), "right_elbow": (0, 2.0, 0)}, True),
        ({"left_knee": (-0.5, 0, 0)}, False),
        ({"left_elbow": (0, 1.0, 0)}, False),
        ({"right_elbow": (0, -1.0, 0)}, False),
        ({"right_ankle": (0, 0, 3.1)}, False),
        ({"left_shoulder": (1.9, -1.9, 0)}, False),
        ({"right_wrist": (3.0, 0, 0)}, True),
    ],
)
def test_poses_beyond_anatomy_are_recognised_on_either_side(joints: dict, possible: bool):
    pose = _pose(**joints)
    assert is_possible(pose).item() is possible
    assert is_possible(mirrored_poses(pose)).item() is possible


def test_wrists_are_drawn_into_their_range_and_nothing_else_changes():
    pose = _pose(left_wrist=(0.0, 0.0, 3.0), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0))
    calm = with_calm_wrists(pose)
    np.testing.assert_allclose(
        calm, _pose(left_wrist=(0, 0, MAX_WRIST_BEND), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0))
    )
    assert np.array_equal(pose, _pose(left_wrist=(0.0, 0.0, 3.0), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0)))
