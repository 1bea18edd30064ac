"""Pose prior: the nearest component of a Gaussian mixture, E_theta in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints, with_batch_axis
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.term import Linearization, embed_block


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PosePriorTerm:
    """E = weight^2 min_k (1/2 (theta - mu_k)^T Sigma_k^-1 (theta - mu_k) - log w_k), w_k normalised by the component's volume.

    The minimum over components replaces their sum (max-mixture, Olson & Agarwal 2013): only the winning one has a gradient, which
    keeps the term a sum of squares. The log weights are shifted so that the likeliest component's is zero.

    Attributes:
        prior: mixture over the body pose.
        weight: w_theta.
    """

    prior: PosePrior
    weight: Array

    def _components(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """Energies (K, ...) and whitened differences L_k^T (theta - mu_k) (K, D, ...) of all components."""
        prior, body_pose = self.prior, jnp.asarray(posed.parameters.body_pose)
        # L_k^T theta minus L_k^T mu_k, rather than L_k^T of the difference: one product instead of one for each component.
        whitened = jnp.einsum("kij,i...->kj...", prior.precision_cholesky, body_pose)
        whitened -= with_batch_axis(jnp.einsum("kij,ki->kj", prior.precision_cholesky, prior.means), body_pose)
        energies = 0.5 * jnp.sum(whitened**2, axis=1) + with_batch_axis(jnp.asarray(prior.neg_log_weights), body_pose)
        return energies, whitened

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(D + 1, ...) weight [sqrt(1/2) (theta - mu_k) L_k, sqrt(-log w_k)], with L_k L_k^T = Sigma_k^-1."""
        energies, whitened = self._components(posed)
        is_winner = jax.nn.one_hot(jnp.argmin(energies, axis=0), len(energies), axis=0)
        of_winner = jnp.sum(is_winner[:, None] * whitened, axis=0)
        constant = jnp.einsum("k...,k->...", is_winner, jnp.sqrt(jnp.asarray(self.prior.neg_log_weights)))
        return self.weight * jnp.concatenate([jnp.sqrt(0.5) * of_winner, constant[None]])

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """The Hessian is half the winning component's precision, scaled by weight^2: a constant to look up."""
        prior, columns, scale = self.prior, posed.columns, 0.5 * self.weight**2
        energies, whitened = self._components(posed)
        winner = jnp.argmin(energies, axis=0)
        of_winner = jax.nn.one_hot(winner, len(energies), axis=0)[:, None] * whitened
        gradient = scale * jnp.einsum("kij,kj...->i...", prior.precision_cholesky, of_winner)
        return Linearization(
            energy=self.weight**2 * jnp.min(energies, axis=0),
            gradient=embed_block(batch_first(gradient, 1), columns.body_pose, columns),
            pose_hessian=scale * jnp.asarray(prior.precisions)[winner],
        )
