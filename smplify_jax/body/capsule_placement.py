"""Hand-made placement of capsules: each part's axis from the body's joints alone.

Learning starts from it, and it provides the axes and middles where a file holds only lengths and radii.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smplify_jax.body.skinned_mesh import SkinnedMesh

# Part to (from, to, where): the axis points from one joint to the other, and its middle lies at that fraction of the way.
_ALONG_BONES: dict[str, tuple[str, str, float]] = {
    "thigh": ("hip", "knee", 0.5),
    "calf": ("knee", "ankle", 0.5),
    "foot": ("ankle", "foot", 0.6),  # from the heel behind the ankle to the toes before the ball
    "shoulder": ("collar", "shoulder", 0.6),
    "upper_arm": ("shoulder", "elbow", 0.5),
    "forearm": ("elbow", "wrist", 0.5),
    "hand": ("wrist", "hand", 1.0),  # the joint lies at the knuckles, the fingers beyond
    "neck": ("neck", "head", 0.5),
    "head": ("neck", "head", 2.0),  # the joint lies at the base of the skull
}
# The trunk is wider than it is deep: its capsules lie across, each in the middle of two joints.
_ACROSS: dict[str, tuple[str, str, float]] = {
    "pelvis": ("pelvis", "spine1", 0.0),
    "spine1": ("spine1", "spine2", 0.5),
    "spine2": ("spine2", "spine3", 0.5),
    "spine3": ("spine3", "neck", 0.4),
}
_FINGERLESS_HAND = (
    1.3  # end of the hand in forearm lengths from the elbow, for bodies with fingers instead of one hand joint
)


def place_on_joints(body: SkinnedMesh, part_joints: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Axis directions and middles of the parts.

    Args:
        body: a body of the SMPL family with B betas.
        part_joints: C parts, and the joint each rides on.
    Returns:
        axes (C, 3), unit vectors in the rest pose of the mean shape; centers (B + 1, C, 3), the middles relative to the joints [m],
        a row per beta and, last, the constant. Joints are linear in the betas, so the middles are.
    """
    regressor = np.asarray(body.J_regressor, np.float64)
    by_betas = np.einsum("jv,vcb->bjc", regressor, np.asarray(body.shapedirs, np.float64), optimize=True)
    constant = regressor @ np.asarray(body.v_template, np.float64)
    joints = dict(zip(body.joint_names, np.moveaxis(np.concatenate([by_betas, constant[None]]), 1, 0), strict=True))
    across = joints["left_hip"] - joints["right_hip"]
    axes, centers = [], []
    for part, joint in part_joints.items():
        side = part[: part.find("_") + 1] if part.startswith(("left_", "right_")) else ""
        kind = part.removeprefix(side)
        start, end, where = (_ALONG_BONES | _ACROSS)[kind]
        first, last = _bone(joints, side, start, end)
        direction = (across if kind in _ACROSS else last - first)[-1]
        axes.append(direction / np.linalg.norm(direction))
        centers.append(first + where * (last - first) - joints[joint])
    return np.array(axes, np.float32), np.stack(centers, axis=1).astype(np.float32)


def _bone(joints: Mapping[str, np.ndarray], side: str, start: str, end: str) -> tuple[np.ndarray, np.ndarray]:
    first = joints[side + start]
    if end == "hand" and side + end not in joints:
        return first, first + (_FINGERLESS_HAND - 1.0) * (first - joints[side + "elbow"])
    return first, joints[side + end]
