"""Measurements that are known: the body's stature, mass or girths are what somebody measured, up to the error of measuring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.measurements.shape_measures import ShapeMeasures
from smplify_jax.terms.term import Linearization, embed_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KnownMeasurements:
    """What was measured of a person.

    Attributes:
        values: (M,) in the units of their definitions; any number where nothing was measured.
        scale: (M,) one over the standard deviation of each; zero where nothing was measured.
    """

    values: Array | np.ndarray
    scale: Array | np.ndarray


def known_precision(measures: ShapeMeasures | None, known: KnownMeasurements | None, betas: Array) -> Array:
    """(B, B) what known measurements, fields (M,), tell about a shape (B,); zero if nothing is known."""
    if measures is None or known is None:
        return jnp.zeros((len(betas), len(betas)))
    slopes = jnp.asarray(known.scale)[:, None] * jax.jacfwd(measures.measure)(betas)
    return slopes.T @ slopes


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MeasurementTerm:
    """E = weight^2 1/2 |scale (m(beta) - values)|^2, with m the measurements of a shape.

    Attributes:
        measures: M of them.
        known: with fields (M, ...).
        weight: on the scale of the pose prior's w_theta: at equal weights both are the same multiple of a negative log likelihood.
    """

    measures: ShapeMeasures
    known: KnownMeasurements
    weight: Array

    def _factor(self) -> Array:
        return self.weight * jnp.sqrt(0.5) * jnp.asarray(self.known.scale)

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(M, ...) weight sqrt(1/2) scale (m(beta) - values)."""
        measured = _measured(self.measures, jnp.asarray(posed.parameters.betas))
        return self._factor() * (measured - self.known.values)

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """J has columns for the betas alone; it leaves out the curvature of m, which is nearly linear."""
        columns = posed.columns
        residuals = batch_first(self.residuals(posed), 1)
        slopes = batch_first(_slopes(self.measures, jnp.asarray(posed.parameters.betas)), 2)
        jacobian = batch_first(self._factor(), 1)[..., None] * slopes
        jacobian_t = embed_block(jacobian, columns.betas, columns)
        return Linearization(
            energy=jnp.sum(residuals**2, axis=-1),
            gradient=jnp.einsum("...mp,...m->...p", jacobian_t, residuals),
            jacobian_t=jnp.swapaxes(jacobian_t, -1, -2),
        )


# As functions of their own, so that each is traced once by a program that calls it often.
@jax.jit
def _measured(measures: ShapeMeasures, betas: Array) -> Array:
    """(M, ...) of shapes (B, ...)."""
    return _per_person(measures.measure, betas)


@jax.jit
def _slopes(measures: ShapeMeasures, betas: Array) -> Array:
    """(M, B, ...) their derivatives."""
    return _per_person(jax.jacfwd(measures.measure), betas)


def _per_person(function: Callable[[Array], Array], betas: Array) -> Array:
    return function(betas) if betas.ndim == 1 else jax.vmap(function, in_axes=-1, out_axes=-1)(betas)
