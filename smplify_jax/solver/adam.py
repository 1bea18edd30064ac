"""Adam, as one loop that can be vmapped: the published fitters that live beside a network use it.

It needs only the energy and its gradient; what else `linearize` computes is dead code that the compiler removes.
Source: Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1, with the constants recommended there.
"""

from __future__ import annotations

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
    """Between two steps: the last parameters whose energy is known, and the ones to go to next."""

    parameters: Any
    energy: Array
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
        linearize: parameters -> an object with `energy` () and `gradient` (P,), half the energy's derivative.
        retract: (parameters, step (P,)) -> parameters.
        start: any pytree.
        free: (P,) 1.0 for the unknowns, 0.0 for what is held fixed.
        options: how far.
    Returns:
        The last parameters, never reported as converged: nothing checks that. A step to where the energy is not finite ends the search
        before it.
    """

    def is_running(state: _State) -> Array:
        return (state.num_steps < options.num_steps) & state.is_finite

    def advance(state: _State) -> _State:
        model = linearize(state.candidate)
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
            energy=keep(model.energy, state.energy),
            candidate=retract(state.candidate, -options.learning_rate * unbiased / scale),
            first_moment=first,
            second_moment=second,
            num_steps=num_steps,
            is_finite=is_finite,
        )

    # The start is the first candidate, reached by no step: so `linearize`, most of the program, is compiled only once.
    nothing = jax.eval_shape(linearize, start)
    no_moment = jnp.zeros(nothing.gradient.shape, nothing.gradient.dtype)
    state = _State(
        parameters=start,
        energy=jnp.full(nothing.energy.shape, jnp.nan, nothing.energy.dtype),
        candidate=start,
        first_moment=no_moment,
        second_moment=no_moment,
        num_steps=jnp.asarray(-1),
        is_finite=jnp.asarray(True),
    )
    final = jax.lax.while_loop(is_running, advance, state)
    return Solution(
        parameters=final.parameters,
        energy=final.energy,
        num_steps=jnp.maximum(final.num_steps, 0),
        is_converged=jnp.zeros_like(final.is_finite),
        is_finite=jnp.isfinite(final.energy),
    )
