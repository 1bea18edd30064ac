"""Shape prior: betas are already in standard deviations, E_beta in Bogo et al. 2016."""

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
class ShapeTerm:
    """E = weight^2 |betas|^2.

    Attributes:
        weight: w_beta.
    """

    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(B, ...) weight betas."""
        return self.weight * posed.parameters.betas

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """The Hessian is diagonal and constant."""
        columns, betas = posed.columns, jnp.asarray(posed.parameters.betas)
        gradient, curvature = self.weight**2 * betas, jnp.broadcast_to(self.weight**2, betas.shape)
        return Linearization(
            energy=jnp.sum(self.residuals(posed) ** 2, axis=0),
            gradient=embed_block(batch_first(gradient, 1), columns.betas, columns),
            diagonal=embed_block(batch_first(curvature, 1), columns.betas, columns),
        )
