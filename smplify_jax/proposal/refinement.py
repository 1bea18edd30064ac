"""Correct keypoints by the body that the network proposed from them: exchange mistaken sides, drop outliers.

An outlier shows only against a proposal that it has already disturbed. So a refinement pass follows, on keypoints without
the mistakes that the first proposal reveals.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.observation import Observation
from smplify_jax.proposal.view import lower_median

# In units of the person's height. The limit includes the person's own median, so noise and the proposal's error do not count as mistakes.
_MIN_LIMIT, _MEDIANS = 0.12, 2.0
_MAX_DISTANCE = 0.3  # distances are clipped here: otherwise a single outlier would decide whether its pair is exchanged


def with_sides_corrected(
    observation: Observation, expected_px: Array, height_px: Array, flip: Array | np.ndarray
) -> Observation:
    """Exchange left and right where that brings a pair of keypoints much closer to its expected place.

    Args:
        observation: of one person.
        expected_px: (K, 2) where a proposed body has its keypoints [px].
        height_px: () of the person [px].
        flip: (K,) index of the same keypoint on the other side, see `Layout.flip`.
    """
    exchanged = dataclasses.replace(
        observation, keypoints_px=observation.keypoints_px[flip], confidence=observation.confidence[flip]
    )
    before, after = (_distances(one, expected_px, height_px) for one in (observation, exchanged))
    gain = jnp.minimum(before, _MAX_DISTANCE) - jnp.minimum(after, _MAX_DISTANCE)
    is_pair_seen = (observation.confidence > 0) & (exchanged.confidence > 0)
    is_exchanged = is_pair_seen & (gain + gain[flip] > _limit(before, observation))
    return dataclasses.replace(
        observation,
        keypoints_px=jnp.where(is_exchanged[:, None], exchanged.keypoints_px, observation.keypoints_px),
        confidence=jnp.where(is_exchanged, exchanged.confidence, observation.confidence),
    )


def without_outliers(observation: Observation, expected_px: Array, height_px: Array) -> Observation:
    """Drop keypoints that are far from their expected place, never more than half of those observed.

    Args:
        observation: of one person.
        expected_px: (K, 2) where a proposed body has its keypoints [px].
        height_px: () of the person [px].
    """
    distances = _distances(observation, expected_px, height_px)
    is_outlier = distances > _limit(distances, observation)
    return dataclasses.replace(observation, confidence=jnp.where(is_outlier, 0.0, observation.confidence))


def _distances(observation: Observation, expected_px: Array, height_px: Array) -> Array:
    """(K,) in units of the person's height."""
    return jnp.linalg.norm(observation.keypoints_px - expected_px, axis=-1) / height_px


def _limit(distances: Array, observation: Observation) -> Array:
    return _MIN_LIMIT + _MEDIANS * lower_median(distances, observation.confidence > 0)
