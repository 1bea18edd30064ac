"""The batch axis last in memory: functions whose inner loops run over people when they are batched.

XLA's CPU backend makes vector loops along the last axis of an array. A 3x3 product per person, batch axis first, gives it loops of length
three; the same with the batch axis last gives loops as long as the batch, and products with constant matrices become one large product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

from smplify_jax.errors import InputError

_Result = TypeVar("_Result")


def batch_last(function: Callable[[Any, Any], _Result]) -> Callable[[Any, Any], _Result]:
    """Run `function(shared, personal)` under `vmap` once for all people: the batch axis is then the last of every array.

    Args:
        function: for one person as well as for many; its comments write shapes as (K, 3, ...), the dots being the batch axis, if any.
            `shared` never has a batch axis; every array of `personal` has. What it returns has the batch axis first again,
            see `batch_first`.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def _(num_people: int, is_batched: tuple[Any, Any], shared: Any, personal: Any) -> tuple[_Result, Any]:
        if any(jax.tree.leaves(is_batched[0])):
            raise InputError("shared arguments cannot have a batch axis: batch the personal ones alone.")
        batched = jax.tree.map(lambda leaf, is_many: _to_batch_last(leaf, is_many, num_people), personal, is_batched[1])
        results = function(shared, batched)
        return results, jax.tree.map(lambda _: True, results)

    return mapped


def _to_batch_last(leaf: Array, is_batched: bool, num_people: int) -> Array:
    if is_batched:
        return jnp.moveaxis(leaf, 0, -1)
    return jnp.broadcast_to(jnp.asarray(leaf)[..., None], (*jnp.shape(leaf), num_people))


def batch_first(array: Array, num_axes: int) -> Array:
    """Move the batch axis, if there is one, from last to first: products of one matrix per person want it there.

    Args:
        array: (..., batch), or without a batch axis.
        num_axes: number of axes of one person's array.
    """
    return array if array.ndim == num_axes else jnp.moveaxis(array, -1, 0)


def concatenate_blocks(blocks: Sequence[Array], axis: int) -> Array:
    """`jnp.concatenate`, written block by block: one loop would ask of every entry which block it is from, and take four times as long."""
    starts = np.cumsum([0, *(block.shape[axis] for block in blocks)])
    shape = list(blocks[0].shape)
    shape[axis] = int(starts[-1])
    joined = jnp.zeros(shape, blocks[0].dtype)
    for start, block in zip(starts[:-1], blocks, strict=True):
        joined = jax.lax.dynamic_update_slice_in_dim(joined, block, int(start), axis)
    return joined
