"""Many loops of different lengths, batched, with compaction of the stragglers.

A batch would run until its longest loop ends. So loops run in chunks: a chunk stops when few of its loops still run, and the stragglers of
all chunks are compacted into new chunks, until one chunk is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

_States = TypeVar("_States")


def compacted_while_loop(
    advance: Callable[[Any, _States], _States],
    is_running: Callable[[_States], Array],
    inputs: Any,
    states: _States,
    *,
    chunk_size: int,
    straggler_fraction: float,
) -> _States:
    """Run N loops to their ends.

    Args:
        advance: (inputs, states) of a chunk -> its states after one iteration; a loop that has ended keeps its state.
        is_running: states of a chunk -> whether each loop continues.
        inputs: constant over the iterations, leading axis N.
        states: initial ones, leading axis N.
        chunk_size: how many loops to run at once.
        straggler_fraction: a chunk stops once this fraction of its loops, or less, still runs.
    Returns:
        The final states.
    """
    count = len(jax.tree.leaves(states)[0])
    if count <= chunk_size:
        return jax.lax.while_loop(lambda s: jnp.any(is_running(s)), lambda s: advance(inputs, s), states)

    def is_unfinished(carry: tuple[_States, Array, Array, Array]) -> Array:
        states, _, num_running, first = carry
        return (first < num_running) | jnp.any(is_running(states))

    def next_chunk(carry: tuple[_States, Array, Array, Array]) -> tuple[_States, Array, Array, Array]:
        states, order, num_running, first = carry
        is_new_round, still_running = first >= num_running, is_running(states)
        order = jnp.where(is_new_round, jnp.argsort(~still_running), order)
        num_running = jnp.where(is_new_round, jnp.sum(still_running), num_running)
        first = jnp.where(is_new_round, 0, first)
        # The last chunk is padded with loops that have ended, or with copies of the last loop, which all give the same result.
        rows = order[jnp.minimum(first + jnp.arange(chunk_size), count - 1)]
        max_stragglers = jnp.where(num_running <= chunk_size, 0, int(straggler_fraction * chunk_size))
        chunk_inputs = _rows(inputs, rows)
        chunk = jax.lax.while_loop(
            lambda chunk: jnp.sum(is_running(chunk)) > max_stragglers,
            lambda chunk: advance(chunk_inputs, chunk),
            _rows(states, rows),
        )
        with jax.named_scope("compaction"):
            states = jax.tree.map(lambda all_, some: all_.at[rows].set(some), states, chunk)
        return states, order, num_running, first + chunk_size

    # One loop goes through all chunks of all rounds, so that `advance` is compiled only once.
    start = (states, jnp.arange(count), jnp.asarray(count), jnp.asarray(0))
    return jax.lax.while_loop(is_unfinished, next_chunk, start)[0]


def _rows(tree: Any, rows: Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[rows], tree)
