"""The mirror image of a pose: left and right exchanged, rotation vectors reflected across the plane x = 0."""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name

_PARTNER = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES])

MIRROR_ORDER = (3 * _PARTNER[:, None] + np.arange(3)).ravel()
MIRROR_SIGNS = np.tile([1.0, -1.0, -1.0], len(_PARTNER))
"""mirrored = pose[MIRROR_ORDER] · MIRROR_SIGNS; a rotation vector's part along the mirror's normal (x) stays."""


def mirrored_poses(poses: np.ndarray) -> np.ndarray:
    """Mirror poses given by all 72 numbers, or by the 69 without global_orient.

    Args:
        poses: (..., 72) or (..., 69) axis-angle.
    Returns:
        The same shape.
    """
    order, signs = mirror_map(poses.shape[-1])
    return poses[..., order] * signs


def mirror_map(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Order and signs for the last `size` of the 72 numbers, for size 72 or 69."""
    skipped = len(MIRROR_ORDER) - size
    return MIRROR_ORDER[skipped:] - skipped, MIRROR_SIGNS[skipped:]
