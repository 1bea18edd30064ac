"""The batch axis last in memory: functions whose inner loops run over people when they are batched.

XLA's CPU backend vectorises loops along the last axis of an array. A 3x3 product per person gives loops of length three with the batch axis
first, and loops as long as the batch with the batch axis last; products with constant matrices become one large product.
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
    """Under `vmap`, run `function(shared, personal)` once for all people, with the batch axis last in every array.

    Args:
        function: works for one person as well as for many; its comments write shapes as (K, 3, ...), the dots being the batch axis, if any.
            Under `vmap` every array of `personal` has a batch axis; `shared` never has. The function returns arrays with the batch axis
            first again, see `batch_first`.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def _(num_people: int, is_batched: tuple[Any, Any], shared: Any, personal: Any) -> tuple[_Result, Any]:
        if any(jax.tree.leaves(is_batched[0])):
            raise InputError("shared arguments cannot have a batch axis: batch only the personal ones.")
        batched = jax.tree.map(lambda leaf, is_many: _to_batch_last(leaf, is_many, num_people), personal, is_batched[1])
        results = function(shared, batched)
        return results, jax.tree.map(lambda _: True, results)

    return mapped


def _to_batch_last(leaf: Array, is_batched: bool, num_people: int) -> Array:
    if is_batched:
        return jnp.moveaxis(leaf, 0, -1)
    return jnp.broadcast_to(jnp.asarray(leaf)[..., None], (*jnp.shape(leaf), num_people))


def batch_first(array: Array, num_axes: int) -> Array:
    """Move the batch axis, if there is one, from last to first, where products of one matrix per person need it.

    Args:
        array: (..., batch), or without a batch axis.
        num_axes: number of axes of one person's array.
    """
    return array if array.ndim == num_axes else jnp.moveaxis(array, -1, 0)


def concatenate_blocks(blocks: Sequence[Array], axis: int) -> Array:
    """`jnp.concatenate`, written block by block: one loop tests for every entry which block it is from, and takes four times as long."""
    starts = np.cumsum([0, *(block.shape[axis] for block in blocks)])
    shape = list(blocks[0].shape)
    shape[axis] = int(starts[-1])
    joined = jnp.zeros(shape, blocks[0].dtype)
    for start, block in zip(starts[:-1], blocks, strict=True):
        joined = jax.lax.dynamic_update_slice_in_dim(joined, block, int(start), axis)
    return joined
