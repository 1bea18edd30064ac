"""Shapes of an age on the open body of all ages."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.open_body import OPEN_BODY_PATHS
from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz


def betas_at_age(years: ArrayLike, num_betas: int = 10) -> np.ndarray:
    """Mean betas of girls and boys, women and men of an age, for `load_body(all_ages=True)`.

    Args:
        years: (...,) ages, from 2 to 90.
        num_betas: at most 16.
    Returns:
        (..., num_betas) float32. Differences between two ages are the direction in which shapes change between them.
    Raises:
        InputError: an age is outside of the range, or no number.
    """
    at = np.asarray(years, np.float64)
    stored = load_npz(OPEN_BODY_PATHS["all_ages"])
    knots, betas = np.asarray(stored["age_years"]), np.asarray(stored["age_betas"])
    if not (np.all(at >= knots[0]) and np.all(at <= knots[-1])):
        raise InputError(f"years is {years}: give ages from {knots[0]:.0f} to {knots[-1]:.0f}.")
    if not 1 <= num_betas <= betas.shape[1]:
        raise InputError(f"num_betas is {num_betas}: give 1 to {betas.shape[1]}.")
    return np.stack([np.interp(at, knots, column) for column in betas[:, :num_betas].T], axis=-1).astype(np.float32)
