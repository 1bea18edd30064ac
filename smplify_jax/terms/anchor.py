"""Anchor: a Gaussian around a proposed pose and shape, with the precision that its source claims."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.terms.term import PosedKeypoints, place_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Anchor:
    """What to stay close to, and how close.

    Attributes:
        body_pose: (3 (J - 1),) [rad].
        betas: (B,).
        body_pose_precision: (3 (J - 1),) inverse variance [1/rad^2]; zero lets a number go.
        betas_precision: (B,) inverse variance.
    """

    body_pose: Array | np.ndarray
    betas: Array | np.ndarray
    body_pose_precision: Array | np.ndarray
    betas_precision: Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AnchorTerm:
    """E = weight^2 1/2 sum_i precision_i (x_i - anchor_i)^2 over the numbers x of body_pose and betas.

    Attributes:
        anchor: of one person.
        weight: as w_theta of the pose prior: at equal weights, both are negative log likelihoods.
    """

    anchor: Anchor
    weight: Array

    def _scales(self) -> Array:
        precision = jnp.concatenate([self.anchor.body_pose_precision, self.anchor.betas_precision])
        return self.weight * jnp.sqrt(0.5 * precision)

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(3 (J - 1) + B,) weight sqrt(precision / 2) (x - anchor)."""
        difference = jnp.concatenate(
            [posed.parameters.body_pose - self.anchor.body_pose, posed.parameters.betas - self.anchor.betas]
        )
        return self._scales() * difference

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """Diagonal and constant."""
        columns = posed.parameters.columns()
        scales = self._scales()
        both = slice(columns.body_pose.start, columns.betas.stop)
        return place_block(scales * self.residuals(posed), jnp.diag(scales**2), both, columns.size)
