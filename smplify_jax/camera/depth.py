"""Depth of a person from the apparent lengths of their limbs, and the scale of their pixels."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

REFERENCE_HEIGHT_PX = 300.0
"""The paper's pixel constants (sigma = 100 and all weights relative to it) are meant for people about this tall."""

PERSON_HEIGHT = 1.7
"""[m] Only a unit: it turns a focal length and a depth into an "apparent height"."""

MIN_START_DEPTH, MAX_START_DEPTH = 0.3, 1e4
"""[m] A start nearer or farther than these would not stay finite in a solver."""


def start_depth(
    keypoints_px: Array | np.ndarray,
    confidence: Array | np.ndarray,
    focal_length: Array | np.ndarray,
    reach: Array | np.ndarray,
) -> Array:
    """Depth of a person from the apparent length of every pair of keypoints.

    Two points at most `reach` apart cannot appear longer than f reach / z, so each pair gives an upper bound on the depth, and the least
    foreshortened one comes close to it. The least bound is taken after leaving out the one keypoint that lowers it most, because a gross
    outlier makes all its pairs appear long.

    Args:
        keypoints_px: (K, 2) [px].
        confidence: (K,).
        focal_length: (2,) [px].
        reach: (K, K) the longest distance the body allows between two keypoints [m]; infinite where it is not known.
    Returns:
        Depth [m], within bounds that keep a solver's start finite.
    """
    # In units of the focal length, so that cameras with unequal focal lengths need no special case.
    x, y = jnp.moveaxis(jnp.asarray(keypoints_px) / focal_length, -1, 0)
    length = jnp.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2 + 1e-20)
    is_pair = (confidence[:, None] > 0) & (confidence[None, :] > 0) & ~jnp.eye(len(confidence), dtype=bool)
    # The double `where` keeps derivatives finite where the reach is not.
    bound = jnp.where(is_pair, jnp.where(is_pair, reach, 1.0) / length, jnp.inf)
    # Leaving out a keypoint raises the least bound only if it belongs to the pair that gives it.
    least = jnp.argmin(bound)
    ends = jnp.stack([least // len(confidence), least % len(confidence)])
    is_end = jnp.arange(len(confidence)) == ends[:, None]
    without_one = jnp.min(jnp.where(is_end[:, :, None] | is_end[:, None, :], jnp.inf, bound), axis=(1, 2))
    depth = jnp.max(jnp.where(jnp.isfinite(without_one), without_one, -jnp.inf))
    return jnp.clip(jnp.where(jnp.isfinite(depth), depth, jnp.min(bound)), MIN_START_DEPTH, MAX_START_DEPTH)


def pixel_scale(
    depth: Array | np.ndarray, focal_length: Array | np.ndarray, reference_height_px: float = REFERENCE_HEIGHT_PX
) -> Array:
    """Reference pixels per pixel for a person at that depth: the scale that every constant of the objective refers to."""
    fx, fy = jnp.moveaxis(jnp.asarray(focal_length), -1, 0)
    return reference_height_px * jnp.asarray(depth) / (PERSON_HEIGHT * jnp.sqrt(fx * fy))


def depth_of_height(height_px: float, focal_length_px: float) -> float:
    """Depth [m] at which a person appears that tall: where `pixel_scale` with this reference height is 1."""
    return PERSON_HEIGHT * focal_length_px / height_px
