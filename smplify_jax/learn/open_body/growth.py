"""How tall and how heavy girls and boys, women and men are from 2 to 90 years."""

from __future__ import annotations

import numpy as np

from smplify_jax.body.ages import MEDIANS, SPREAD_LOG_BMI, SPREAD_OF_HEIGHT

_YEARS = MEDIANS[:, 0]
AGE_RANGE, ADULT = (2.0, 90.0), 18.0
"""[years]"""
BMI_RANGE = (12.0, 44.0)
_FACTOR = (1.0, 10.0, 20.0, 90.0), (-2.0, -1.0, 0.0, 1.0)
"""MakeHuman's baby is 1 year old, its child 10, its old person 90. Its young person is taken for 20, when growth has ended."""
_GROWING = (16.0, 20.0), (1.0, 0.0)
KNOTS = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 25.0, 40.0, 60.0, 90.0)
"""[years] at which the mean betas are stored."""


def sample_years(rng: np.random.Generator, num_samples: int) -> np.ndarray:
    """(S,) ages: half of the people are children, because shapes change most while they grow."""
    is_child, place = rng.random(num_samples) < 0.5, rng.random(num_samples)
    low, high = AGE_RANGE
    return np.where(is_child, low + (ADULT - low) * place, ADULT + (high - ADULT) * place)


def age_factor(years: np.ndarray) -> np.ndarray:
    """MakeHuman's age as `factors` has it: -2 baby, -1 child, 0 young, 1 old."""
    return np.interp(years, *_FACTOR)


def most_cup(years: np.ndarray) -> np.ndarray:
    """(S,) the largest cup factor: breasts of more than MakeHuman's average child begin to grow at 10 years."""
    return np.interp(years, (10.0, 16.0), (0.5, 1.0))


def median_height(years: np.ndarray, is_male: np.ndarray) -> np.ndarray:
    """(S,) [m]."""
    return np.where(is_male, np.interp(years, _YEARS, MEDIANS[:, 2]), np.interp(years, _YEARS, MEDIANS[:, 1]))


def sample_sizes(rng: np.random.Generator, years: np.ndarray, is_male: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S,) heights [m] and (S,) body-mass indices [kg/m^2]."""
    spread = np.clip(rng.normal(size=len(years)), -2.8, 2.8)
    height = median_height(years, is_male) * (1.0 + SPREAD_OF_HEIGHT * spread)
    log_spread = np.interp(years, *SPREAD_LOG_BMI) * rng.normal(size=len(years))
    return height, np.clip(np.interp(years, _YEARS, MEDIANS[:, 3]) * np.exp(log_spread), *BMI_RANGE)


def child_scale(years: np.ndarray, is_male: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(S,) by what the whole body is scaled, so that children of MakeHuman's own `height` [m] become of median height.

    MakeHuman's children are up to a fifth too short for their age. Its height factor would make them tall and thin; scaled they have
    children's body-mass indices, too. Adults are not scaled.
    """
    return 1.0 + np.interp(years, *_GROWING) * (median_height(years, is_male) / height - 1.0)


def mean_betas(years: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """(K, B) mean betas at `KNOTS`, linear between them, by least squares from people of these years (S,) and betas (S, B)."""
    shares = np.stack([np.interp(years, KNOTS, row) for row in np.eye(len(KNOTS))], axis=1)
    return np.linalg.lstsq(shares, betas, rcond=None)[0]
