"""Shape prior: betas are already in standard deviations, E_beta in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.terms.term import PosedKeypoints, place_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ShapeTerm:
    """E = weight^2 |betas|^2.

    Attributes:
        weight: w_beta.
    """

    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(B,) weight betas."""
        return self.weight * posed.parameters.betas

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """Diagonal and constant."""
        columns = posed.parameters.columns()
        hessian = self.weight**2 * jnp.eye(columns.num_betas)
        return place_block(self.weight**2 * posed.parameters.betas, hessian, columns.betas, columns.size)
