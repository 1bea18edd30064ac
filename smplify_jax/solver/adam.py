"""Adam, as one loop that can be vmapped: the published fitters that live beside a network use it.

It needs only the energy and its gradient; the Hessian is dead code that the compiler removes.
Source: Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1, with the constants recommended there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.solver.solution import Solution

_FIRST_DECAY, _SECOND_DECAY = 0.9, 0.999
_EPSILON = 1e-8


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AdamOptions:
    """How far to go.

    Attributes:
        num_steps: all of them are taken, whatever the energy does.
        learning_rate: about the largest change of any unknown in one step.
    """

    num_steps: int | Array
    learning_rate: float | Array = 0.01


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _State:
    """Between two steps: the last parameters with their model, and the ones to go to next."""

    parameters: Any
    model: Any
    candidate: Any
    first_moment: Array
    second_moment: Array
    num_steps: Array
    is_finite: Array


def minimize(
    linearize: Callable[[Any], Any],
    retract: Callable[[Any, Array], Any],
    start: Any,
    free: Array,
    options: AdamOptions,
) -> Solution:
    """Take Adam's steps and return where they lead. The moments live in the space of steps, `retract` applies them.

    Args:
        linearize: parameters -> a dataclass with `energy` (), `gradient` (P,), half the energy's derivative, and `hessian`, not used.
        retract: (parameters, step (P,)) -> parameters.
        start: any pytree.
        free: (P,) 1.0 for the unknowns, 0.0 for what is held fixed.
        options: how far.
    Returns:
        The last parameters, and their model without its Hessian; never reported as converged: nothing checks that. A step to where the
        energy is not finite ends the search before it.
    """

    def without_hessian(parameters: Any) -> Any:
        return dataclasses.replace(linearize(parameters), hessian=None)

    def is_running(state: _State) -> Array:
        return (state.num_steps < options.num_steps) & state.is_finite

    def advance(state: _State) -> _State:
        model = without_hessian(state.candidate)
        is_finite = jnp.isfinite(model.energy)

        def keep(new: Array, old: Array) -> Array:
            return jnp.where(is_finite, new, old)

        num_steps = keep(state.num_steps + 1, state.num_steps)
        gradient = 2.0 * model.gradient * free
        first = _FIRST_DECAY * state.first_moment + (1.0 - _FIRST_DECAY) * gradient
        second = _SECOND_DECAY * state.second_moment + (1.0 - _SECOND_DECAY) * gradient**2
        count = (num_steps + 1).astype(gradient.dtype)
        unbiased = first / (1.0 - _FIRST_DECAY**count)
        scale = jnp.sqrt(second / (1.0 - _SECOND_DECAY**count)) + _EPSILON
        return _State(
            parameters=jax.tree.map(keep, state.candidate, state.parameters),
            model=jax.tree.map(keep, model, state.model),
            candidate=retract(state.candidate, -options.learning_rate * unbiased / scale),
            first_moment=first,
            second_moment=second,
            num_steps=num_steps,
            is_finite=is_finite,
        )

    # The start is the first candidate, reached by no step: so `linearize`, most of the program, is compiled only once.
    nothing = jax.tree.map(
        lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), jax.eval_shape(without_hessian, start)
    )
    no_moment = jnp.zeros_like(nothing.gradient)
    state = _State(
        parameters=start,
        model=nothing,
        candidate=start,
        first_moment=no_moment,
        second_moment=no_moment,
        num_steps=jnp.asarray(-1),
        is_finite=jnp.asarray(True),
    )
    final = jax.lax.while_loop(is_running, advance, state)
    return Solution(
        parameters=final.parameters,
        model=final.model,
        num_steps=jnp.maximum(final.num_steps, 0),
        is_converged=jnp.zeros_like(final.is_finite),
        is_finite=jnp.isfinite(final.model.energy),
    )
