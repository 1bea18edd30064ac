"""The library's own .npz (see `smplify_jax.keypoints.npz`), read whole: for large datasets write Parquet."""

from __future__ import annotations

import math
from collections.abc import Iterator

from smplify_jax.keypoints.contents import read_contents
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.reading import DatasetFormat, FileHead, Row, Source, known_size
from smplify_jax.keypoints.npz import read_people
from smplify_jax.keypoints.reading import Person


def recognises(head: FileHead) -> bool:
    """An array `keypoints`."""
    return head.kind == "npz" and "keypoints" in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""

    def make(position: str, person: Person) -> FoundPerson:
        size = None if math.isnan(person.image_size[0]) else known_size(*person.image_size)
        return found_person(
            source,
            position,
            person.keypoints,
            person.layout,
            source_id=person.name,
            image=person.image_name or "",
            image_size=size,
        )

    people = read_people(read_contents(source.path), source.options.layout)
    yield from rows_of(source, ((f"[{k}]", person) for k, person in enumerate(people)), make)


FORMAT = DatasetFormat("npz", "our .npz with arrays keypoints and layout", recognises, read)
