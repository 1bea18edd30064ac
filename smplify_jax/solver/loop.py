"""The loop around a solver's steps, for many problems side by side.

They take different numbers of steps, and all would wait for the slowest; so they go in groups, a group ends when few of
it are left, and those of all groups are gathered into groups of their own, until one group is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.solver.solution import Solution

_Tree = TypeVar("_Tree")

_FEW = 0.25
"""Share of a group that is left for later."""


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
        begin: (objective, start) -> the state before the first step.
        is_running: (state, options) -> whether the search goes on.
        advance: (objective, free, options, state) -> the state after a step; the same state where the search is over. `free` (P,) is 1.0
            for the unknowns, 0.0 for what is held fixed.
        ended: state -> Solution.
    """

    begin: Callable[[Objective, Any], Any]
    is_running: Callable[[Any, Any], Array]
    advance: Callable[[Objective, Array, Any, Any], Any]
    ended: Callable[[Any], Solution]


def minimize_in_groups(
    solver: Solver,
    objective_of: Callable[[Any], Objective],
    given: Any,
    starts: Any,
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
        free: (P,) of all problems.
        options: of all problems.
        group_size: how many to solve side by side.
    Returns:
        Leading axis N.
    """
    states = jax.vmap(lambda one, start: solver.begin(objective_of(one), start))(given, starts)
    advance = jax.vmap(lambda one, state: solver.advance(objective_of(one), free, options, state))

    def is_running(states: Any) -> Array:
        return jax.vmap(lambda state: solver.is_running(state, options))(states)

    count = len(jax.tree.leaves(starts)[0])
    if count <= group_size:
        states = jax.lax.while_loop(lambda s: jnp.any(is_running(s)), lambda s: advance(given, s), states)
    else:
        states = _advance_groups(advance, is_running, given, states, count, group_size)
    return jax.vmap(solver.ended)(states)


def _advance_groups(
    advance: Callable[[Any, Any], Any],
    is_running: Callable[[Any], Array],
    given: Any,
    states: _Tree,
    count: int,
    group_size: int,
) -> _Tree:
    """Rounds of groups: a round ends with few left of each, which are the next round's; the last has a single group.

    One loop goes through all groups of all rounds, so that `advance` is compiled only once.
    """

    def goes_on(carry: tuple[_Tree, Array, Array, Array]) -> Array:
        states, _, num_left, first = carry
        return (first < num_left) | jnp.any(is_running(states))

    def next_group(carry: tuple[_Tree, Array, Array, Array]) -> tuple[_Tree, Array, Array, Array]:
        states, order, num_left, first = carry
        is_new_round, still_running = first >= num_left, is_running(states)
        order = jnp.where(is_new_round, jnp.argsort(~still_running), order)
        num_left = jnp.where(is_new_round, jnp.sum(still_running), num_left)
        first = jnp.where(is_new_round, 0, first)
        # The last group is filled up with problems that are over, or with copies of the last problem, which all come to the same.
        rows = order[jnp.minimum(first + jnp.arange(group_size), count - 1)]
        few = jnp.where(num_left <= group_size, 0, int(_FEW * group_size))
        given_of_group = _rows(given, rows)
        group = jax.lax.while_loop(
            lambda group: jnp.sum(is_running(group)) > few,
            lambda group: advance(given_of_group, group),
            _rows(states, rows),
        )
        with jax.named_scope("groups"):
            states = jax.tree.map(lambda all_, some: all_.at[rows].set(some), states, group)
        return states, order, num_left, first + group_size

    start = (states, jnp.arange(count), jnp.asarray(count), jnp.asarray(0))
    return jax.lax.while_loop(goes_on, next_group, start)[0]


def _rows(tree: _Tree, rows: Array) -> _Tree:
    return jax.tree.map(lambda leaf: leaf[rows], tree)
