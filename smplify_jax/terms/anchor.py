"""Anchor: a Gaussian around a proposed pose and shape, as sure as its source claims to be."""

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
        body_pose: (n,) with n = 3 (J - 1) [rad].
        betas: (B,).
        pose_scale: (n,) one over the standard deviation of each number [1/rad]; zero lets a number go.
        betas_scale: (B,) likewise.
        pose_whitening: (n, n) W with W W^T the inverse of the correlation of the numbers' errors; the identity if they are independent.
    """

    body_pose: Array | np.ndarray
    betas: Array | np.ndarray
    pose_scale: Array | np.ndarray
    betas_scale: Array | np.ndarray
    pose_whitening: Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AnchorTerm:
    """E = weight^2 1/2 (|W^T (pose_scale (theta - theta_0))|^2 + |betas_scale (beta - beta_0)|^2).

    Attributes:
        anchor: of one person.
        weight: as w_theta of the pose prior: at equal weights, both are negative log likelihoods.
    """

    anchor: Anchor
    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(n + B,) square roots of the energy's parts."""
        at, here = self.anchor, posed.parameters
        pose = (jnp.asarray(at.pose_scale) * (here.body_pose - at.body_pose)) @ at.pose_whitening
        betas = jnp.asarray(at.betas_scale) * (here.betas - at.betas)
        return self.weight * jnp.sqrt(0.5) * jnp.concatenate([pose, betas])

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """Constant Hessian: pose_scale (W W^T) pose_scale, and a diagonal for the betas."""
        at, columns = self.anchor, posed.parameters.columns()
        residuals = self.weight * jnp.sqrt(0.5) * self.residuals(posed)
        pose, betas = residuals[: columns.num_pose], residuals[columns.num_pose :]
        scale = jnp.asarray(at.pose_scale)
        whitening = jnp.asarray(at.pose_whitening)
        hessian = jnp.zeros((len(residuals), len(residuals)), residuals.dtype)
        hessian = hessian.at[: columns.num_pose, : columns.num_pose].set(
            scale[:, None] * (whitening @ whitening.T) * scale
        )
        hessian = hessian.at[columns.num_pose :, columns.num_pose :].set(jnp.diag(jnp.asarray(at.betas_scale) ** 2))
        gradient = jnp.concatenate([scale * (whitening @ pose), at.betas_scale * betas])
        both = slice(columns.body_pose.start, columns.betas.stop)
        return place_block(gradient, 0.5 * self.weight**2 * hessian, both, columns.size)
