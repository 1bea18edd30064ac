"""Reader of .npz files with a row for each person: which arrays they must have, and the rows that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, rows_of
from smplify_jax.keypoints.formats.npz_columns import NpzColumns, open_columns
from smplify_jax.keypoints.formats.reading import Row, Source

Person = dict[str, Any]
"""Array name to one person's part of it: an array, or one number or text."""


def read_people(
    source: Source, shapes: dict[str, tuple[int, ...] | None], needed: str, make: Callable[[str, Person], FoundPerson]
) -> Iterator[Row]:
    """The row that `make` gives for each person of the file.

    Args:
        source: the file.
        shapes: of one person's part of each array that is read where it is there; None where it may have several.
        needed: the array that must be there, and says how many people there are.
        make: the row of a position and a person.

    Raises:
        InputError: the file is no .npz, lacks the needed array, or an array has another shape.
    """
    columns = open_columns(source.path, tuple(shapes))
    if not columns.shape(needed):
        raise InputError(f"'{source.path}' lacks an array {needed!r} with an entry for each person")
    num_people = (columns.shape(needed) or (0,))[0]
    present = tuple(name for name in shapes if columns.shape(name) is not None)
    for name in present:
        _check(columns, name, num_people, shapes[name])
    # The needed one comes first: it counts.
    ordered = (needed, *(name for name in present if name != needed))
    yield from rows_of(source, _people(columns, ordered), make)


def _check(columns: NpzColumns, name: str, num_people: int, shape: tuple[int, ...] | None) -> None:
    found = columns.shape(name) or ()
    if found[:1] != (num_people,) or (shape is not None and found[1:] != shape):
        expected = (num_people, "...") if shape is None else (num_people, *shape)
        raise InputError(f"'{columns.path}': the array {name!r} has shape {found}; expected {expected}")


def _people(columns: NpzColumns, names: tuple[str, ...]) -> Iterator[tuple[str, Person]]:
    for first, block in columns.blocks(names):
        for k in range(len(block[names[0]])):
            yield f"[{first + k}]", {name: values[k] for name, values in block.items()}
