"""Denoise the keypoints of a track, so that the network sees of every frame what the frames around it tell.

Not the keypoints are smoothed over time, for they move with the body, but their distances from the keypoints of the smoothed track. These
hold the detector's errors, and how the track is wrong, which changes slowly even where limbs move fast. So noise that is new in every frame
is averaged out, missed keypoints are filled in, and outliers and exchanged sides, which agree with no other frame, do not count.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.observation import Observation
from smplify_jax.proposal.refinement import with_sides_corrected
from smplify_jax.proposal.track_smoothing import neighbours, weights_in_time

# On tracks with 2 % noise, half of it drifting, proposals from denoised keypoints are off by 48.9 mm (PA-MPJPE, smoothed): by 49.1 and 49.2
# at a time width of 0.04 and 0.12 s, by 49.2 at twice the limit, and by 48.5 once sides are exchanged and rarely found keypoints left out.
_TIME_WIDTH = 0.06  # [s] standard deviation of the weights in time
_DISTANCE_LIMIT = 0.06  # heights off the others at which a detection counts a quarter
_NUM_REWEIGHTINGS = 4
_MIN_SHARE = 0.2  # of the weights of the seen frames around that a keypoint must have, to be known in it
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
        is_seen: (T,) bool, frames that count.
        times: (T,) [s].
    Returns:
        Keypoints that are found in enough of the seen frames around, with a confidence that tells in how many.
    """
    sides = jax.vmap(partial(with_sides_corrected, flip=jnp.asarray(flip)))(observations, expected_px, height_px)
    residuals = neighbours((sides.keypoints_px - expected_px) / height_px[:, None, None])
    in_time = weights_in_time(times, _TIME_WIDTH) * neighbours(is_seen.astype(jnp.float32))
    weight = in_time[..., None] * neighbours((sides.confidence > 0).astype(jnp.float32))

    def mean(weights: Array) -> Array:
        return jnp.sum(weights[..., None] * residuals, axis=1) / jnp.maximum(jnp.sum(weights, axis=1), 1e-6)[..., None]

    weights = weight
    for _ in range(_NUM_REWEIGHTINGS):
        squares = jnp.sum((residuals - mean(weights)[:, None]) ** 2, axis=-1)
        weights = weight / (1.0 + squares / _DISTANCE_LIMIT**2) ** 2
    share = jnp.sum(weights, axis=1) / jnp.maximum(jnp.sum(in_time, axis=1), 1e-6)[:, None]
    return dataclasses.replace(
        sides,
        keypoints_px=expected_px + height_px[:, None, None] * mean(weights),
        confidence=jnp.where(share > _MIN_SHARE, jnp.clip(jnp.sqrt(share), _MIN_CONFIDENCE, 1.0), 0.0),
    )
