"""Move collars with the arms, for skeletons whose collars do not move."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.learn.mocap.hinges import bends

COLLAR_SHARE = 0.15
"""Share of the collar in the arm's swing from the T-pose. Clavicle and shoulder blade contribute about a third of an arm's
elevation (Inman et al., 1944); SMPL's collar stands for the clavicle, which contributes about half of that."""

MAX_SWING = np.radians(120.0)
"""Beyond this angle, the direction of the swing is ambiguous."""

_ARMS = (("left_collar", "left_shoulder", (1.0, 0.0, 0.0)), ("right_collar", "right_shoulder", (-1.0, 0.0, 0.0)))


def with_moving_collars(rotations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Global rotations of the collars, rotated by their share of the arms' swing.

    In SMPL's T-pose the arms are held out, which raises the collars; if they stayed raised, a body with hanging arms would
    shrug. Arms keep their directions, because only the collars' global rotations change.

    Args:
        rotations: joint to (T, 3, 3) global rotations, the identity in the T-pose; a collar left out goes with the
            chest.
    """
    chest = rotations["spine3"]
    out = {}
    for collar, shoulder, limb in _ARMS:
        seen = np.einsum("tji,tjk,k->ti", chest, rotations[shoulder], np.array(limb))
        swing = Rotation.from_matrix(bends(np.array(limb), seen)).as_rotvec()
        angle = np.linalg.norm(swing, axis=1, keepdims=True)
        swing = swing * np.minimum(1.0, MAX_SWING / np.maximum(angle, 1e-12))
        local = np.swapaxes(chest, 1, 2) @ rotations.get(collar, chest)
        out[collar] = chest @ Rotation.from_rotvec(COLLAR_SHARE * swing).as_matrix() @ local
    return out
