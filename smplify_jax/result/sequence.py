"""Indexing the people of a result."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.core import Tracer


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


def _described(index: Any) -> str:
    if isinstance(index, np.ndarray):
        return f"array {index.dtype}{index.shape}"
    return f"[{index!r:.40}]"
