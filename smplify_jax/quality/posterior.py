"""Posterior spread of the fitted joints, from the Gauss-Newton matrix at the optimum."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.linalg
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.keypoint_jacobian import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters

_LEAST_PIVOT = 1e-6
"""Share of the largest diagonal entry added to all: an unknown that nothing observes has a large spread then, not an infinite one."""


def joint_std(hessian: Array, weight: Array, joints_body: KeypointBody, parameters: BodyParameters) -> Array:
    """Standard deviation of each joint in the camera frame, if the energy around the optimum is that of a Gaussian (Laplace's method).

    The energy is weight^2 negative log likelihoods, weight being w_theta of the last round, so the covariance of the parameters is
    weight^2 / 2 (J^T J)^-1, and that of the joints follows by their Jacobian.

    Args:
        hessian: (P, P) J^T J.
        weight: w_theta.
        joints_body: its keypoints are the joints.
        parameters: of one body.
    Returns:
        (J, 3) [m]: x and y along the picture, z in depth.
    """
    _, jacobian = keypoints_and_jacobian(joints_body, parameters)
    rows = jacobian.reshape(-1, jacobian.shape[-1])
    floor = _LEAST_PIVOT * jnp.max(jnp.diagonal(hessian))
    factor = jnp.linalg.cholesky(hessian + floor * jnp.eye(len(hessian), dtype=hessian.dtype))
    whitened = jax.scipy.linalg.solve_triangular(factor, rows.T, lower=True)
    return weight * jnp.sqrt(0.5 * jnp.sum(whitened**2, axis=0)).reshape(-1, 3)
