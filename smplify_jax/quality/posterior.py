"""Posterior spread of the fitted joints, from the Gauss-Newton matrix at the optimum."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.linalg
from jax import Array

from smplify_jax.body.keypoint_rows import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.lanes import people_first, people_last
from smplify_jax.solver.cholesky import cholesky

_LEAST_PIVOT = 1e-6
"""Share of the largest diagonal entry added to all: an unknown that nothing observes has a large spread then, not an infinite one."""


_ROWS_AT_A_TIME = 7  # systems up to that size are not shared out to threads


def joint_std(hessian: Array, weight: Array, transposed: Array) -> Array:
    """Standard deviation of each joint in the camera frame, if the energy around the optimum is that of a Gaussian (Laplace's method).

    The energy is weight^2 negative log likelihoods, weight being w_theta of the last round, so the covariance of the parameters is
    weight^2 / 2 (J^T J)^-1, and that of the joints follows by their Jacobian.

    Args:
        hessian: (P, P) J^T J.
        weight: w_theta.
        transposed: (P, 3 J) of the joints' Jacobian.
    Returns:
        (J, 3) [m]: x and y along the picture, z in depth.
    """
    floor = _LEAST_PIVOT * jnp.max(jnp.diagonal(hessian))
    regular = hessian + floor * jnp.eye(len(hessian), dtype=hessian.dtype)
    whitened = _solve_lower(cholesky(regular), transposed)
    return weight * jnp.sqrt(0.5 * jnp.sum(whitened**2, axis=0)).reshape(-1, 3)


def _solve_lower(factor: Array, right: Array) -> Array:
    """L^-1 B for a lower triangular L (n, n) and B (n, m), a few rows at a time.

    The library's own solver of many right sides takes 250 microseconds a person on CPU, and a hundred times that when other programs
    want the cores too, because it shares each small system out to threads. By products and tiny systems it is about 50.
    """
    size, num_right = right.shape
    filling = -size % _ROWS_AT_A_TIME
    padded = jnp.pad(factor, ((0, filling), (0, filling))) + jnp.diag(
        jnp.pad(jnp.zeros(size), (0, filling), constant_values=1.0)
    )
    right = jnp.pad(right, ((0, filling), (0, 0)))

    def next_rows(solved: Array, first: Array) -> tuple[Array, None]:
        rows = jax.lax.dynamic_slice_in_dim(padded, first, _ROWS_AT_A_TIME)
        rest = jax.lax.dynamic_slice_in_dim(right, first, _ROWS_AT_A_TIME) - rows @ solved
        corner = jax.lax.dynamic_slice_in_dim(rows, first, _ROWS_AT_A_TIME, axis=1)
        new = jax.scipy.linalg.solve_triangular(corner, rest, lower=True)
        return jax.lax.dynamic_update_slice_in_dim(solved, new, first, axis=0), None

    starts = jnp.arange(0, size, _ROWS_AT_A_TIME)
    return jax.lax.scan(next_rows, jnp.zeros((size + filling, num_right), right.dtype), starts)[0][:size]


@people_last
def joints_and_transposed_jacobian(joints_body: KeypointBody, parameters: BodyParameters) -> tuple[Array, Array]:
    """Joints (..., J, 3) [m] and their derivative by the step of `BodyParameters.retract`, transposed: (..., P, 3 J)."""
    joints, jacobian = keypoints_and_jacobian(joints_body, parameters)
    rows = jacobian.reshape(-1, *jacobian.shape[2:])
    return people_first(joints, 2), people_first(jnp.swapaxes(rows, 0, 1), 2)
