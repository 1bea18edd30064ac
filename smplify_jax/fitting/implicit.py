"""The optimum as a function of observation, anchor and weights, by the implicit function theorem. Traced by JAX, for one person.

At the optimum J^T r(x, y) = 0 for the unknowns x and everything y that the objective is given, so

    dx / dy = -H^-1 d(J^T r) / dy,

with the true Hessian H of `terms.curvature`. x is the step of `BodyParameters.retract` from the optimum: near half turns of the root, where
people before a camera are, axis-angle vectors have no usable derivative, and a step has. The caller's derivatives with respect to
axis-angle vectors then follow from that of `retract`.
Source: Krantz & Parks, The Implicit Function Theorem, 2003; for fits as layers, Gould et al., Deep declarative networks, 2021.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.execution.precision import exact_products
from smplify_jax.terms.curvature import gradient
from smplify_jax.terms.objective import RoundInputs, Scene, TermWeights


@jax.custom_jvp
def step_from_optimum(
    scene: Scene,
    weights: TermWeights,
    inputs: RoundInputs,
    optimum: BodyParameters,
    inverse_hessian: Array,
) -> Array:
    """(P,) zeros, whose derivatives are those of the optimum with respect to `weights` and `inputs`.

    Args:
        scene: held constant, like the last two.
        weights: of the last round.
        inputs: of the objective.
        optimum: where J^T r vanishes.
        inverse_hessian: (P, P) there; zeros make all derivatives zero.
    """
    del scene, weights, inputs, inverse_hessian
    # Made from the optimum, so that under vmap zeros and derivatives have the same axes.
    return 0.0 * jnp.concatenate([optimum.global_orient, optimum.body_pose, optimum.betas, optimum.transl])


@step_from_optimum.defjvp
@exact_products
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    scene, weights, inputs, optimum, inverse_hessian = primals
    _, weights_dot, inputs_dot, *_ = tangents

    def at_optimum(weights: TermWeights, inputs: RoundInputs) -> Array:
        return gradient((scene, weights), inputs, optimum)

    _, gradient_dot = jax.jvp(at_optimum, (weights, inputs), (weights_dot, inputs_dot))
    return step_from_optimum(*primals), -_only_once(inverse_hessian, (weights, inputs)) @ gradient_dot


@jax.custom_jvp
def _only_once(inverse_hessian: Array, depends_on: Any) -> Array:
    """The inverse Hessian, which is a constant of first derivatives, but would not be one of second derivatives."""
    del depends_on
    return inverse_hessian


@_only_once.defjvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    raise InputError("solve has no second derivatives: differentiate it only once.")
