"""One loop for all systems: shuffled batches, Adam with a learning rate that falls to zero, and the loss of every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
import optax

Model = TypeVar("Model", bound=eqx.Module)


_QUICKLY = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""Compiler options for CPUs that halve the time to compile a step, 15 s of a core, and make it 15 % slower."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`eqx.filter_jit` that compiles quickly on CPUs."""

    @cache  # not before the first call, because JAX chooses its device only then
    def program() -> Callable[..., Any]:
        options = _QUICKLY if jax.default_backend() == "cpu" else None
        # Equinox hands on what JAX takes; its overloads do not say so.
        return eqx.filter_jit(function, compiler_options=options)  # pyright: ignore[reportCallIssue]

    return lambda *arguments: program()(*arguments)


def make_optimizer(learning_rate: float, num_steps: int) -> optax.GradientTransformation:
    """Adam with a cosine schedule and gradients of bounded norm: a person behind the camera would throw the network off."""
    schedule = optax.cosine_decay_schedule(learning_rate, num_steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def batches(num_rows: int, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Rows of full batches, in a new order in every epoch, without end."""
    generator = np.random.default_rng([seed, 3])
    batch_size = min(batch_size, num_rows)
    while True:
        order = generator.permutation(num_rows)
        for first in range(0, num_rows - batch_size + 1, batch_size):
            yield order[first : first + batch_size]


def make_step(loss: Callable[..., jax.Array], optimizer: optax.GradientTransformation) -> Callable[..., Any]:
    """A compiled step: (model, state, *data) -> (model, state, loss), for loss(model, *data)."""

    @compiled
    def step(model: Model, state: optax.OptState, *data: Any) -> tuple[Model, optax.OptState, jax.Array]:
        value, slopes = eqx.filter_value_and_grad(loss)(model, *data)
        updates, state = optimizer.update(slopes, state)
        return eqx.apply_updates(model, updates), state, value

    return step


def start_state(optimizer: optax.GradientTransformation, model: eqx.Module) -> optax.OptState:
    """The optimizer's state before the first step."""
    return optimizer.init(eqx.filter(model, eqx.is_inexact_array))


def in_parts(function: Callable[[Any], Any], rows: np.ndarray, size: int = 128) -> Any:
    """A compiled function over all rows, some at a time, with the last part filled up; returns NumPy arrays."""
    found = []
    for first in range(0, len(rows), size):
        part = np.minimum(np.arange(first, first + size), len(rows) - 1)
        found.append(jax.device_get(function(rows[part])))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays)[: len(rows)], *found)
