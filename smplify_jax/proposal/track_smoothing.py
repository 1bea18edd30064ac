"""Smooth the proposals of a track, robustly.

Frames without a proposal are filled in between their neighbours. Every rotation becomes a mean over about a fifth of a second in which
frames that disagree with the others count less: a body proposed back to front, or a leg bent the wrong way, in one frame or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.proposal.network import orthonormal
from smplify_jax.proposal.propose import Proposal

REACH = 8
"""Frames to each side that a mean includes: as far as its weights reach at 60 frames per second."""

_TIME_WIDTH = 0.06  # [s] standard deviation of the weights in time
_DEPTH_TIME_WIDTH = 0.15  # [s] depths err more and change more slowly
_ROTATION_LIMIT = 0.3  # distance of the first two columns at which a frame counts half
_PELVIS_LIMIT = (0.1, 0.1, 0.15)  # heights, heights, log depth: likewise
_UNSEEN_WEIGHT = 1e-6  # of filled frames, which count only where no other frame is near
_NUM_REWEIGHTINGS = 2
_MIN_DEPTH = 1e-3  # [m]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Track:
    """Proposed bodies of T frames, in numbers whose means make sense.

    Attributes:
        rotations: (T, J, 3, 3) of each joint relative to its parent, the root's relative to the camera.
        pelvis: (T, 3) x/z, y/z, log z of the pelvis in the camera frame.
        betas: (T, B).
        log_std_pose: (T, 3 (J - 1)) [log rad].
        std_betas: (T, B); infinite for betas that the network does not know.
    """

    rotations: Array
    pelvis: Array
    betas: Array
    log_std_pose: Array
    std_betas: Array


def track_of(body: KeypointBody, proposals: Proposal) -> Track:
    """The proposals (T, ...) as they are."""
    parameters = proposals.parameters
    pose = jnp.concatenate([parameters.global_orient, parameters.body_pose], axis=-1)
    x, y, z = jnp.moveaxis(parameters.transl + _rest_pelvis(body, jnp.asarray(parameters.betas)), -1, 0)
    z = jnp.maximum(z, _MIN_DEPTH)
    return Track(
        rotations=exp_so3(pose.reshape(len(pose), -1, 3)),
        pelvis=jnp.stack([x / z, y / z, jnp.log(z)], axis=-1),
        betas=jnp.asarray(parameters.betas),
        log_std_pose=jnp.log(proposals.std_pose),
        std_betas=jnp.asarray(proposals.std_betas),
    )


def bodies_of(body: KeypointBody, track: Track) -> BodyParameters:
    """The bodies (T, ...) of a track in the camera frame."""
    depth = jnp.exp(track.pelvis[:, 2:])
    pelvis = jnp.concatenate([track.pelvis[:, :2] * depth, depth], axis=-1)
    pose = matrix_to_axis_angle(track.rotations)
    return BodyParameters(
        global_orient=pose[:, 0],
        body_pose=pose[:, 1:].reshape(len(pose), -1),
        betas=track.betas,
        transl=pelvis - _rest_pelvis(body, track.betas),
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
        mean = jnp.where(part > 0, (1.0 - part) * values[first] + part * values[last], values[first])
        return jnp.where(is_seen[:, None], values, mean)

    turn = matrix_to_axis_angle(jnp.swapaxes(track.rotations[first], -1, -2) @ track.rotations[last])
    turned = track.rotations[first] @ exp_so3(share[:, None, None] * turn)
    return Track(
        rotations=jnp.where(is_seen[:, None, None, None], track.rotations, turned),
        pelvis=between(track.pelvis),
        betas=between(track.betas),
        log_std_pose=between(track.log_std_pose),
        std_betas=between(track.std_betas),
    )


def smoothed(track: Track, times: Array, is_seen: Array) -> Track:
    """A filled track with means over time for rotations and pelvis, and one mean shape; the standard deviations stay."""
    weight = jnp.where(is_seen, 1.0, _UNSEEN_WEIGHT)
    near, slow = (weights_in_time(times, width) * neighbours(weight) for width in (_TIME_WIDTH, _DEPTH_TIME_WIDTH))
    # Shapes that the network does not know have an infinite standard deviation, and are not weighted by it.
    is_known = jnp.isfinite(track.std_betas)
    counts = weight[:, None] * jnp.where(is_known, 1.0 / jnp.where(is_known, track.std_betas, 1.0) ** 2, 1.0)
    betas = jnp.sum(counts * track.betas, axis=0) / jnp.sum(counts, axis=0)
    return Track(
        rotations=_mean_rotations(neighbours(track.rotations), near),
        pelvis=_mean_pelvis(neighbours(track.pelvis), jnp.stack([near, near, slow], axis=-1)),
        betas=jnp.broadcast_to(betas, track.betas.shape),
        log_std_pose=track.log_std_pose,
        std_betas=track.std_betas,
    )


def weights_in_time(times: Array, width: float) -> Array:
    """(T, 2 REACH + 1) Gaussian weights of the frames around each frame, zero beyond the ends of the track.

    Args:
        times: (T,) [s].
        width: standard deviation [s].
    """
    distance = (neighbours(times) - times[:, None]) / width
    # The bound keeps the weights of far frames above zero, so that a frame whose neighbours are all filled ones still has some.
    return neighbours(jnp.ones(len(times))) * jnp.exp(-0.5 * jnp.minimum(distance**2, 100.0))


def neighbours(values: Array) -> Array:
    """(T, 2 REACH + 1, ...) of (T, ...): the frames around each frame; zeros beyond the ends."""
    padded = jnp.pad(values, [(REACH, REACH)] + [(0, 0)] * (values.ndim - 1))
    return jnp.stack([padded[i : i + len(values)] for i in range(2 * REACH + 1)], axis=1)


def _mean_rotations(rotations: Array, weight: Array) -> Array:
    """(T, J, 3, 3) from (T, n, J, 3, 3) and weights (T, n)."""
    columns = rotations[..., :2]

    def mean(weights: Array) -> Array:
        first, second = jnp.moveaxis(jnp.sum(weights[..., None, None] * columns, axis=1), -1, 0)
        return orthonormal(first, second)

    weights = jnp.broadcast_to(weight[..., None], columns.shape[:3])
    for _ in range(_NUM_REWEIGHTINGS):
        squares = jnp.sum((columns - mean(weights)[:, None, ..., :2]) ** 2, axis=(-2, -1))
        weights = weight[..., None] / (1.0 + squares / _ROTATION_LIMIT**2)
    return mean(weights)


def _mean_pelvis(pelvis: Array, weight: Array) -> Array:
    """(T, 3) from (T, n, 3) and weights (T, n, 3)."""
    weights = weight

    def mean(weights: Array) -> Array:
        return jnp.sum(weights * pelvis, axis=1) / jnp.sum(weights, axis=1)

    for _ in range(_NUM_REWEIGHTINGS):
        middle = mean(weights)
        height_per_ray = jnp.exp(middle[:, 2:]) / PERSON_HEIGHT
        units = jnp.concatenate([height_per_ray, height_per_ray, jnp.ones_like(height_per_ray)], axis=-1)
        distance = (pelvis - middle[:, None]) * units[:, None] / jnp.array(_PELVIS_LIMIT)
        weights = weight / (1.0 + distance**2)
    return mean(weights)


def _rest_pelvis(body: KeypointBody, betas: Array) -> Array:
    """(T, 3) [m] of shapes (T, B)."""
    return body.joint_template[0] + betas @ body.joint_shapedirs[0].T
