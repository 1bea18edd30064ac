"""Unknown focal lengths: fit every person with several candidates, all in one batch, and keep the fit with the lowest energy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import numpy as np

from smplify_jax.fitting.person import Person
from smplify_jax.result import FitResult

FOCAL_LENGTHS_PER_DIAGONAL = (0.6, 0.85, 1.2, 1.7, 3.0)
"""Candidates, in picture diagonals: from a wide angle to a short telephoto lens, beyond which perspective hardly changes."""


def search_focal_length(fit_all: Callable[[Person], FitResult], people: Person) -> FitResult:
    """Each person's fit with the lowest energy.

    Args:
        fit_all: fits a batch of people.
        people: (B, ...), with the picture's diagonal as focal length.
    Returns:
        FitResult with leading axis B.
    """
    num_people, num_candidates = len(people.keypoints), len(FOCAL_LENGTHS_PER_DIAGONAL)
    repeated = jax.tree.map(lambda leaf: np.concatenate([leaf] * num_candidates), people)
    ratios = np.repeat(np.array(FOCAL_LENGTHS_PER_DIAGONAL, np.float32), num_people)[:, None]
    camera = dataclasses.replace(repeated.camera, focal_length=ratios * repeated.camera.focal_length)
    result = fit_all(dataclasses.replace(repeated, camera=camera))
    costs = np.asarray(result.cost).reshape(num_candidates, num_people)
    winner = np.argmin(np.where(np.isfinite(costs), costs, np.inf), axis=0)
    return result[winner * num_people + np.arange(num_people)]
