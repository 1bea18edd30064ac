"""Possible poses that nobody was recorded in: parts of several recordings, and spines bent further."""

from __future__ import annotations

import dataclasses

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.limits import is_possible, joint_bounds
from smplify_jax.learn.mocap.poses import PoseSet

_SPINE = [SMPL_JOINT_NAMES.index(name) for name in ("spine1", "spine2", "spine3")]
_TRUNK = [*_SPINE, *(SMPL_JOINT_NAMES.index(name) for name in ("neck", "head"))]
_ARMS = tuple(
    [SMPL_JOINT_NAMES.index(f"{side}_{part}") for part in ("collar", "shoulder", "elbow", "wrist", "hand")]
    for side in ("left", "right")
)

_BEND_SCALE = (0.5, 2.0)
_BEND_SPREAD = (0.3, 0.1, 0.1)
"""[rad] Standard deviation of what is added to each joint of the spine, about x (forward and backward), y and z: so that it also bends the
way that recordings seldom do, backward."""


def recombined(poses: PoseSet, generator: np.random.Generator) -> PoseSet:
    """Poses whose trunk and arms come from others of them, each from another one, with exaggerated bends of the spine.

    Args:
        poses: N recorded ones. Root, legs, and all that is told of a pose but its trunk and arms stay together.
        generator: of the draws.
    Returns:
        Those that are possible (see `is_possible`), at most N.
    """
    count = len(poses)
    recorded = poses.poses.reshape(count, len(SMPL_JOINT_NAMES), 3).astype(float)
    vectors = recorded.copy()
    for part in (_TRUNK, *_ARMS):
        vectors[:, part] = recorded[generator.permutation(count)][:, part]
    bends = vectors[:, _SPINE] * generator.uniform(*_BEND_SCALE, size=(count, 1, 1))
    bends = bends + _BEND_SPREAD * generator.normal(size=bends.shape)
    low, high = joint_bounds()
    vectors[:, _SPINE] = np.clip(bends, low[_SPINE], high[_SPINE])
    together = dataclasses.replace(poses, poses=vectors.reshape(count, -1))
    return together.select(np.flatnonzero(is_possible(together.poses)))
