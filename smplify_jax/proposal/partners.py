"""What changes places with what in a person's mirror image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.proposal.slots import slot_layout

# 32 bits: indices of 64 are of one kind or the other by the flags in force, which may change between traces.
JOINT_PARTNER = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES], np.int32)
"""(24,) the joint of the other side."""

POSE_PARTNER = (3 * (JOINT_PARTNER[1:, None] - 1) + np.arange(3, dtype=np.int32)).ravel()
"""(69,) the number of body_pose of the other side."""

MATRIX_SIGNS = np.outer([-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]).astype(np.float32)
"""(3, 3) of a rotation matrix, mirrored across x = 0."""


@lru_cache
def slot_partner(slots: tuple[str, ...]) -> np.ndarray:
    """(S,) the slot of the other side."""
    return np.array(slot_layout(slots).flip, np.int32)
