"""Adam, the solver of published fitters that run inside a network's training loop.

It needs only the energy and its gradient; the Hessian is dead code that the compiler removes.
Source: Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1, with the constants recommended there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.solver.loop import Objective, Solver
from smplify_jax.solver.solution import Solution

_FIRST_DECAY, _SECOND_DECAY = 0.9, 0.999
_EPSILON = 1e-8


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AdamOptions:
    """How many steps, and how large.

    Attributes:
        num_steps: all of them are taken, whatever the energy does.
        learning_rate: about the largest change of any unknown in one step.
    """

    num_steps: int | Array
    learning_rate: float | Array = 0.01


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _State:
    """The state between two steps: the last parameters with their quadratic model, and the next candidate."""

    parameters: Any
    model: Any
    candidate: Any
    first_moment: Array
    second_moment: Array
    num_steps: Array
    is_finite: Array


def begin(objective: Objective, start: Any, is_active: Array) -> _State:
    """The state before the first step. The start is the first candidate, so that `linearize`, most of the program, compiles only once."""
    shapes = jax.eval_shape(lambda parameters: _linearize(objective, parameters), start)
    empty_model = jax.tree.map(lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), shapes)
    no_moment = jnp.zeros_like(empty_model.gradient)
    return _State(
        parameters=start,
        model=empty_model,
        candidate=start,
        first_moment=no_moment,
        second_moment=no_moment,
        num_steps=jnp.asarray(-1),
        is_finite=is_active,
    )


def is_running(state: _State, options: AdamOptions) -> Array:
    """True until all steps are taken; a step to an energy that is not finite is rejected and ends the search."""
    return (state.num_steps < options.num_steps) & state.is_finite


def advance(objective: Objective, free: Array, options: AdamOptions, state: _State) -> _State:
    """Move to the candidate and compute the next one. The moments are vectors in the space of steps; `retract` applies the step."""
    model = _linearize(objective, state.candidate)
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
    after = _State(
        parameters=jax.tree.map(keep, state.candidate, state.parameters),
        model=jax.tree.map(keep, model, state.model),
        candidate=objective.retract(state.candidate, -options.learning_rate * unbiased / scale),
        first_moment=first,
        second_moment=second,
        num_steps=num_steps,
        is_finite=is_finite,
    )
    continues = is_running(state, options)
    return jax.tree.map(lambda new, old: jnp.where(continues, new, old), after, state)


def finish(state: _State) -> Solution:
    """The last parameters, and their quadratic model without its Hessian; never converged, because Adam does not test for it."""
    return Solution(
        parameters=state.parameters,
        model=state.model,
        num_steps=jnp.maximum(state.num_steps, 0),
        is_converged=jnp.zeros_like(state.is_finite),
        is_finite=jnp.isfinite(state.model.energy),
    )


def _linearize(objective: Objective, parameters: Any) -> Any:
    return dataclasses.replace(objective.linearize(parameters), hessian=None)


ADAM = Solver(begin, is_running, advance, finish)
