"""Where the objective is stationary: how far a body is from there, the way there, and the Hessian. Traced by JAX.

A fit's condition is that J^T r vanishes for every unknown that its last round frees. J^T r is half the derivative of the energy, except
that the interpenetration term leaves the shape alone (see `terms.interpenetration`). Its derivative with respect to a step is the true
Hessian of the robust objective, `terms.curvature`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.execution.batching import search_chunk_size
from smplify_jax.execution.precision import exact_products
from smplify_jax.solver.cholesky import inverse_if_definite
from smplify_jax.terms.curvature import true_hessian
from smplify_jax.terms.objective import QuadraticModel, RoundInputs, Scene, TermWeights, linearize

Shared = tuple[Scene, TermWeights]

_NUM_STEPS = 4
_HESSIAN_STEPS = (0, 3)
"""The Newton steps before which the Hessian is computed. From where Gauss-Newton steps end, the first step reaches float32's rounding
error; in float64 each of the next two gains about three digits. The second Hessian is that of the optimum, for its derivatives."""


def gradient_norm(model: QuadraticModel, free: Array) -> Array:
    """The largest cosine between the residuals r and a free column j of J, |J_j^T r| / (|J_j| |r|): 0 where J^T r is.

    It has no unit, and does not depend on the units of the unknowns.
    Source: Moré, Garbow & Hillstrom, User guide for MINPACK-1, 1980 (gtol of lmder).

    Args:
        model: around one body.
        free: (P,) 1.0 for free unknowns.
    """
    squared_length = jnp.diagonal(model.hessian) * model.energy
    is_known = (free > 0) & (squared_length > 0)
    cosines = jnp.abs(model.gradient) * jax.lax.rsqrt(jnp.where(is_known, squared_length, 1.0))
    return jnp.max(jnp.where(is_known, cosines, 0.0))


@custom_vmap
@exact_products
def inverse_hessian(
    shared: Shared, inputs: RoundInputs, parameters: BodyParameters, is_needed: Array, free: Array
) -> Array:
    """(P, P) of one body, over the free unknowns; zero if this is no minimum (see `true_hessian`), or if it is not needed.

    Under `vmap` it runs in chunks: the P derivatives that make a Hessian take a lot of memory.
    """
    return inverse_if_definite(is_needed, true_hessian(shared, inputs, parameters), free)


@inverse_hessian.def_vmap
def _(num_people: int, is_batched: Any, *arguments: Any) -> tuple[Array, bool]:
    leaves, tree = jax.tree.flatten(arguments)
    are_many = jax.tree.leaves(is_batched)

    def of_one(own: list[Array]) -> Array:
        rest = iter(own)
        return inverse_hessian.fun(
            *tree.unflatten([next(rest) if many else leaf for leaf, many in zip(leaves, are_many, strict=True)])
        )

    batched = [leaf for leaf, many in zip(leaves, are_many, strict=True) if many]
    return jax.lax.map(of_one, batched, batch_size=search_chunk_size(num_people)), True


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Polished:
    """Bodies at their optimum; leading axis N.

    Attributes:
        parameters: the bodies.
        models: the quadratic models there.
        inverse: (N, P, P) of the Hessians there, see `inverse_hessian`.
    """

    parameters: BodyParameters
    models: QuadraticModel
    inverse: Array


def polish(shared: Shared, inputs: RoundInputs, start: BodyParameters, is_needed: Array, free: Array) -> Polished:
    """Newton's steps from bodies near a minimum; one that does not bring a body nearer to stationarity is not taken.

    Args:
        shared: by all people.
        inputs: leading axis N.
        start: leading axis N.
        is_needed: (N,) whether to move at all.
        free: (P,) shared by all people.
    """

    def model_at(inputs: RoundInputs, parameters: BodyParameters) -> QuadraticModel:
        return linearize(shared, (inputs, parameters))

    def inverse_at(inputs: RoundInputs, parameters: BodyParameters, is_needed: Array) -> Array:
        return inverse_hessian(shared, inputs, parameters, is_needed, free)

    def advance(carry: tuple[Polished, BodyParameters, Array], step: Array) -> tuple[Any, None]:
        before, candidates, before_norms = carry
        models = jax.vmap(model_at)(inputs, candidates)
        norms = jax.vmap(lambda one: gradient_norm(one, free))(models)
        parameters, models, norms = jax.tree.map(
            partial(_where, (norms < before_norms) | (step == 0)),
            (candidates, models, norms),
            (before.parameters, before.models, before_norms),
        )
        inverse = jax.lax.cond(
            jnp.isin(step, jnp.array(_HESSIAN_STEPS)),
            lambda: jax.vmap(inverse_at)(inputs, parameters, is_needed),
            lambda: before.inverse,
        )
        steps = -jnp.einsum("npq,nq->np", inverse, models.gradient)
        candidates = jax.vmap(BodyParameters.retract)(parameters, steps)
        return (Polished(parameters, models, inverse), candidates, norms), None

    # The start is the first candidate, so that the model and the Hessian, most of the program, are compiled only once.
    empty = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), jax.eval_shape(jax.vmap(model_at), inputs, start))
    begun = (Polished(start, empty, jnp.zeros_like(empty.hessian)), start, jnp.zeros_like(empty.energy))
    return jax.lax.scan(advance, begun, jnp.arange(_NUM_STEPS + 1))[0][0]


def _where(is_chosen: Array, ours: Array, theirs: Array) -> Array:
    return jnp.where(is_chosen.reshape(-1, *[1] * (ours.ndim - 1)), ours, theirs)
