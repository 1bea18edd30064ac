"""Posterior standard deviation of the fitted joints, from the Gauss-Newton Hessian at the optimum."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_rows import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.solver.cholesky import quadratic_forms_of_inverse

_RELATIVE_PIVOT_FLOOR = 1e-6
"""Fraction of the largest diagonal entry that is added to all: an unobserved unknown then has a large variance, not an infinite one."""


def joint_std(hessian: Array, weight: Array, jacobian: Array, is_needed: Array) -> Array:
    """Standard deviation of each joint in the camera frame, by the Laplace approximation of the posterior around the optimum.

    The energy is weight^2 times a negative log likelihood, weight being w_theta of the last round, so the covariance of the parameters is
    weight^2 / 2 (J^T J)^-1, and that of the joints follows through their Jacobian.

    Args:
        hessian: (P, P) J^T J.
        weight: w_theta.
        jacobian: (3 J, P) of the joints.
        is_needed: if not, the result is meaningless.
    Returns:
        (J, 3) [m]: x and y along the picture, z in depth.
    """
    floor = _RELATIVE_PIVOT_FLOOR * jnp.max(jnp.diagonal(hessian))
    added = jnp.broadcast_to(floor, len(hessian))
    return weight * jnp.sqrt(0.5 * quadratic_forms_of_inverse(is_needed, hessian, added, jacobian)).reshape(-1, 3)


@batch_last
def joints_and_jacobian(joints_body: KeypointBody, parameters: BodyParameters) -> tuple[Array, Array]:
    """Joints (..., J, 3) [m] and their Jacobian with respect to the step of `BodyParameters.retract`: (..., 3 J, P)."""
    joints, jacobian = keypoints_and_jacobian(joints_body, parameters)
    return batch_first(joints, 2), batch_first(jacobian.reshape(-1, *jacobian.shape[2:]), 2)
