"""Pose prior: the nearest component of a Gaussian mixture, E_theta in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.term import PosedKeypoints, place_block


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

    def _winner(self, body_pose: Array | np.ndarray) -> tuple[Array, Array]:
        """Index of the component of least energy, and (K, D) differences from all means."""
        difference = jnp.asarray(body_pose) - self.prior.means
        whitened = jnp.einsum("kij,ki->kj", self.prior.precision_cholesky, difference)
        return jnp.argmin(0.5 * jnp.sum(whitened**2, axis=-1) + self.prior.neg_log_weights), difference

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(D + 1,) weight [sqrt(1/2) (theta - mu_k) L_k, sqrt(-log w_k)], with L_k L_k^T = Sigma_k^-1."""
        k, difference = self._winner(posed.parameters.body_pose)
        whitened = jnp.sqrt(0.5) * difference[k] @ self.prior.precision_cholesky[k]
        return self.weight * jnp.append(whitened, jnp.sqrt(self.prior.neg_log_weights[k]))

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """The Hessian is half the component's precision: a constant to look up."""
        columns = posed.parameters.columns()
        k, difference = self._winner(posed.parameters.body_pose)
        block = 0.5 * self.weight**2 * self.prior.precisions[k]
        return place_block(block @ difference[k], block, columns.body_pose, columns.size)
