"""Which recorded poses are anatomically possible: generous ranges of every joint's rotation vector, and a repair for wrists.

Captured poses leave these ranges where markers were swapped or a solver diverged. The ranges are wide on purpose: they
exclude impossible poses, not unusual ones.
"""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

# Rotation vector ranges [rad] of the left side and the middle: (x low, x high), (y low, y high), (z low, z high).
# x > 0 bends forward at the spine and the knee, backward at the hip; y turns left; z > 0 raises a left limb outward.
_RANGES: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "hip": ((-2.6, 1.1), (-1.2, 1.3), (-0.9, 1.7)),
    "knee": ((-0.2, 2.8), (-0.6, 0.6), (-0.6, 0.6)),
    "ankle": ((-1.1, 1.2), (-0.9, 0.9), (-0.8, 0.8)),
    "foot": ((-1.2, 1.2), (-0.4, 0.4), (-0.4, 0.4)),
    "spine1": ((-0.9, 1.7), (-0.8, 0.8), (-0.8, 0.8)),
    "spine2": ((-0.6, 0.8), (-0.6, 0.6), (-0.5, 0.5)),
    "spine3": ((-0.6, 1.0), (-0.8, 0.8), (-0.5, 0.5)),
    "neck": ((-1.0, 1.0), (-1.0, 1.0), (-0.8, 0.8)),
    "head": ((-1.2, 1.3), (-1.2, 1.2), (-0.9, 0.9)),
    "collar": ((-0.5, 0.5), (-0.7, 0.7), (-0.7, 0.8)),
    "shoulder": ((-2.0, 2.0), (-2.3, 1.4), (-1.9, 2.1)),
    "elbow": ((-1.0, 1.2), (-2.7, 0.3), (-0.5, 1.6)),
}

MAX_SHOULDER_ANGLE = 2.6
"""[rad] A longer shoulder vector stands for a rotation in the opposite direction."""

MAX_WRIST_TWIST, MAX_WRIST_BEND = 1.2, 1.0
"""[rad] Half axes of the ellipsoid that wrist rotation vectors are limited to: twist about the forearm, and bend."""


def is_possible(poses: np.ndarray) -> np.ndarray:
    """Which poses keep every joint within its range; wrists, hands and the root are not checked.

    Args:
        poses: (N, 72) axis-angle [rad].
    Returns:
        (N,) bool.
    """
    vectors = poses.reshape(-1, len(SMPL_JOINT_NAMES), 3)
    low, high = joint_bounds()
    inside = np.all((vectors >= low) & (vectors <= high), axis=(1, 2))
    shoulders = vectors[:, [_joint("left_shoulder"), _joint("right_shoulder")]]
    return inside & np.all(np.linalg.norm(shoulders, axis=-1) <= MAX_SHOULDER_ANGLE, axis=1)


def with_calm_wrists(poses: np.ndarray) -> np.ndarray:
    """A copy with wrist vectors shortened to lie in their ellipsoid.

    The hand is the least reliable part of marker-based capture (a rotation by π is not rare), and a whole-body pose should
    not be discarded because of it; the direction of the wrist's rotation vector is kept.
    """
    out = poses.reshape(-1, len(SMPL_JOINT_NAMES), 3).copy()
    for name in ("left_wrist", "right_wrist"):
        vector = out[:, _joint(name)]
        size = np.linalg.norm(vector / np.array([MAX_WRIST_TWIST, MAX_WRIST_BEND, MAX_WRIST_BEND]), axis=1)
        out[:, _joint(name)] = vector / np.maximum(size, 1.0)[:, None]
    return out.reshape(poses.shape)


def _joint(name: str) -> int:
    return SMPL_JOINT_NAMES.index(name)


def joint_bounds() -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest rotation vectors (24, 3); the right side is the mirror image of the left."""
    low, high = np.full((len(SMPL_JOINT_NAMES), 3), -np.inf), np.full((len(SMPL_JOINT_NAMES), 3), np.inf)
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        side, _, part = name.rpartition("_")
        if part not in _RANGES:
            continue
        ranges = np.array(_RANGES[part])
        if side == "right":
            ranges[1:] = -ranges[1:, ::-1]
        low[joint], high[joint] = ranges[:, 0], ranges[:, 1]
    return low, high
