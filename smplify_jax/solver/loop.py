"""The loop around a solver's steps, for many problems side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array

from smplify_jax.execution.compaction import run_in_groups
from smplify_jax.solver.solution import Solution

_SHARE_LEFT = 0.5  # of a group, for later


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        linearize: parameters -> a dataclass with `energy` (), `gradient` (P,) = J^T r and `hessian` (P, P) = J^T J.
        retract: (parameters, step (P,)) -> parameters.
    """

    linearize: Callable[[Any], Any]
    retract: Callable[[Any, Array], Any]


@dataclass(frozen=True)
class Solver:
    """How a solver takes its steps, for one problem.

    Attributes:
        begin: (objective, start, is_wanted) -> the state before the first step; of a search that is over if it is not wanted.
        is_running: (state, options) -> whether the search goes on.
        advance: (objective, free, options, state) -> the state after a step; the same state where the search is over. `free` (P,) is 1.0
            for the unknowns, 0.0 for what is held fixed.
        ended: state -> Solution.
    """

    begin: Callable[[Objective, Any, Array], Any]
    is_running: Callable[[Any, Any], Array]
    advance: Callable[[Objective, Array, Any, Any], Any]
    ended: Callable[[Any], Solution]


def minimize_in_groups(
    solver: Solver,
    objective_of: Callable[[Any], Objective],
    given: Any,
    starts: Any,
    is_wanted: Array,
    free: Array,
    options: Any,
    group_size: int,
) -> Solution:
    """Solve N problems.

    Args:
        solver: how.
        objective_of: what is given of a problem -> its objective.
        given: of all problems, leading axis N.
        starts: leading axis N.
        is_wanted: (N,) whether to solve it at all; if not, the solution says nothing.
        free: (P,) of all problems.
        options: of all problems.
        group_size: how many to solve side by side.
    Returns:
        Leading axis N.
    """
    begin = jax.vmap(lambda one, start, is_wanted: solver.begin(objective_of(one), start, is_wanted))
    states = begin(given, starts, is_wanted)
    advance = jax.vmap(lambda one, state: solver.advance(objective_of(one), free, options, state))

    def is_running(states: Any) -> Array:
        return jax.vmap(lambda state: solver.is_running(state, options))(states)

    states = run_in_groups(advance, is_running, given, states, group_size=group_size, share_left=_SHARE_LEFT)
    return jax.vmap(solver.ended)(states)
