"""How far apart two keypoints of a body can be."""

from __future__ import annotations

import numpy as np

from smplify_jax.body.kinematics import ancestors_or_self

_RIDES_ON = 0.25  # a joint with at least this fraction of a keypoint's weight counts as carrying it


def keypoint_reach(
    rest_keypoints: np.ndarray, part_weights: np.ndarray, rest_joints: np.ndarray, parents: tuple[int, ...]
) -> np.ndarray:
    """The longest distance between any two keypoints that the joints allow: the length of the path along the bones.

    It is tight for the two ends of a limb and for straight legs, and loose where the path makes a detour, as between the shoulders.

    Args:
        rest_keypoints: (K, 3) [m].
        part_weights: (K, J) how much of each keypoint rides on each joint; a row of zeros for an undefined keypoint.
        rest_joints: (J, 3) [m].
        parents: parent of each joint, -1 for the root.
    Returns:
        (K, K) [m], infinite where either keypoint is undefined.
    """
    ancestry: np.ndarray = ancestors_or_self(parents).astype(bool)
    owner = np.array([_carrier(row, ancestry) for row in part_weights])
    bone_length = np.array(
        [0.0 if p < 0 else float(np.linalg.norm(rest_joints[j] - rest_joints[p])) for j, p in enumerate(parents)]
    )
    on_one_path_only = ancestry[owner][:, None, :] ^ ancestry[owner][None, :, :]
    along_bones = on_one_path_only @ bone_length
    to_owner = np.linalg.norm(rest_keypoints - rest_joints[owner], axis=-1)
    path = along_bones + to_owner[:, None] + to_owner[None, :]
    rigid = np.linalg.norm(rest_keypoints[:, None] - rest_keypoints[None, :], axis=-1)
    reach = np.where(owner[:, None] == owner[None, :], rigid, path)
    is_defined = np.asarray(part_weights.any(axis=1))
    return np.where(is_defined[:, None] & is_defined[None, :], reach, np.inf)


def _carrier(weights: np.ndarray, ancestry: np.ndarray) -> int:
    """The deepest joint that carries all major parts of a keypoint."""
    parts = np.flatnonzero(weights >= min(_RIDES_ON, weights.max()))
    return int(np.flatnonzero(ancestry[parts].all(axis=0)).max())
