"""Layers on the last axis, and how they start."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


def make_linear(num_inputs: int, num_outputs: int, key: Array) -> eqx.nn.Linear:
    """A layer whose random weights keep the size of what passes through it and a rectifier (He et al. 2015)."""
    layer = eqx.nn.Linear(num_inputs, num_outputs, key=key)
    return eqx.tree_at(lambda one: one.weight, layer, 6**0.5 * layer.weight)


def make_kernel(num_inputs: int, num_outputs: int, key: Array) -> Array:
    """The weights (3, 3, inputs, outputs) of a convolution, in the same way."""
    return jax.random.normal(key, (3, 3, num_inputs, num_outputs)) * (2 / (9 * num_inputs)) ** 0.5


def linear(layer: eqx.nn.Linear, rows: Array) -> Array:
    """The layer on the last axis; a product of matrices, where vmap over `layer` would be many."""
    return rows @ layer.weight.T + (0 if layer.bias is None else layer.bias)


def convolved(maps: Array, kernel: Array, stride: int) -> Array:
    """(B, H, W, C) -> (B, H / stride, W / stride, C'), normalised over channels and rectified."""
    names = ("NHWC", "HWIO", "NHWC")
    found = jax.lax.conv_general_dilated(maps, kernel, (stride, stride), "SAME", dimension_numbers=names)
    return jax.nn.relu(normalized(found))


def normalized(values: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Mean 0 and standard deviation 1 along axes."""
    mean = values.mean(axis=axis, keepdims=True)
    return (values - mean) / jnp.sqrt(((values - mean) ** 2).mean(axis=axis, keepdims=True) + 1e-3)
