"""The network itself: from features of one person's keypoints to a body and its uncertainty, in the view's frame.

Matrices multiply from the left, as (outputs, inputs), so that people are columns: XLA's CPU backend multiplies a large matrix by a few
columns up to twice as fast as a few rows by a large matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.posed_keypoints import with_batch_axis
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

NUM_SMPL_JOINTS = len(SMPL_JOINT_NAMES)
NUM_BETAS = 10
NUM_BODY_POSE = 3 * (NUM_SMPL_JOINTS - 1)
_NUM_GLOBALS = 3
_POSITION_SCALE = 4.0  # makes positions vary about as much as the other features
_MAX_POSITION = 1.5  # clip of positions, in heights: outliers must not drive the network


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Block:
    """A residual block: x + W2 silu(W1 normalised(x) + b1)."""

    inner: Array | np.ndarray
    bias: Array | np.ndarray
    outer: Array | np.ndarray

    def __call__(self, x: Array) -> Array:
        """(W, ...) to (W, ...)."""
        hidden = jax.nn.silu(jnp.asarray(self.inner) @ _normalised(x) + with_batch_axis(self.bias, x))
        return x + jnp.asarray(self.outer) @ hidden


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ProposalNetwork:
    """Weights of the network.

    Attributes:
        first: (W, F) from features, F = 4 S + 3.
        first_bias: (W,).
        blocks: residual blocks of width W.
        last: (O, W) to the outputs.
        last_bias: (O,).
        pose_correlation: (69, 69) correlation of its errors in body_pose, each in units of the standard deviation that it claims.
        slots: the keypoints it knows, see `slots`.
        body_name: the body whose betas it proposes.
    """

    first: Array | np.ndarray
    first_bias: Array | np.ndarray
    blocks: tuple[Block, ...]
    last: Array | np.ndarray
    last_bias: Array | np.ndarray
    pose_correlation: Array | np.ndarray
    slots: tuple[str, ...] = field(metadata={"static": True})
    body_name: str = field(metadata={"static": True})

    def outputs(self, features: Array) -> Array:
        """Features (F,), or (F, N) of several people, to outputs (O,) or (O, N), see `split_outputs`."""
        x = jnp.asarray(self.first) @ features + with_batch_axis(self.first_bias, features)
        for block in self.blocks:
            x = block(x)
        return jnp.asarray(self.last) @ _normalised(x) + with_batch_axis(self.last_bias, x)

    def __call__(self, features: Array) -> RawProposal:
        """The raw proposal for the features (F,) of one person."""
        return split_outputs(self.outputs(features))


def _normalised(x: Array) -> Array:
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=0) + 1e-6)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RawProposal:
    """The network's output for one person, in the view's frame and units.

    Attributes:
        rotations: (24, 3, 3) of each joint relative to its parent; the root's relative to the view.
        betas: (10,).
        pelvis: (2,) offset of the pelvis from the middle of the view, in units of the person's height.
        log_depth: () log of the ratio of the pelvis's distance to the view's.
        log_std_pose: (69,) log standard deviation of the numbers of body_pose [rad].
        log_std_betas: (10,).
        log_noise: (S,) log standard deviation of each slot's detection, in units of the person's height.
    """

    rotations: Array
    betas: Array
    pelvis: Array
    log_depth: Array
    log_std_pose: Array
    log_std_betas: Array
    log_noise: Array


def output_size(num_slots: int) -> int:
    """Length O of the last layer."""
    return sum(_output_sizes(num_slots))


def _output_sizes(num_slots: int) -> tuple[int, ...]:
    return 6 * NUM_SMPL_JOINTS, NUM_BETAS, 2, 1, NUM_BODY_POSE, NUM_BETAS, num_slots


def split_outputs(outputs: Array) -> RawProposal:
    """Split the outputs of the last layer (O,) into named parts."""
    sizes = _output_sizes(len(outputs) - sum(_output_sizes(0)))
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    sixes, betas, pelvis, log_depth, log_std_pose, log_std_betas, log_noise = jnp.split(outputs, ends)
    return RawProposal(
        rotations=_rotations_of_sixes(sixes.reshape(NUM_SMPL_JOINTS, 6)),
        betas=betas,
        pelvis=pelvis,
        log_depth=log_depth[0],
        log_std_pose=jnp.clip(log_std_pose - 1.5, -4.0, 1.0),
        log_std_betas=jnp.clip(log_std_betas, -2.0, 0.5),
        log_noise=jnp.clip(log_noise - 4.0, -7.0, 0.0),
    )


def feature_size(num_slots: int) -> int:
    """Length F of the features."""
    return 4 * num_slots + _NUM_GLOBALS


def make_features(
    points: Array, confidence: Array, depth: Array, limb_depth: Array, is_focal_length_known: Array
) -> Array:
    """The network's input features for one person.

    Args:
        points: (S, 2) slots in the view, in units of the person's height.
        confidence: (S,), zero where not observed.
        depth: the view's distance [m]; it determines how strong the perspective is.
        limb_depth: distance estimated from limb lengths [m], see `camera.depth.start_depth`.
        is_focal_length_known: if not, the distance is meaningless and is hidden from the network.
    Returns:
        (F,).
    """
    is_seen = (confidence > 0).astype(points.dtype)
    known = jnp.asarray(is_focal_length_known).astype(points.dtype)
    positions = _POSITION_SCALE * jnp.clip(points, -_MAX_POSITION, _MAX_POSITION) * is_seen[:, None]
    globals_ = jnp.stack([known, known * jnp.log(depth / 5.0), jnp.clip(jnp.log(limb_depth / depth), -3.0, 3.0)])
    return jnp.concatenate([positions[:, 0], positions[:, 1], confidence, is_seen, globals_])


def _rotations_of_sixes(sixes: Array) -> Array:
    """Rotations from six numbers per joint, added to the identity's first two columns: (J, 6) -> (J, 3, 3).

    Source: Zhou et al., On the Continuity of Rotation Representations in Neural Networks, CVPR 2019.
    """
    return orthonormal(sixes[:, :3] + jnp.array([1.0, 0.0, 0.0]), sixes[:, 3:] + jnp.array([0.0, 1.0, 0.0]))


def orthonormal(a: Array, b: Array) -> Array:
    """Rotations whose first two columns are a and b orthonormalised by Gram-Schmidt: (J, 3), (J, 3) -> (J, 3, 3)."""
    x = a / jnp.sqrt(jnp.sum(a**2, axis=-1, keepdims=True) + 1e-12)
    b = b - jnp.sum(x * b, axis=-1, keepdims=True) * x
    y = b / jnp.sqrt(jnp.sum(b**2, axis=-1, keepdims=True) + 1e-12)
    return jnp.stack([x, y, jnp.cross(x, y)], axis=-1)
