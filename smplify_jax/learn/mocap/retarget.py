"""From a recorded skeleton to rotations of the SMPL tree.

With G the global rotation of a source joint, G₀ the same in the reference pose, and M the rotation that carries SMPL's
T-pose limb onto the reference limb, the SMPL joint's global rotation is

    R = W · G · G₀ᵀ · Wᵀ · M

(W rotates the file's axes to y up, +z front) and its local rotation R(parent)ᵀ · R. M is the smallest rotation between
the two limb directions, after a twist about the limb if the rig needs one: with palms down in the T-pose, elbows hinge
30° from the vertical (forearms rise a little as they come forward). All skeletons of the CMU database have this hinge
axis; others are twisted to match it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS
from smplify_jax.learn.mocap.hinges import with_hinges
from smplify_jax.learn.mocap.motion import Motion
from smplify_jax.learn.mocap.shoulders import with_moving_collars

NUM_JOINTS = len(SMPL_JOINT_NAMES)

LIMBS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "left_shoulder": ("left_elbow", (1.0, 0.0, 0.0)),
    "right_shoulder": ("right_elbow", (-1.0, 0.0, 0.0)),
    "left_elbow": ("left_wrist", (1.0, 0.0, 0.0)),
    "right_elbow": ("right_wrist", (-1.0, 0.0, 0.0)),
    "left_hip": ("left_knee", (0.0, -1.0, 0.0)),
    "right_hip": ("right_knee", (0.0, -1.0, 0.0)),
    "left_knee": ("left_ankle", (0.0, -1.0, 0.0)),
    "right_knee": ("right_ankle", (0.0, -1.0, 0.0)),
}
"""Joint: (far end of its limb, direction of the limb in SMPL's T-pose)."""

SPINE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")


@dataclass(frozen=True)
class Rig:
    """Joint names and reference pose of one family of files.

    Fields:
        joints: source joint that drives each SMPL joint; a joint left out follows its parent, except a spine joint
            between two driven ones, which gets its share of the rotation between them.
        world: (3, 3) W, file axes to y up, +z front.
        arm_twist: [rad] rotation of both arms about +x before the smallest rotation (it is its own mirror image).
        is_reference_straight: the reference pose is used as the T-pose although its limb lines are bent: M is the
            identity.
        feet_follow_legs: the reference pose moves the feet with the legs, so they take the shins' M; otherwise they stand
            flat.
        foot_pitch: [rad] rotation of both feet about +x, for skeletons whose feet do not stand flat.
        is_twist_in_lower_limb: shins and forearms contain the twist of thighs and upper arms; it is moved up until knees
            and elbows are hinges (see hinges).
        has_still_collars: the collars hardly move, so they get their share of the arms' swing (see shoulders).
    """

    joints: dict[str, str]
    world: np.ndarray = field(default_factory=lambda: np.eye(3))
    arm_twist: float = 0.0
    is_reference_straight: bool = False
    feet_follow_legs: bool = False
    foot_pitch: float = 0.0
    is_twist_in_lower_limb: bool = False
    has_still_collars: bool = False


def retarget(motion: Motion, reference: Motion, rig: Rig) -> np.ndarray:
    """SMPL local rotations of every frame.

    Args:
        motion: T frames.
        reference: one frame of the same skeleton, in the T-pose or a pose near it.
        rig: the skeleton's conventions.
    Returns:
        (T, 24, 3, 3) rotations in SMPL order; the first is global_orient in a y-up world.
    Raises:
        InputError: the skeleton lacks a joint that the rig names.
    """
    missing = sorted(set(rig.joints.values()) - set(motion.joint_names))
    if missing:
        raise InputError(
            f"The motion has no joint '{missing[0]}' that its convention needs; check the manifest's convention."
        )
    source = [motion.joint_names.index(name) for name in rig.joints.values()]
    turned = rig.world @ motion.rotations[:, source] @ _transposed(reference.rotations[0, source]) @ rig.world.T
    alignment = _alignments(reference, rig)
    driven = {name: turned[:, k] @ alignment[name] for k, name in enumerate(rig.joints)}
    if rig.is_twist_in_lower_limb:
        driven |= with_hinges(driven)
    if rig.has_still_collars:
        driven |= with_moving_collars(driven)
    return _local(_fill(driven))


def zero_pose(motion: Motion) -> Motion:
    """The skeleton's zero pose as a reference: every global rotation is the identity."""
    identity = np.broadcast_to(np.eye(3), (1, len(motion.joint_names), 3, 3))
    return Motion(motion.joint_names, motion.parents, motion.offsets, identity)


def rotvecs(rotations: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (T, 72) [rad] of rotations (T, 24, 3, 3), with angles up to π."""
    flat = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_rotvec()
    return flat.reshape(len(rotations), 3 * NUM_JOINTS)


def _alignments(reference: Motion, rig: Rig) -> dict[str, np.ndarray]:
    """The rotation M of every driven joint."""
    places = reference.positions()[0] @ rig.world.T
    at = {joint: places[reference.joint_names.index(name)] for joint, name in rig.joints.items()}
    out = dict.fromkeys(rig.joints, np.eye(3))
    if not rig.is_reference_straight:
        for joint, (end, direction) in LIMBS.items():
            out[joint] = _smallest_rotation(np.array(direction), at[end] - at[joint])
    for side in ("left", "right"):
        _follow(out, f"{side}_elbow", (f"{side}_wrist",))
        if rig.feet_follow_legs:
            _follow(out, f"{side}_knee", (f"{side}_ankle", f"{side}_foot"))
    pitch = Rotation.from_rotvec((rig.foot_pitch, 0.0, 0.0)).as_matrix()
    for joint in ("left_ankle", "left_foot", "right_ankle", "right_foot"):
        if joint in out:
            out[joint] = out[joint] @ pitch
    for joint in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"):
        out[joint] = out[joint] @ Rotation.from_rotvec((rig.arm_twist, 0.0, 0.0)).as_matrix()
    return out


def _follow(alignment: dict[str, np.ndarray], leader: str, followers: tuple[str, ...]) -> None:
    for joint in followers:
        if joint in alignment:
            alignment[joint] = alignment[leader]


def _fill(driven: dict[str, np.ndarray]) -> np.ndarray:
    """Global rotations (T, 24, 3, 3) of all joints, including those that no source joint drives."""
    out = np.empty((len(driven["pelvis"]), NUM_JOINTS, 3, 3))
    for joint, (name, parent) in enumerate(zip(SMPL_JOINT_NAMES, SMPL_PARENTS, strict=True)):
        out[:, joint] = driven[name] if name in driven else out[:, parent]
    spine = [SMPL_JOINT_NAMES.index(name) for name in SPINE]
    known = [place for place, name in enumerate(SPINE) if name in driven]
    for before, after in pairwise(known):
        for place in range(before + 1, after):
            share = (place - before) / (after - before)
            out[:, spine[place]] = _between(out[:, spine[before]], out[:, spine[after]], share)
    return out


def _between(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    """Interpolate rotations (T, 3, 3): a fraction `share` of the way from first to last."""
    step = Rotation.from_matrix(_transposed(first) @ last).as_rotvec()
    return first @ Rotation.from_rotvec(share * step).as_matrix()


def _local(rotations: np.ndarray) -> np.ndarray:
    out = rotations.copy()
    for joint, parent in enumerate(SMPL_PARENTS):
        if parent >= 0:
            out[:, joint] = _transposed(rotations[:, parent]) @ rotations[:, joint]
    return out


def _smallest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(3, 3) rotation by the angle between two directions, about the axis orthogonal to both."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, start @ end)).as_matrix()


def _transposed(rotations: np.ndarray) -> np.ndarray:
    return np.swapaxes(rotations, -1, -2)
