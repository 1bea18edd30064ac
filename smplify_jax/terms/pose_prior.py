"""Pose prior: the nearest component of a Gaussian mixture, E_theta in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints, lifted
from smplify_jax.lanes import people_first
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.term import Slope, placed


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PosePriorTerm:
    """E = weight^2 min_k (1/2 (theta - mu_k)^T Sigma_k^-1 (theta - mu_k) - log w_k), w_k normalised by the component's volume.

    The minimum over components stands for their sum (max-mixture, Olson & Agarwal 2013): only the winning one has a gradient, which
    keeps the term a sum of squares. The logs are shifted so that the likeliest component's is zero.

    Attributes:
        prior: mixture over the body pose.
        weight: w_theta.
    """

    prior: PosePrior
    weight: Array

    def _winner(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """(K, ...) one for the component of least energy and zero for the others, and L_k^T (theta - mu_k) of all (K, D, ...)."""
        prior, body_pose = self.prior, jnp.asarray(posed.parameters.body_pose)
        difference = body_pose - lifted(jnp.asarray(prior.means), body_pose)
        whitened = jnp.einsum("kij,ki...->kj...", prior.precision_cholesky, difference)
        energies = 0.5 * jnp.sum(whitened**2, axis=1) + lifted(jnp.asarray(prior.neg_log_weights), body_pose)
        return jax.nn.one_hot(jnp.argmin(energies, axis=0), len(energies), axis=0), whitened

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(D + 1, ...) weight [sqrt(1/2) (theta - mu_k) L_k, sqrt(-log w_k)], with L_k L_k^T = Sigma_k^-1."""
        is_winner, whitened = self._winner(posed)
        of_winner = jnp.sum(is_winner[:, None] * whitened, axis=0)
        constant = jnp.einsum("k...,k->...", is_winner, jnp.sqrt(jnp.asarray(self.prior.neg_log_weights)))
        return self.weight * jnp.concatenate([jnp.sqrt(0.5) * of_winner, constant[None]])

    def slope(self, posed: PosedKeypoints) -> Slope:
        """The Hessian is half the component's precision: a constant to look up."""
        prior, columns, scale = self.prior, posed.columns, 0.5 * self.weight**2
        is_winner, whitened = self._winner(posed)
        gradient = scale * jnp.einsum("kij,kj...->i...", prior.precision_cholesky, is_winner[:, None] * whitened)
        block = jnp.asarray(prior.precisions)[jnp.argmax(is_winner, axis=0)]
        return Slope(
            energy=jnp.sum(self.residuals(posed) ** 2, axis=0),
            gradient=placed(people_first(gradient, 1), columns.body_pose, columns),
            pose_block=scale * block,
        )
