"""Smooth the proposals of a track, robustly: what the temporal network corrects.

Missing frames are filled between their neighbours. Every rotation becomes a mean over some tenths of a second in which frames that disagree with
the others count less.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.proposal.network import NUM_BETAS, NUM_BODY_POSE, NUM_SMPL_JOINTS, orthonormal
from smplify_jax.proposal.propose import Proposal

SMOOTHING_REACH = 8
"""Frames to each side that a mean includes."""

_TIME_WIDTH = 0.06  # [s] standard deviation of the weights in time
_DEPTH_TIME_WIDTH = 0.15  # [s] depths err more and change more slowly
_ROTATION_LIMIT = 0.3  # Frobenius distance at which a frame counts half
_PELVIS_LIMIT = (0.1, 0.1, 0.15)  # heights, heights, log depth: likewise
_UNSEEN_WEIGHT = 1e-3  # of filled frames, which count only where no other frame is near
_NUM_REWEIGHTINGS = 2


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Track:
    """Bodies over T frames, as the temporal network takes and corrects them.

    Attributes:
        rotations: (T, 24, 3, 3) of each joint relative to its parent, the root's relative to the camera.
        pelvis: (T, 3) x/z, y/z, log z of the pelvis in the camera frame.
        betas: (T, 10).
        log_std_pose: (T, 69) [log rad].
        log_std_betas: (T, 10).
    """

    rotations: Array
    pelvis: Array
    betas: Array
    log_std_pose: Array
    log_std_betas: Array


def track_of(body: KeypointBody, proposals: Proposal, knows_betas: Array) -> Track:
    """The proposals (T, ...) as they are; joints and betas that the body lacks are at rest, and betas that the network does not know are zero."""
    parameters, num_joints = proposals.parameters, body.num_joints
    pose = jnp.concatenate([parameters.global_orient, parameters.body_pose], axis=-1).reshape(-1, num_joints, 3)
    rest_pelvis = body.joint_template[0] + jnp.asarray(parameters.betas) @ body.joint_shapedirs[0].T
    x, y, z = jnp.moveaxis(parameters.transl + rest_pelvis, -1, 0)
    z = jnp.maximum(z, 1e-3)
    betas, std_betas = (_resized(values, NUM_BETAS) for values in (parameters.betas, proposals.std_betas))
    is_known = jnp.isfinite(std_betas) & (std_betas > 0) & (knows_betas > 0)
    return Track(
        rotations=exp_so3(jnp.pad(pose, [(0, 0), (0, NUM_SMPL_JOINTS - num_joints), (0, 0)])),
        pelvis=jnp.stack([x / z, y / z, jnp.log(z)], axis=-1),
        betas=jnp.where(is_known, betas, 0.0),
        log_std_pose=_resized(jnp.log(proposals.std_pose), NUM_BODY_POSE),
        log_std_betas=jnp.where(is_known, jnp.log(jnp.where(is_known, std_betas, 1.0)), 0.0),
    )


def filled(track: Track, times: Array, is_seen: Array) -> Track:
    """Frames that were not seen, between the nearest frames that were: rotations along the shortest arc, all else linearly."""
    index = jnp.arange(len(times))
    before = jax.lax.cummax(jnp.where(is_seen, index, -1))
    after = jax.lax.cummin(jnp.where(is_seen, index, len(times)), reverse=True)
    first = jnp.where(before < 0, jnp.minimum(after, len(times) - 1), before)
    last = jnp.where(after >= len(times), first, after)
    length = times[last] - times[first]
    share = jnp.where(length > 0, jnp.clip((times - times[first]) / jnp.where(length > 0, length, 1.0), 0.0, 1.0), 0.0)

    def between(values: Array) -> Array:
        part = share[:, None]
        return jnp.where(is_seen[:, None], values, (1.0 - part) * values[first] + part * values[last])

    turn = matrix_to_axis_angle(jnp.swapaxes(track.rotations[first], -1, -2) @ track.rotations[last])
    turned = track.rotations[first] @ exp_so3(share[:, None, None] * turn)
    return Track(
        rotations=jnp.where(is_seen[:, None, None, None], track.rotations, turned),
        pelvis=between(track.pelvis),
        betas=between(track.betas),
        log_std_pose=between(track.log_std_pose),
        log_std_betas=between(track.log_std_betas),
    )


def smoothed(track: Track, times: Array, is_seen: Array) -> Track:
    """A filled track with means over time for its rotations and pelvis, and one mean shape; its standard deviations stay."""
    weight = jnp.where(is_seen, 1.0, _UNSEEN_WEIGHT)
    exists = neighbours(jnp.ones(len(times)))
    since = neighbours(times) - times[:, None]

    def in_time(width: float) -> Array:
        # An own weight even for a frame whose neighbours are all far in time.
        return exists * neighbours(weight) * jnp.exp(-0.5 * jnp.minimum((since / width) ** 2, 100.0))

    pelvis_weight = jnp.stack([in_time(_TIME_WIDTH), in_time(_TIME_WIDTH), in_time(_DEPTH_TIME_WIDTH)], axis=-1)
    height_per_ray = jnp.exp(track.pelvis[:, 2:]) / 1.7
    units = jnp.concatenate([height_per_ray, height_per_ray, jnp.ones_like(height_per_ray)], axis=-1)
    counts = weight[:, None] * jnp.exp(-2.0 * track.log_std_betas)
    betas = jnp.sum(counts * track.betas, axis=0) / jnp.sum(counts, axis=0)
    return Track(
        rotations=_mean_rotations(neighbours(track.rotations), in_time(_TIME_WIDTH)),
        pelvis=_mean_pelvis(neighbours(track.pelvis), pelvis_weight, units),
        betas=jnp.broadcast_to(betas, track.betas.shape),
        log_std_pose=track.log_std_pose,
        log_std_betas=track.log_std_betas,
    )


def _mean_rotations(rotations: Array, weight: Array) -> Array:
    """(T, 24, 3, 3) from (T, n, 24, 3, 3) and weights (T, n)."""
    columns = rotations[..., :2]

    def mean(weights: Array) -> Array:
        first, second = jnp.moveaxis(jnp.sum(weights[..., None, None] * columns, axis=1), -1, 0)
        return orthonormal(first, second)

    weights = jnp.broadcast_to(weight[..., None], columns.shape[:3])
    for _ in range(_NUM_REWEIGHTINGS):
        squares = jnp.sum((columns - mean(weights)[:, None, ..., :2]) ** 2, axis=(-2, -1))
        weights = weight[..., None] / (1.0 + squares / _ROTATION_LIMIT**2)
    return mean(weights)


def _mean_pelvis(pelvis: Array, weight: Array, units: Array) -> Array:
    """(T, 3) from (T, n, 3) and weights (T, n, 3)."""
    limit, weights = jnp.array(_PELVIS_LIMIT), weight

    def mean(weights: Array) -> Array:
        return jnp.sum(weights * pelvis, axis=1) / jnp.sum(weights, axis=1)

    for _ in range(_NUM_REWEIGHTINGS):
        distance = (pelvis - mean(weights)[:, None]) * units[:, None] / limit
        weights = weight / (1.0 + distance**2)
    return mean(weights)


def neighbours(values: Array) -> Array:
    """(T, 2 SMOOTHING_REACH + 1, ...) of (T, ...); zeros beyond the ends."""
    reach = SMOOTHING_REACH
    padded = jnp.pad(values, [(reach, reach)] + [(0, 0)] * (values.ndim - 1))
    return jnp.stack([padded[i : i + len(values)] for i in range(2 * reach + 1)], axis=1)


def _resized(values: Array, size: int) -> Array:
    values = jnp.asarray(values)[..., :size]
    return jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, size - values.shape[-1])])
