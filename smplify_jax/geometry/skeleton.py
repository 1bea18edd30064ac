"""Joint names and parents of the SMPL family, in the order of the model files.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015; names as in the package smplx.
"""

from __future__ import annotations

SIDES = ("left", "right")

SMPL_JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)

SMPL_PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)

NUM_SHARED_JOINTS = 22
"""SMPL, SMPL-H and SMPL-X agree on the joints up to the wrists; after them come hands (SMPL), or fingers and face."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")


def _finger_joints(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}{knuckle}" for finger in _FINGERS for knuckle in (1, 2, 3))


SMPLH_JOINT_NAMES: tuple[str, ...] = (
    *SMPL_JOINT_NAMES[:NUM_SHARED_JOINTS],
    *_finger_joints("left"),
    *_finger_joints("right"),
)

SMPLX_JOINT_NAMES: tuple[str, ...] = (
    *SMPL_JOINT_NAMES[:NUM_SHARED_JOINTS],
    "jaw",
    "left_eye_smplhf",
    "right_eye_smplhf",
    *_finger_joints("left"),
    *_finger_joints("right"),
)

_NAMES_BY_COUNT = {len(names): names for names in (SMPL_JOINT_NAMES, SMPLH_JOINT_NAMES, SMPLX_JOINT_NAMES)}


def joint_names_for_count(num_joints: int) -> tuple[str, ...] | None:
    """Names of a body with that many joints: 24 is SMPL, 52 SMPL-H, 55 SMPL-X; None for any other count."""
    return _NAMES_BY_COUNT.get(num_joints)


def mirrored_name(name: str) -> str:
    """The same joint or point on the other side: "left_knee" gives "right_knee"; a midline name gives itself."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name
