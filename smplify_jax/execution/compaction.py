"""Many loops side by side, of different lengths.

All would wait for the longest; so they go in groups, a group ends when few of it are left, and those of all groups are gathered into
groups of their own, until one group is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

_States = TypeVar("_States")


def run_in_groups(
    advance: Callable[[Any, _States], _States],
    is_running: Callable[[_States], Array],
    given: Any,
    states: _States,
    *,
    group_size: int,
    share_left: float,
) -> _States:
    """Run N loops to their ends.

    Args:
        advance: (given, states) of some -> their states after one more turn; a loop that is over keeps its state.
        is_running: states of some -> whether each goes on.
        given: of all, leading axis N.
        states: at the beginning, leading axis N.
        group_size: how many to run side by side.
        share_left: of a group's size: so many are left for later when the others are over.
    Returns:
        The states at the end.
    """
    count = len(jax.tree.leaves(states)[0])
    if count <= group_size:
        return jax.lax.while_loop(lambda s: jnp.any(is_running(s)), lambda s: advance(given, s), states)

    def goes_on(carry: tuple[_States, Array, Array, Array]) -> Array:
        states, _, num_left, first = carry
        return (first < num_left) | jnp.any(is_running(states))

    def next_group(carry: tuple[_States, Array, Array, Array]) -> tuple[_States, Array, Array, Array]:
        states, order, num_left, first = carry
        is_new_round, still_running = first >= num_left, is_running(states)
        order = jnp.where(is_new_round, jnp.argsort(~still_running), order)
        num_left = jnp.where(is_new_round, jnp.sum(still_running), num_left)
        first = jnp.where(is_new_round, 0, first)
        # The last group is filled up with loops that are over, or with copies of the last loop, which all come to the same.
        rows = order[jnp.minimum(first + jnp.arange(group_size), count - 1)]
        few = jnp.where(num_left <= group_size, 0, int(share_left * group_size))
        given_of_group = _rows(given, rows)
        group = jax.lax.while_loop(
            lambda group: jnp.sum(is_running(group)) > few,
            lambda group: advance(given_of_group, group),
            _rows(states, rows),
        )
        with jax.named_scope("groups"):
            states = jax.tree.map(lambda all_, some: all_.at[rows].set(some), states, group)
        return states, order, num_left, first + group_size

    # One loop goes through all groups of all rounds, so that `advance` is compiled only once.
    start = (states, jnp.arange(count), jnp.asarray(count), jnp.asarray(0))
    return jax.lax.while_loop(goes_on, next_group, start)[0]


def _rows(tree: Any, rows: Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[rows], tree)
