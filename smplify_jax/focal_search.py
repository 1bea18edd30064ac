"""Unknown focal lengths: every person is fitted under a few of them, as so many people of one batch, and the fit of least energy stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.camera import Camera
from smplify_jax.camera_setup import complete_camera
from smplify_jax.result import FitResult

FOCAL_LENGTHS_PER_DIAGONAL = (0.6, 0.85, 1.2, 1.7, 3.0)
"""Candidates, in picture diagonals: from a wide angle to a short telephoto lens, beyond which perspective hardly changes."""


def search_focal_length(
    fit_all: Callable[[np.ndarray, Camera, Any], FitResult],
    keypoints: np.ndarray,
    image_size: ArrayLike | None,
    init: Any,
) -> FitResult:
    """The fit of least energy of each person.

    Args:
        fit_all: keypoints (N, K, 3), cameras and starts to fits.
        keypoints: (B, K, 3) cleaned.
        image_size: as `fit` takes it.
        init: the callers' starts as a pytree with leading axis B, or None.
    Returns:
        FitResult with leading axis B.
    """
    guess = complete_camera(keypoints, image_size)
    num_people, num_candidates = len(keypoints), len(FOCAL_LENGTHS_PER_DIAGONAL)
    ratios = np.repeat(np.array(FOCAL_LENGTHS_PER_DIAGONAL, np.float32), num_people)[:, None]

    def repeated(values: ArrayLike) -> np.ndarray:
        array = np.asarray(values)
        return np.tile(array, (num_candidates, *[1] * (array.ndim - 1)))

    cameras = Camera(ratios * repeated(guess.focal_length), repeated(guess.camera_center))
    result = fit_all(repeated(keypoints), cameras, jax.tree.map(repeated, init))
    costs = np.asarray(result.cost).reshape(num_candidates, num_people)
    winner = np.argmin(np.where(np.isfinite(costs), costs, np.inf), axis=0)
    return result[winner * num_people + np.arange(num_people)]
