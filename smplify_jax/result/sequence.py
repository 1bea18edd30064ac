"""Indexing the people of a result."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import numpy as np
from jax.core import Tracer

_Tree = TypeVar("_Tree")


def people_at(index: Any, num_people: int) -> Any:
    """Check an index into the leading axis: JAX would clamp one that is out of bounds to the nearest person.

    Args:
        index: as NumPy indexes an axis: a whole number, a slice, (num_people,) booleans, or whole numbers.
        num_people: length of the axis.
    Returns:
        The same people as an int, a slice, or an array of ints. What JAX is tracing has no value yet and passes unchecked.
    Raises:
        IndexError: there is no such person, or the index is of another kind.
    """
    if isinstance(index, Tracer):
        return index
    index = np.asarray(index) if isinstance(index, jax.Array) else index
    try:
        people = np.arange(num_people)[index]
    except (IndexError, TypeError) as error:
        raise IndexError(f"There is no {_described(index)} among {num_people} fitted people: {error}.") from None
    if people.ndim > 1:
        raise IndexError(
            f"There is no {_described(index)} among {num_people} fitted people: give a number, a slice or a list of numbers."
        )
    if people.ndim == 0:
        return int(people)
    return index if isinstance(index, slice) else people


def person_of(batch: _Tree, number: int) -> _Tree:
    """One row of every array of a tree.

    One program takes the row of all of JAX's arrays, within 0.2 ms; by themselves, the 41 of a result would take longer than a fit.
    """
    leaves, tree = jax.tree.flatten(batch)
    is_jax = [isinstance(leaf, jax.Array) for leaf in leaves]
    rows = iter(_rows([leaf for leaf, is_one in zip(leaves, is_jax, strict=True) if is_one], number))
    return tree.unflatten(next(rows) if is_one else leaf[number] for leaf, is_one in zip(leaves, is_jax, strict=True))


@jax.jit
def _rows(arrays: list[jax.Array], number: jax.Array) -> list[jax.Array]:
    return [jax.lax.dynamic_index_in_dim(array, number, keepdims=False) for array in arrays]


def _described(index: Any) -> str:
    if isinstance(index, np.ndarray):
        return f"array {index.dtype}{index.shape}"
    return f"[{index!r:.40}]"
