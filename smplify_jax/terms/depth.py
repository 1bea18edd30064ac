"""Depth anchor: while the body is still rigid, keep it near the depth estimated from limb lengths."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.terms.term import Linearization, embed_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DepthTerm:
    """E = (weight log(z / z_start))^2: relative, so that near and far people are treated alike.

    Attributes:
        start_depth: z_start [m].
        weight: residual per unit of log depth.
    """

    start_depth: Array
    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(1, ...) weight log(z / z_start)."""
        return self.weight * jnp.log(posed.parameters.transl[2:] / self.start_depth)

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """One entry: d r / d z = weight / z."""
        columns = posed.columns
        by_depth = batch_first(self.weight / posed.parameters.transl[2:], 1)
        only_z = slice(columns.size - 1, columns.size)
        return Linearization(
            energy=jnp.sum(self.residuals(posed) ** 2, axis=0),
            gradient=embed_block(by_depth * batch_first(self.residuals(posed), 1), only_z, columns),
            diagonal=embed_block(by_depth**2, only_z, columns),
        )
