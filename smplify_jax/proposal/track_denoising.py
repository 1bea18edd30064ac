"""Denoise the keypoints of a track: what the network for one frame sees of a frame that knows its neighbours.

Smoothed over time are not the keypoints, which move with the body, but their distances from those of the smoothed track. These hold the
detector's noise and what the track has wrong, and change slowly where limbs move fast. So the noise that is new in every frame is averaged
out, missed keypoints are filled in, and outliers and exchanged sides, which fit neither the body nor the frames around, do not count.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.depth import REFERENCE_HEIGHT_PX, pixel_scale
from smplify_jax.camera.observation import Observation
from smplify_jax.proposal.refinement import with_sides_corrected
from smplify_jax.proposal.track_smoothing import neighbours

_TIME_WIDTH = 0.06  # [s] standard deviation of the weights in time; 0.04 and 0.12 are worse
_DISTANCE_LIMIT = 0.06  # heights off the others at which a detection counts a quarter
_NUM_REWEIGHTINGS = 4
_MIN_SHARE = 0.2  # of the weights around a frame that a keypoint must have to be known in it
_MIN_CONFIDENCE = 0.3


def denoised(
    observations: Observation,
    expected_px: Array,
    height_px: Array,
    flip: Array | np.ndarray,
    is_seen: Array,
    times: Array,
) -> Observation:
    """The observations (T, ...) of one track with their keypoints denoised.

    Args:
        observations: T frames.
        expected_px: (T, K, 2) where the smoothed track has its keypoints [px].
        height_px: (T,) of the person when standing [px].
        flip: (K,) index of the same keypoint on the other side, see `Layout.flip`.
        is_seen: (T,) frames that count.
        times: (T,) [s].
    Returns:
        Keypoints that are found in enough of the frames around, with a confidence that tells in how many.
    """
    sides = jax.vmap(partial(with_sides_corrected, flip=jnp.asarray(flip)))(observations, expected_px, height_px)
    residuals = neighbours((sides.keypoints_px - expected_px) / height_px[:, None, None])
    since = (neighbours(times) - times[:, None]) / _TIME_WIDTH
    in_time = neighbours(jnp.ones(len(times))) * jnp.exp(-0.5 * jnp.minimum(since**2, 100.0))
    found = in_time[..., None] * neighbours(jnp.where(is_seen[:, None] & (sides.confidence > 0), 1.0, 0.0))

    def mean(weights: Array) -> Array:
        return jnp.sum(weights[..., None] * residuals, axis=1) / jnp.maximum(jnp.sum(weights, axis=1), 1e-6)[..., None]

    weights = found
    for _ in range(_NUM_REWEIGHTINGS):
        squares = jnp.sum((residuals - mean(weights)[:, None]) ** 2, axis=-1)
        weights = found / (1.0 + squares / _DISTANCE_LIMIT**2) ** 2
    share = jnp.sum(weights, axis=1) / jnp.sum(in_time, axis=1)[:, None]
    return dataclasses.replace(
        sides,
        keypoints_px=expected_px + height_px[:, None, None] * mean(weights),
        confidence=jnp.where(share > _MIN_SHARE, jnp.clip(jnp.sqrt(share), _MIN_CONFIDENCE, 1.0), 0.0),
    )


def standing_height_px(depth: Array, camera_focal_length: Array) -> Array:
    """(T,) height in the picture of a person who stands at these depths (T,) [px]."""
    return REFERENCE_HEIGHT_PX / pixel_scale(depth, camera_focal_length)
