"""Depth anchor: while the body is still rigid, hold it at the depth that its limbs' lengths suggest."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.terms.term import PosedKeypoints, place_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DepthTerm:
    """E = (weight log(z / z_start))^2: relative, so that near and far people are held alike.

    Attributes:
        start_depth: z_start [m].
        weight: residual per unit of log depth.
    """

    start_depth: Array
    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(1,) weight log(z / z_start)."""
        return self.weight * jnp.log(posed.parameters.transl[2:] / self.start_depth)

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """One entry: d r / d z = weight / z."""
        columns = posed.parameters.columns()
        slope = self.weight / posed.parameters.transl[2]
        by_transl = slope * jnp.array([0.0, 0.0, 1.0])
        gradient = by_transl * self.residuals(posed)
        return place_block(gradient, jnp.outer(by_transl, by_transl), columns.transl, columns.size)
