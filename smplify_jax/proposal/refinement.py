"""What a proposed body says of the keypoints it came from: which are of the other side, and which are of no use.

The network cannot know an outlier before it has seen it, and by then the outlier has had its say. So there is a
refinement pass, on keypoints without what the first proposal shows to be mistaken.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.observation import Observation
from smplify_jax.proposal.view import lower_median

# In units of the person's height. Noise and the proposal's own error must not look like mistakes, hence the person's own median.
_MIN_LIMIT, _MEDIANS = 0.12, 2.0
_MAX_DISTANCE = 0.3  # beyond it a keypoint is wrong, no matter how far: else one outlier would decide about its pair


def with_sides_corrected(
    observation: Observation, expected_px: Array, height_px: Array, flip: Array | np.ndarray
) -> Observation:
    """Exchange left and right where that brings a pair of keypoints much nearer to where it is expected.

    Args:
        observation: of one person.
        expected_px: (K, 2) where a proposed body has its keypoints [px].
        height_px: () of the person [px].
        flip: (K,) the keypoint of the other side, see `Layout.flip`.
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
    """Drop keypoints that are far from where they are expected, never more than half of those observed.

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
