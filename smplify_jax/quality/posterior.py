"""Posterior of the fitted joints and of the shape, from the Gauss-Newton Hessian at the optimum."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from smplify_jax.body.keypoint_rows import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters, ParameterColumns
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.solver.cholesky import forms_of_inverse, inverse_if_definite

EVIDENCE_FACTOR = 44.0
"""By how much the objective overrates what a picture tells about shapes, as a variance: `python -m benchmarks.measurements` measures what
share of people the intervals that follow from it hold."""

_RELATIVE_PIVOT_FLOOR = 1e-6
"""Fraction of the largest diagonal entry that is added to all: an unobserved unknown then has a large variance, not an infinite one."""


def posterior(
    hessian: Array, weight: Array, jacobian: Array, columns: ParameterColumns, is_needed: Array
) -> tuple[Array, Array]:
    """How certain the joints and the shape are, by the Laplace approximation of the posterior around the optimum.

    The energy is weight^2 times a negative log likelihood, weight being w_theta of the last round, so the covariance of the parameters is
    weight^2 / 2 (J^T J)^-1, and that of the joints follows through their Jacobian.

    Args:
        hessian: (P, P) J^T J.
        weight: w_theta.
        jacobian: (3 J, P) of the joints.
        columns: where the betas lie among the P unknowns.
        is_needed: if not, the result is meaningless.
    Returns:
        Standard deviation (J, 3) of each joint in the camera frame [m]: x and y along the picture, z in depth; and the covariance (B, B)
        of the betas.
    """
    floor = _RELATIVE_PIVOT_FLOOR * jnp.max(jnp.diagonal(hessian))
    added = jnp.broadcast_to(floor, len(hessian))
    of_betas = np.eye(columns.size, dtype=np.float32)[columns.betas]
    forms = forms_of_inverse(is_needed, hessian, added, jacobian, jnp.asarray(of_betas, hessian.dtype))
    variances, covariance = jnp.split(forms, [len(jacobian)])
    num_betas = columns.num_betas
    return weight * jnp.sqrt(0.5 * variances).reshape(-1, 3), 0.5 * weight**2 * covariance.reshape(num_betas, num_betas)


def shape_covariance(covariance: Array, prior: Array, known: Array, is_needed: Array, counts: ArrayLike = 1.0) -> Array:
    """The betas' covariance, calibrated: what people's shapes err by, where `posterior` says what the objective is sure of.

    The objective is far too sure of shapes: the network's proposal and the keypoints count as two witnesses although the one has seen only
    the other, and every keypoint as if its place on the body were exact. So the population counts once, C^-1 = 1 + evidence / F + known,
    where evidence is what the objective adds to its own prior, and F is `EVIDENCE_FACTOR`.

    Args:
        covariance: (B, B) from `posterior`.
        prior: precision of the objective's shape prior.
        known: (B, B) precision of measurements that are known, which are as exact as they say.
        is_needed: if not, the result is meaningless.
        counts: how often the objective counts what is known, for each time that it counts its own prior.
    """
    free, unit = jnp.ones(len(covariance), covariance.dtype), jnp.eye(len(covariance), dtype=covariance.dtype)
    evidence = inverse_if_definite(is_needed, covariance, free) - prior * unit - counts * known
    return inverse_if_definite(is_needed, unit + evidence / EVIDENCE_FACTOR + known, free)


@batch_last
def joints_and_jacobian(joints_body: KeypointBody, parameters: BodyParameters) -> tuple[Array, Array]:
    """Joints (..., J, 3) [m] and their Jacobian with respect to the step of `BodyParameters.retract`: (..., 3 J, P)."""
    joints, jacobian = keypoints_and_jacobian(joints_body, parameters)
    return batch_first(joints, 2), batch_first(jacobian.reshape(-1, *jacobian.shape[2:]), 2)
