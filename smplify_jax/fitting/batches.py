"""Run a program on any number of people in batches of a few fixed sizes, so that it compiles only for these."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.execution import compilation
from smplify_jax.execution.batching import padded_batches
from smplify_jax.execution.devices import Device, shard
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.person import Setup


class People(Protocol):
    """Arrays with a leading axis of people."""

    def __len__(self) -> int:
        """Number of people."""
        ...

    def only(self, is_person: np.ndarray) -> People:
        """The same arrays with nothing to be fitted in the other rows."""
        ...


_People = TypeVar("_People", bound=People)

Program = Callable[[Setup, Any], Any]


@lru_cache(maxsize=8)
def _compiled(program: Program, devices: tuple[Device, ...]) -> Program:
    """The program, compiled. Each of several devices runs its own shard of the people, for as many steps as that shard needs."""
    if devices:
        return compilation.jit(exact_products(shard(program, devices)))
    return compilation.jit(exact_products(program), keeps_traces=True)


def run_in_batches(
    program: Callable[[Setup, _People], Any], setup: Setup, people: _People, devices: tuple[Device, ...]
) -> Any:
    """Run a program of people, and put the parts of its result together.

    Args:
        program: of arrays with a leading axis of people; its results have it too.
        setup: what all people share.
        people: any number of them.
        devices: to shard people over; none for JAX's default device.
    """
    if not len(people):
        placeholder = jax.tree.map(lambda leaf: np.zeros((1, *np.shape(leaf)[1:]), leaf.dtype), people)
        return jax.tree.map(lambda leaf: leaf[:0], run_in_batches(program, setup, placeholder, devices))
    compiled = _compiled(program, devices)
    parts = []
    for rows, is_person in padded_batches(len(people), max(1, len(devices))):
        batch = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], people)
        # Padding is not searched.
        batch = batch.only(is_person)
        # Dispatch is asynchronous: the next batch is prepared while this one runs.
        parts.append((compiled(setup, batch), rows, is_person))
    if not devices and len(parts) == 1 and parts[0][2].all():
        return parts[0][0]
    order = np.argsort(np.concatenate([rows[is_person] for _, rows, is_person in parts]))
    kept = [jax.tree.map(lambda leaf, kept=is_person: np.asarray(leaf)[kept], part) for part, _, is_person in parts]
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[order]), *kept)
