"""Anchor: a Gaussian around a proposed pose and shape, as sure as its source claims to be."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.terms.term import Linearization, embed_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Anchor:
    """What to stay close to, and how close.

    Attributes:
        body_pose: (n,) with n = 3 (J - 1) [rad].
        betas: (B,).
        pose_scale: (n,) one over the standard deviation of each number [1/rad]; zero lets a number go.
        betas_scale: (B,) likewise.
    """

    body_pose: Array | np.ndarray
    betas: Array | np.ndarray
    pose_scale: Array | np.ndarray
    betas_scale: Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AnchorTerm:
    """E = weight^2 1/2 (x^T C^-1 x + |betas_scale (beta - beta_0)|^2) with x = pose_scale (theta - theta_0).

    Attributes:
        anchor: (n, ...) and so on.
        inverse_correlation: (n, n) C^-1, of the numbers' errors; the identity if they are independent.
        weight: as w_theta of the pose prior: at equal weights, both are negative log likelihoods.
    """

    anchor: Anchor
    inverse_correlation: Array | np.ndarray
    weight: Array

    def _scaled(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """pose_scale (theta - theta_0) (n, ...) and betas_scale (beta - beta_0) (B, ...)."""
        at, here = self.anchor, posed.parameters
        pose = jnp.asarray(at.pose_scale) * (here.body_pose - at.body_pose)
        return pose, jnp.asarray(at.betas_scale) * (here.betas - at.betas)

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(n + B, ...) square roots of the energy's parts: of the pose W^T x, with W W^T = C^-1."""
        pose, betas = self._scaled(posed)
        whitened = jnp.einsum("ij,i...->j...", jnp.linalg.cholesky(self.inverse_correlation), pose)
        return self.weight * jnp.sqrt(0.5) * jnp.concatenate([whitened, betas])

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """Constant Hessian: pose_scale C^-1 pose_scale, and a diagonal for the betas."""
        columns, factor = posed.columns, 0.5 * self.weight**2
        pose, betas = self._scaled(posed)
        pose_scale, betas_scale = jnp.asarray(self.anchor.pose_scale), jnp.asarray(self.anchor.betas_scale)
        weighed = jnp.einsum("ij,j...->i...", self.inverse_correlation, pose)
        scale = batch_first(pose_scale, 1)
        return Linearization(
            energy=factor * (jnp.sum(pose * weighed, axis=0) + jnp.sum(betas**2, axis=0)),
            gradient=embed_block(batch_first(factor * pose_scale * weighed, 1), columns.body_pose, columns)
            + embed_block(batch_first(factor * betas_scale * betas, 1), columns.betas, columns),
            diagonal=embed_block(batch_first(factor * betas_scale**2, 1), columns.betas, columns),
            pose_hessian=factor * scale[..., :, None] * self.inverse_correlation * scale[..., None, :],
        )
