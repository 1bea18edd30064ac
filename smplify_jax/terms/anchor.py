"""Anchor: a Gaussian prior around a proposed pose and shape, with the standard deviations that its source claims."""

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
    """A pose and shape to stay close to, and how close.

    Attributes:
        body_pose: (n,) with n = 3 (J - 1) [rad].
        betas: (B,).
        pose_scale: (n,) one over the standard deviation of each number [1/rad]; zero leaves a number free.
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
        anchor: with fields (n, ...) and (B, ...).
        inverse_correlation: (n, n) C^-1, the inverse of the errors' correlation matrix; the identity if the errors are independent.
        weight: on the scale of the pose prior's w_theta: at equal weights both are the same multiple of a negative log likelihood.
    """

    anchor: Anchor
    inverse_correlation: Array | np.ndarray
    weight: Array

    def _scaled(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """pose_scale (theta - theta_0) (n, ...) and betas_scale (beta - beta_0) (B, ...)."""
        anchor, parameters = self.anchor, posed.parameters
        pose = jnp.asarray(anchor.pose_scale) * (parameters.body_pose - anchor.body_pose)
        return pose, jnp.asarray(anchor.betas_scale) * (parameters.betas - anchor.betas)

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(n + B, ...) weight sqrt(1/2) [W^T x, betas_scale (beta - beta_0)], with W W^T = C^-1."""
        pose, betas = self._scaled(posed)
        whitened = jnp.einsum("ij,i...->j...", jnp.linalg.cholesky(self.inverse_correlation), pose)
        return self.weight * jnp.sqrt(0.5) * jnp.concatenate([whitened, betas])

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """The Hessian is constant: pose_scale C^-1 pose_scale, and a diagonal for the betas."""
        columns, factor = posed.columns, 0.5 * self.weight**2
        pose, betas = self._scaled(posed)
        pose_scale, betas_scale = jnp.asarray(self.anchor.pose_scale), jnp.asarray(self.anchor.betas_scale)
        weighted = jnp.einsum("ij,j...->i...", self.inverse_correlation, pose)
        scale = batch_first(pose_scale, 1)
        return Linearization(
            energy=factor * (jnp.sum(pose * weighted, axis=0) + jnp.sum(betas**2, axis=0)),
            gradient=embed_block(batch_first(factor * pose_scale * weighted, 1), columns.body_pose, columns)
            + embed_block(batch_first(factor * betas_scale * betas, 1), columns.betas, columns),
            diagonal=embed_block(batch_first(factor * betas_scale**2, 1), columns.betas, columns),
            pose_hessian=factor * scale[..., :, None] * self.inverse_correlation * scale[..., None, :],
        )
