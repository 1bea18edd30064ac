"""Intervals of measurements: how far a person's may be from the fitted body's.

A measurement is taken as linear in the betas over their spread, so its variance is g^T C g, with g its derivatives and C the betas'
covariance. Where nothing is known of the errors, C is the population's: the identity, because betas are in its standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.measurements.definitions import definitions_of
from smplify_jax.measurements.measured import Measurements
from smplify_jax.measurements.shape_measures import measure_shapes, measure_slopes, shape_measures


def measured_with_intervals(
    body: BodyModel,
    betas: ArrayLike,
    covariance: ArrayLike | None,
    names: Sequence[str] | None = None,
    coverage: float = 0.9,
) -> Measurements:
    """Measure bodies whose shapes are uncertain.

    Args:
        body: of the SMPL family.
        betas: (..., B).
        covariance: (..., B, B) of the betas' errors; where it is None or NaN, the population's.
        names: of the measurements; all by default.
        coverage: probability that an interval holds the truth.
    Raises:
        InputError: there is no such measurement, `coverage` is no probability, or the body's mesh cannot be measured.
    """
    definitions = definitions_of(names)
    if not 0 < coverage < 1:
        raise InputError(f"coverage is {coverage}: give a probability between 0 and 1, such as 0.9.")
    betas = np.asarray(betas, np.float32)
    measures = shape_measures(body, betas.shape[-1]).only([one.name for one in definitions])
    values, slopes = measure_shapes(measures, betas), measure_slopes(measures, betas).astype(np.float64)
    reach = ndtri(0.5 + 0.5 * coverage) * _stds(slopes, covariance)
    return Measurements(definitions, values, values - reach, values + reach, coverage)


def _stds(slopes: np.ndarray, covariance: ArrayLike | None) -> np.ndarray:
    population = np.sqrt(np.sum(slopes**2, axis=-1))
    if covariance is None:
        return population
    variances = np.einsum("...mb,...bc,...mc->...m", slopes, np.asarray(covariance, np.float64), slopes)
    return np.where(np.isnan(variances), population, np.sqrt(np.maximum(variances, 0.0)))
