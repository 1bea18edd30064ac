"""The loop around a solver's steps, for a batch of problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array

from smplify_jax.execution.compaction import compacted_while_loop
from smplify_jax.solver.solution import Solution

_STRAGGLER_FRACTION = 0.5  # of a chunk


@dataclass(frozen=True)
class Objective:
    """The function to minimise.

    Attributes:
        linearize: parameters -> a dataclass with `energy` (), `gradient` (P,) = J^T r and `hessian` (P, P) = J^T J.
        retract: (parameters, step (P,)) -> parameters.
        damped_step: (model, damping, free, is_needed) -> the step of Levenberg-Marquardt and the gain that the model predicts, for models
            whose Hessian is not one dense matrix; None for those that have one.
    """

    linearize: Callable[[Any], Any]
    retract: Callable[[Any, Any], Any]
    damped_step: Callable[[Any, Array, Array, Array], tuple[Any, Array]] | None = None


@dataclass(frozen=True)
class Solver:
    """A solver as functions of one problem.

    Attributes:
        begin: (objective, start, is_active) -> the state before the first step; already finished if the problem is not active.
        is_running: (state, options) -> whether the search continues.
        advance: (objective, free, options, state) -> the state after a step; the same state if the search has ended. `free` (P,) is 1.0
            for free unknowns, 0.0 for those held fixed.
        finish: state -> Solution.
    """

    begin: Callable[[Objective, Any, Array], Any]
    is_running: Callable[[Any, Any], Array]
    advance: Callable[[Objective, Array, Any, Any], Any]
    finish: Callable[[Any], Solution]


def minimize_batch(
    solver: Solver,
    objective_of: Callable[[Any], Objective],
    inputs: Any,
    starts: Any,
    is_active: Array,
    free: Array,
    options: Any,
    chunk_size: int,
) -> Solution:
    """Minimise the objectives of N problems.

    Args:
        solver: which solver.
        objective_of: inputs of a problem -> its objective.
        inputs: of all problems, leading axis N.
        starts: leading axis N.
        is_active: (N,) whether to solve a problem at all; the solution of an inactive one is meaningless.
        free: (P,) shared by all problems.
        options: shared by all problems.
        chunk_size: how many to solve at once.
    Returns:
        Solutions with leading axis N.
    """
    begin = jax.vmap(lambda one, start, is_active: solver.begin(objective_of(one), start, is_active))
    states = begin(inputs, starts, is_active)
    advance = jax.vmap(lambda one, state: solver.advance(objective_of(one), free, options, state))

    def is_running(states: Any) -> Array:
        return jax.vmap(lambda state: solver.is_running(state, options))(states)

    states = compacted_while_loop(
        advance, is_running, inputs, states, chunk_size=chunk_size, straggler_fraction=_STRAGGLER_FRACTION
    )
    return jax.vmap(solver.finish)(states)
