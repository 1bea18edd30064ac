"""Poses beyond the recorded ones: families of rare poses, limbs anywhere within their limits, any way up, and other skeletons' conventions.

Recordings of people hardly contain yoga, gymnastics or climbing, and they differ by how a skeleton was built: whether collars or feet move
at all, how the ankles are turned at rest. A network that has seen one kind only takes the convention for a property of people.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.limits import MAX_SHOULDER_ANGLE, joint_bounds
from smplify_jax.learn.proposal.pose_bank import PoseBank, draw_poses

SHARE_FAMILY = 0.04
SHARE_LIMITS = 0.10  # people with limbs on the way to anywhere within their limits
SHARE_LIMB = 0.6  # of the limbs of such a person
SHARE_ANY_WAY_UP, SHARE_ANY_WAY_UP_AT_LIMITS = 0.04, 0.3
SHARE_COLLARS_AT_REST, SHARE_FEET_AT_REST = 0.2, 0.2
SHARE_TURNED_ANKLES, ANKLE_ROLL, ANKLE_PITCH = 0.3, 0.25, 0.2  # [rad] standard deviations

_LIMBS = (
    ("left_hip", "left_knee", "left_ankle", "left_foot"),
    ("right_hip", "right_knee", "right_ankle", "right_foot"),
    ("spine1", "spine2", "spine3"),
    ("neck", "head"),
    ("left_collar", "left_shoulder", "left_elbow"),
    ("right_collar", "right_shoulder", "right_elbow"),
)
_LIMB_OF = np.array([[name in limb for name in SMPL_JOINT_NAMES] for limb in _LIMBS], np.float32)


@partial(jax.jit, static_argnames="count")
def draw_any_poses(bank: PoseBank, key: Array, count: int) -> Array:
    """Draw poses (count, 72), most of them recorded ones as `draw_poses` gives them."""
    keys = jax.random.split(key, 6)
    poses = draw_poses(bank, keys[0], count)
    is_at_limits = jax.random.uniform(keys[1], (count, 1)) < SHARE_LIMITS
    poses = jnp.where(is_at_limits, _towards_limits(keys[2], poses), poses)
    if len(bank.families):
        which, family = jax.random.split(keys[3])
        drawn = bank.families[jax.random.randint(family, (count,), 0, len(bank.families))]
        poses = jnp.where(jax.random.uniform(which, (count, 1)) < SHARE_FAMILY, drawn, poses)
    share = jnp.where(is_at_limits, SHARE_ANY_WAY_UP_AT_LIMITS, SHARE_ANY_WAY_UP)
    return _any_way_up(keys[4], in_other_conventions(keys[5], poses), share)


def _towards_limits(key: Array, poses: Array) -> Array:
    """Some limbs of each pose (N, 72) on the way to anywhere within their limits."""
    count = len(poses)
    goal_key, far_key, limb_key = jax.random.split(key, 3)
    low, high = (np.where(np.isfinite(bound), bound, 0.0).astype(np.float32) for bound in joint_bounds())
    goal = jnp.asarray(low) + jax.random.uniform(goal_key, (count, len(SMPL_JOINT_NAMES), 3)) * (high - low)
    shoulders = np.array([_joint("left_shoulder"), _joint("right_shoulder")])
    size = jnp.linalg.norm(goal[:, shoulders], axis=-1, keepdims=True)
    goal = goal.at[:, shoulders].multiply(jnp.minimum(1.0, MAX_SHOULDER_ANGLE / size))
    far = jax.random.uniform(far_key, (count, len(_LIMBS)), minval=0.2)
    far = far * (jax.random.uniform(limb_key, far.shape) < SHARE_LIMB) @ _LIMB_OF
    vectors = poses.reshape(goal.shape)
    return (vectors + far[..., None] * (goal - vectors)).reshape(poses.shape)


def in_other_conventions(key: Array, poses: Array) -> Array:
    """Poses (N, 72) as recorded with other skeletons: collars at rest, feet at rest, ankles turned; each for a share of the people."""
    count = len(poses)
    chance_key, roll_key, pitch_key = jax.random.split(key, 3)
    chance = jax.random.uniform(chance_key, (count, 4))
    is_turned = (chance[:, 2:] < SHARE_TURNED_ANKLES).astype(poses.dtype)
    roll = ANKLE_ROLL * is_turned[:, 0] * jax.random.normal(roll_key, (count,))
    pitch = ANKLE_PITCH * is_turned[:, 1] * jax.random.normal(pitch_key, (count,))
    vectors = poses.reshape(count, -1, 3)
    collars_rest, feet_rest = chance[:, :1] < SHARE_COLLARS_AT_REST, chance[:, 1:2] < SHARE_FEET_AT_REST
    for side, sign in (("left", 1.0), ("right", -1.0)):
        collar, shoulder, foot, ankle = (_joint(f"{side}_{part}") for part in ("collar", "shoulder", "foot", "ankle"))
        # The arm keeps its direction: the shoulder does what the collar did.
        both = matrix_to_axis_angle(exp_so3(vectors[:, collar]) @ exp_so3(vectors[:, shoulder]))
        vectors = vectors.at[:, shoulder].set(jnp.where(collars_rest, both, vectors[:, shoulder]))
        vectors = vectors.at[:, collar].set(jnp.where(collars_rest, 0.0, vectors[:, collar]))
        vectors = vectors.at[:, foot].set(jnp.where(feet_rest, 0.0, vectors[:, foot]))
        vectors = vectors.at[:, ankle].add(jnp.stack([pitch, jnp.zeros(count), sign * roll], axis=1))
    return vectors.reshape(poses.shape)


def _any_way_up(key: Array, poses: Array, share: Array) -> Array:
    """Poses (N, 72) of which a share (N, 1) gets a uniform orientation."""
    turn_key, chance_key = jax.random.split(key)
    quaternion = jax.random.normal(turn_key, (len(poses), 4))
    quaternion = quaternion * jnp.sign(quaternion[:, :1])  # the shorter way round
    axis = quaternion[:, 1:] / jnp.linalg.norm(quaternion[:, 1:], axis=1, keepdims=True)
    angle = 2.0 * jnp.arctan2(jnp.linalg.norm(quaternion[:, 1:], axis=1, keepdims=True), quaternion[:, :1])
    is_turned = jax.random.uniform(chance_key, (len(poses), 1)) < share
    return poses.at[:, :3].set(jnp.where(is_turned, axis * angle, poses[:, :3]))


def _joint(name: str) -> int:
    return SMPL_JOINT_NAMES.index(name)
