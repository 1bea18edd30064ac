"""Shapes and sizes of an age: of the people that the open body of all ages is built from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.open_body import OPEN_BODY_PATHS
from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz

MEDIANS = np.array([
    [2, 0.855, 0.868, 16.4], [4, 1.010, 1.020, 15.4], [6, 1.150, 1.155, 15.3], [8, 1.275, 1.280, 15.9],
    [10, 1.380, 1.385, 16.7], [12, 1.515, 1.490, 18.0], [14, 1.600, 1.635, 19.3], [16, 1.625, 1.735, 20.6],
    [18, 1.630, 1.760, 21.7], [25, 1.630, 1.760, 24.0], [40, 1.630, 1.760, 25.5], [90, 1.600, 1.730, 25.5],
])  # fmt: skip
"""Years; heights [m], female and male; body-mass index [kg/m^2]. Up to 16 years the medians of growth charts in the United States (CDC,
2000), to a centimetre or two; then as for adults of other bodies."""

SPREAD_OF_HEIGHT = 0.04
"""Standard deviation relative to the median of girls or of boys."""

SPREAD_LOG_BMI = (2.0, 10.0, 18.0), (0.08, 0.14, 0.19)
"""Years, and standard deviations of the logarithm of the body-mass index."""


def sizes_at_age(years: ArrayLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What is known of people's measurements by their age alone.

    Args:
        years: (...,) from 2 to 90; NaN where it is not known.
    Returns:
        Mean and standard deviation (...,) of "stature" [m] and "body mass index" [kg/m2], by these names.
    Raises:
        InputError: an age is outside of the range.
    """
    at, (known, female, male, bmi) = np.asarray(years, np.float64), MEDIANS.T
    if np.any((at < known[0]) | (at > known[-1])):
        raise InputError(
            f"age is {at[(at < known[0]) | (at > known[-1])].flat[0]:g}: give years, from {known[0]:.0f} to {known[-1]:.0f}."
        )
    mean = np.interp(at, known, 0.5 * (female + male))
    std = np.hypot(SPREAD_OF_HEIGHT * mean, np.interp(at, known, 0.5 * (male - female)))
    index = np.interp(at, known, bmi)
    return {"stature": (mean, std), "body mass index": (index, index * np.interp(at, *SPREAD_LOG_BMI))}


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
