"""The networks' weights, and the first of them: from one person's keypoints to a body and its uncertainty, in the view's frame.

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
from smplify_jax.keypoints.confidence import CONFIDENCE_SLOPE

NUM_SMPL_JOINTS = len(SMPL_JOINT_NAMES)
NUM_BETAS = 10
NUM_BODY_POSE = 3 * (NUM_SMPL_JOINTS - 1)
_NUM_GLOBALS = 3
SLOT_SIGNS = (-1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0)
"""Of the first network's features by slot, in the mirror image."""
LOG_STD_POSE, LOG_STD_BETAS, LOG_NOISE = (-4.0, 1.0), (-2.0, 0.5), (-7.0, 0.0)
"""Ranges of the claimed standard deviations' logarithms."""
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
        hidden = jax.nn.silu(_product(self.inner, _normalised(x)) + with_batch_axis(self.bias, x))
        return x + _product(self.outer, hidden)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ResidualNetwork:
    """Weights of one of the two networks.

    Attributes:
        first: (W, F) from features.
        first_bias: (W,).
        blocks: residual blocks of width W.
        last: (O, W) to the outputs.
        last_bias: (O,).
    """

    first: Array | np.ndarray
    first_bias: Array | np.ndarray
    blocks: tuple[Block, ...]
    last: Array | np.ndarray
    last_bias: Array | np.ndarray

    def outputs(self, features: Array) -> Array:
        """Features (F,), or (F, N) of several people, to outputs (O,) or (O, N), see `split_outputs`."""
        x = _product(self.first, features) + with_batch_axis(self.first_bias, features)
        for block in self.blocks:
            x = block(x)
        return _product(self.last, _normalised(x)) + with_batch_axis(self.last_bias, x)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ProposalNetwork:
    """Both networks, and what holds for their proposals.

    Attributes:
        proposing: from keypoints to a body, see `make_features`.
        correcting: from a body and its distances from the keypoints to a better body, see `correction`.
        pose_correlation: (69, 69) correlation of the errors in body_pose, each in units of the standard deviation that is claimed.
        slots: the S keypoints that are known, see `slots`.
        body_name: the body whose betas are proposed.
    """

    proposing: ResidualNetwork
    correcting: ResidualNetwork
    pose_correlation: Array | np.ndarray
    slots: tuple[str, ...] = field(metadata={"static": True})
    body_name: str = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SeenPerson:
    """What the networks see of one person.

    Attributes:
        points: (K, 2) keypoints in the view, in units of the person's height.
        confidence: (K,), zero where not observed.
        depth: () the view's distance [m]; it determines how strong the perspective is.
        limb_depth: () distance estimated from limb lengths [m], see `camera.depth.start_depth`.
        is_focal_length_known: () if not, the distance means nothing and is hidden from the networks.
    """

    points: Array
    confidence: Array
    depth: Array
    limb_depth: Array
    is_focal_length_known: Array


def _product(matrix: Array | np.ndarray, x: Array) -> Array:
    """(O, N) of a matrix (O, I) and (I, N), or the same without N."""
    matrix = jnp.asarray(matrix)
    if x.ndim == 2 and x.shape[1] == 2 and jax.default_backend() == "cpu":
        # A person alone, with their mirror image: XLA's product with two columns takes longer than two with one, docs/performance.md.
        return jnp.stack([matrix @ x[:, 0], matrix @ x[:, 1]], axis=1)
    return matrix @ x


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


OUTPUT_SIZES = 6 * NUM_SMPL_JOINTS, NUM_BETAS, 2, 1, NUM_BODY_POSE, NUM_BETAS
"""Lengths of the parts of the outputs; the noise of the S slots follows."""


def output_size(num_slots: int) -> int:
    """Length O of the last layer of either network."""
    return sum(OUTPUT_SIZES) + num_slots


def separated(outputs: Array) -> list[Array]:
    """The outputs (O,) as their seven parts, in the order of `RawProposal`'s fields."""
    return jnp.split(outputs, np.cumsum(OUTPUT_SIZES))


def split_outputs(outputs: Array) -> RawProposal:
    """The proposal that the first network's outputs (O,) stand for."""
    sixes, betas, pelvis, log_depth, log_std_pose, log_std_betas, log_noise = separated(outputs)
    return RawProposal(
        rotations=rotations_of_sixes(sixes.reshape(NUM_SMPL_JOINTS, 6)),
        betas=betas,
        pelvis=pelvis,
        log_depth=log_depth[0],
        log_std_pose=jnp.clip(log_std_pose - 1.5, *LOG_STD_POSE),
        log_std_betas=jnp.clip(log_std_betas, *LOG_STD_BETAS),
        log_noise=jnp.clip(log_noise - 4.0, *LOG_NOISE),
    )


def feature_size(num_slots: int) -> int:
    """Length F of the first network's features."""
    return len(SLOT_SIGNS) * num_slots + _NUM_GLOBALS


def make_features(seen: SeenPerson, slots: Array) -> Array:
    """The first network's input for one person: (F,).

    Args:
        seen: K keypoints.
        slots: (S, K) which keypoint is in which slot, see `slot_matrix`.
    """
    points, confidence = in_slots(seen.points, seen.confidence, slots)
    is_seen = (confidence > 0).astype(points.dtype)
    positions = _POSITION_SCALE * jnp.clip(points, -_MAX_POSITION, _MAX_POSITION) * is_seen[:, None]
    weight = _relative_weights(confidence, is_seen)
    weighted = weight[:, None] * positions
    by_slot = [positions[:, 0], positions[:, 1], confidence, is_seen, weighted[:, 0], weighted[:, 1], weight]
    return jnp.concatenate([*by_slot, distances(seen)])


def distances(seen: SeenPerson) -> Array:
    """(3,) what is known of the person's distance: whether the focal length is known, the view's distance, and that of the limbs."""
    known = jnp.asarray(seen.is_focal_length_known).astype(seen.points.dtype)
    by_limbs = jnp.clip(jnp.log(seen.limb_depth / seen.depth), -3.0, 3.0)
    return jnp.stack([known, known * jnp.log(seen.depth / 5.0), by_limbs])


def in_slots(points: Array, confidence: Array, slots: Array) -> tuple[Array, Array]:
    """Points (S, 2) and confidence (S,) of the slots: the confidence-weighted mean of a slot's keypoints, and their highest confidence."""
    weight = slots * confidence
    total = jnp.sum(weight, axis=1, keepdims=True)
    return weight @ points / jnp.maximum(total, 1e-12), jnp.minimum(jnp.max(weight, axis=1), 1.0)


def _relative_weights(confidence: Array, is_seen: Array) -> Array:
    """(S,) by how much each slot's weight is above the mean; weights are inverse variances, as the confidence tells them."""
    count = jnp.maximum(jnp.sum(is_seen), 1.0)
    mean = jnp.sum(confidence * is_seen) / count
    weight = is_seen * jnp.exp(jnp.clip(2.0 / CONFIDENCE_SLOPE * (confidence - mean), -2.0, 2.0))
    return is_seen * (weight * count / jnp.maximum(jnp.sum(weight), 1e-6) - 1.0)


def resized_betas(values: Array, num_betas: int, padding: float) -> Array:
    """(B,) from (10,): truncated or padded."""
    return jnp.pad(values[:num_betas], (0, max(0, num_betas - len(values))), constant_values=padding)


def rotations_of_sixes(sixes: Array) -> Array:
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
