"""The temporal network: attention over the frames of a track, whose heads look at learned distances in time.

Every frame is a row. A head's score of two frames is the product of their query and key plus the logarithm of a Gaussian in the time between
them. So the network takes any frame rate, and frames that are missing. It looks at most REACH frames to each side in each block, so the time
it takes grows with the number of frames, and a frame's output does not depend on frames far away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.proposal.network import NUM_BETAS, NUM_BODY_POSE, NUM_SMPL_JOINTS, orthonormal

REACH = 32
"""Frames to each side that a block looks at."""

_HIDDEN = -1e9  # score of a frame that is not looked at


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TemporalBlock:
    """Attention over time, then the same two layers for every frame; both are added to their input.

    Attributes:
        mixed: (W, 3 W) to queries, keys and values.
        joined: (W, W) from the heads.
        time_offset: (H,) where each head looks [s].
        log_time_width: (H,) log of how widely it looks [s].
        inner: (W, V). bias: (V,). outer: (V, W).
    """

    mixed: Array | np.ndarray
    joined: Array | np.ndarray
    time_offset: Array | np.ndarray
    log_time_width: Array | np.ndarray
    inner: Array | np.ndarray
    bias: Array | np.ndarray
    outer: Array | np.ndarray

    def __call__(self, x: Array, frames: Frames) -> Array:
        """(n, REACH, W) to (n, REACH, W), in blocks of frames."""
        num_heads, width = len(self.time_offset), x.shape[-1]
        mixed = (_normalised(x) @ jnp.asarray(self.mixed)).reshape(*x.shape[:2], 3, num_heads, width // num_heads)
        query, key, value = mixed[:, :, 0], _with_neighbours(mixed[:, :, 1]), _with_neighbours(mixed[:, :, 2])
        scores = jnp.einsum("nqhd,nkhd->nhqk", query, key) / np.sqrt(width // num_heads)
        off_time = (frames.since[:, None] - _by_head(self.time_offset)) * jnp.exp(-_by_head(self.log_time_width))
        scores = jnp.where(frames.is_looked_at[:, None], scores - 0.5 * off_time**2, _HIDDEN)
        heads = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores, axis=-1), value)
        x = x + heads.reshape(x.shape) @ jnp.asarray(self.joined)
        return x + jax.nn.silu(_normalised(x) @ jnp.asarray(self.inner) + self.bias) @ jnp.asarray(self.outer)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Frames:
    """Which frames each frame looks at, in n blocks of REACH frames: a block, the one before and the one after.

    Attributes:
        since: (n, REACH, 3 REACH) time of the frame looked at, minus that of the frame that looks [s].
        is_looked_at: (n, REACH, 3 REACH).
    """

    since: Array
    is_looked_at: Array

    @classmethod
    def of(cls, times: Array, is_seen: Array) -> Frames:
        """Args: times (n, REACH) [s] and whether the frames (n, REACH) were seen. A frame always looks at itself."""
        index = jnp.arange(times.size).reshape(times.shape)
        other = _with_neighbours(index + 1) - 1  # -1 beyond the ends
        distance = other[:, None] - index[:, :, None]
        is_near = (jnp.abs(distance) <= REACH) & (other >= 0)[:, None]
        return cls(
            since=_with_neighbours(times)[:, None] - times[:, :, None],
            is_looked_at=is_near & (_with_neighbours(is_seen)[:, None] | (distance == 0)),
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TemporalNetwork:
    """Weights of the network.

    Attributes:
        first: (F, W) from features, see `track_features`. first_bias: (W,).
        blocks: of width W.
        last: (W, O) to the outputs. last_bias: (O,).
        pose_correlation: (69, 69) correlation of its errors in body_pose, each in units of the standard deviation that it claims.
        slots: the keypoints it knows, see `slots`.
        body_name: the body whose betas it refines.
    """

    first: Array | np.ndarray
    first_bias: Array | np.ndarray
    blocks: tuple[TemporalBlock, ...]
    last: Array | np.ndarray
    last_bias: Array | np.ndarray
    pose_correlation: Array | np.ndarray
    slots: tuple[str, ...] = field(metadata={"static": True})
    body_name: str = field(metadata={"static": True})

    def __call__(self, features: Array, times: Array, is_seen: Array) -> Array:
        """Outputs (T, O) from features (T, F), times (T,) [s] and whether the frames (T,) were seen, see `split_corrections`."""
        num_frames = len(features)
        x = _in_blocks(features @ jnp.asarray(self.first) + self.first_bias)
        frames = Frames.of(_in_blocks(times), _in_blocks(is_seen))
        for block in self.blocks:
            x = block(x, frames)
        return (_normalised(x) @ jnp.asarray(self.last) + self.last_bias).reshape(-1, self.last.shape[1])[:num_frames]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Corrections:
    """What the network changes in the smoothed proposals of T frames.

    Attributes:
        rotations: (T, 24, 3, 3) that follow each joint's rotation, in the joint's own frame.
        pelvis: (T, 3) added to x/z and y/z, in units of the person's height, and to log z.
        log_std_pose: (T, 69) added.
        betas: (T, 10) added.
        log_std_betas: (T, 10) added.
        log_share: (T,) log of how much each frame counts for the betas of the track.
    """

    rotations: Array
    pelvis: Array
    log_std_pose: Array
    betas: Array
    log_std_betas: Array
    log_share: Array


_SIZES = (6 * NUM_SMPL_JOINTS, 3, NUM_BODY_POSE, NUM_BETAS, NUM_BETAS, 1)
OUTPUT_SIZE = sum(_SIZES)
"""Length O of the last layer."""

_ROTATION_SCALE, _PELVIS_SCALE = 0.25, 0.05  # so that outputs of about one are large corrections


def split_corrections(outputs: Array) -> Corrections:
    """Split the outputs (T, O) into named parts."""
    sixes, pelvis, log_std_pose, betas, log_std_betas, log_share = jnp.split(outputs, np.cumsum(_SIZES)[:-1], axis=-1)
    sixes = _ROTATION_SCALE * sixes.reshape(-1, NUM_SMPL_JOINTS, 6)
    first, second = sixes[..., :3] + jnp.eye(3)[0], sixes[..., 3:] + jnp.eye(3)[1]
    return Corrections(
        rotations=orthonormal(first, second),
        pelvis=_PELVIS_SCALE * pelvis,
        log_std_pose=log_std_pose,
        betas=betas,
        log_std_betas=log_std_betas,
        log_share=log_share[:, 0],
    )


def _by_head(values: Array | np.ndarray) -> Array:
    return jnp.asarray(values)[:, None, None]


def _normalised(x: Array) -> Array:
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def _in_blocks(x: Array) -> Array:
    """(T, ...) to (n, REACH, ...), padded with zeros; a track of up to REACH frames is one block as it is."""
    if len(x) <= REACH:
        return x[None]
    padding = -len(x) % REACH
    return jnp.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)).reshape(-1, REACH, *x.shape[1:])


def _with_neighbours(x: Array) -> Array:
    """(n, REACH, ...) to (n, 3 REACH, ...): the frames of the block before, of the block, and of the one after; zeros beyond the ends.

    A single block has no neighbours.
    """
    if len(x) == 1:
        return x
    padded = jnp.pad(x, [(1, 1)] + [(0, 0)] * (x.ndim - 1))
    return jnp.concatenate([padded[:-2], x, padded[2:]], axis=1)
