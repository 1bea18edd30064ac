"""People in the vector lanes: functions whose inner loops run over people when they are batched.

XLA's CPU backend makes vector loops along the last axis of an array. A 3x3 product per person, people leading, gives it loops of length
three; the same with people trailing gives loops as long as the batch, and products with constant matrices become one large product.
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


def people_last(function: Callable[[Any, Any], _Result]) -> Callable[[Any, Any], _Result]:
    """Run `function(shared, personal)` under `vmap` once for all people, who are then the last axis of every array.

    Args:
        function: for one person as well as for many; its comments write shapes as (K, 3, ...), where nothing trails or people do.
            `shared` is what all people have in common and never has their axis; every array of `personal` has. What it returns has
            people first again, see `people_first`.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def _(num_people: int, is_batched: tuple[Any, Any], shared: Any, personal: Any) -> tuple[_Result, Any]:
        if any(jax.tree.leaves(is_batched[0])):
            raise InputError("what people share cannot differ from one to the next: batch what is personal alone.")
        lanes = jax.tree.map(lambda leaf, is_many: _to_lanes(leaf, is_many, num_people), personal, is_batched[1])
        results = function(shared, lanes)
        return results, jax.tree.map(lambda _: True, results)

    return mapped


def _to_lanes(leaf: Array, is_batched: bool, num_people: int) -> Array:
    if is_batched:
        return jnp.moveaxis(leaf, 0, -1)
    return jnp.broadcast_to(jnp.asarray(leaf)[..., None], (*jnp.shape(leaf), num_people))


def people_first(array: Array, num_axes: int) -> Array:
    """Bring the people, if there are any, from the last axis to the first: products of one matrix each want them there.

    Args:
        array: (..., people), or without them.
        num_axes: how many axes one person has.
    """
    return array if array.ndim == num_axes else jnp.moveaxis(array, -1, 0)


def side_by_side(blocks: Sequence[Array], axis: int) -> Array:
    """`jnp.concatenate`, written block by block: one loop would ask of every entry which block it is from, and take four times as long."""
    starts = np.cumsum([0, *(block.shape[axis] for block in blocks)])
    shape = list(blocks[0].shape)
    shape[axis] = int(starts[-1])
    joined = jnp.zeros(shape, blocks[0].dtype)
    for start, block in zip(starts[:-1], blocks, strict=True):
        joined = jax.lax.dynamic_update_slice_in_dim(joined, block, int(start), axis)
    return joined
