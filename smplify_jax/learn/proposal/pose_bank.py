"""Pose augmentation: recorded poses are mirrored, recombined, blended and jittered within the joints' limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.geometry.mirror import mirror_map
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.balance import Balance
from smplify_jax.learn.mocap.limits import joint_bounds
from smplify_jax.learn.mocap.poses import PoseSet

_ARM_PARTS = ("collar", "shoulder", "elbow", "wrist", "hand")
_TRUNK_TOP = ("spine3", "neck", "head")

SHARE_OTHER_UPPER_BODY = 0.22
SHARE_OTHER_ARM = 0.12  # of each arm
SHARE_BLENDED = 0.08
JITTERS = (0.0, 0.05, 0.12)
"""[rad] Standard deviations of the noise on every joint; the next constant holds their probabilities."""
JITTER_SHARES = (0.6, 0.35, 0.05)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PoseBank:
    """Recorded poses and the probability of each, and poses of families that are not recorded.

    Attributes:
        poses: (N, 72) global_orient of a y-up world, body_pose [rad].
        cumulative: (N,) cumulative probabilities, ending at one.
        families: (M, 72) from `rare_poses`; M may be zero.
    """

    poses: Array
    cumulative: Array
    families: Array

    @classmethod
    def of(cls, poses: PoseSet, families: PoseSet, balance: Balance) -> PoseBank:
        """A bank with balanced probabilities of the recorded poses, so that walking does not dominate."""
        cumulative = np.cumsum(balance.weights(poses))
        probabilities = jnp.asarray(cumulative / cumulative[-1], jnp.float32)
        return cls(jnp.asarray(poses.poses, jnp.float32), probabilities, jnp.asarray(families.poses, jnp.float32))

    def pick(self, key: Array, count: int) -> Array:
        """Draw recorded poses (count, 72)."""
        index = jnp.searchsorted(self.cumulative, jax.random.uniform(key, (count,)))
        return self.poses[jnp.minimum(index, len(self.poses) - 1)]


@partial(jax.jit, static_argnames="count")
def draw_poses(bank: PoseBank, key: Array, count: int) -> Array:
    """Draw recorded poses (count, 72), augmented."""
    keys = jax.random.split(key, 8)
    pose, other, third = (bank.pick(k, count) for k in keys[:3])
    chance = jax.random.uniform(keys[3], (count, 5, 1))
    blend = jnp.where(chance[:, 0] < SHARE_BLENDED, jax.random.uniform(keys[4], (count, 1), maxval=0.7), 0.0)
    pose = pose.at[:, 3:].set((1.0 - blend) * pose[:, 3:] + blend * third[:, 3:])
    pose = jnp.where((chance[:, 1] < SHARE_OTHER_UPPER_BODY) & _numbers_of(_upper_body()), other, pose)
    for side, row in (("left", 2), ("right", 3)):
        pose = jnp.where((chance[:, row] < SHARE_OTHER_ARM) & _numbers_of(_arm(side)), third, pose)
    scale = jax.random.choice(keys[5], jnp.array(JITTERS), (count, 1), p=jnp.array(JITTER_SHARES))
    pose = pose.at[:, 3:].set(jittered(pose[:, 3:], scale * jax.random.normal(keys[6], (count, 69))))
    order, signs = mirror_map(72)
    return jnp.where(chance[:, 4] < 0.5, pose[:, order] * jnp.asarray(signs, jnp.float32), pose)


def jittered(body_pose: Array, noise: Array) -> Array:
    """Add noise within the joints' limits; a recorded pose beyond the limits keeps its range."""
    low, high = (jnp.asarray(bound[1:].ravel(), jnp.float32) for bound in joint_bounds())
    moved = body_pose + noise
    return jnp.clip(moved, jnp.minimum(low, body_pose), jnp.maximum(high, body_pose))


def _numbers_of(joints: list[str]) -> np.ndarray:
    return np.repeat([name in joints for name in SMPL_JOINT_NAMES], 3)


def _arm(side: str) -> list[str]:
    return [f"{side}_{part}" for part in _ARM_PARTS]


def _upper_body() -> list[str]:
    return [*_TRUNK_TOP, *_arm("left"), *_arm("right")]
