"""Which people are fitted together: numbered batches that are the same whenever the same input is read.

A batch is made of units, which no batch divides: a person in a picture, or the track of a person through the frames of a video.

Everything that makes a job restartable rests on this. A batch's number names the file of its fits, so that what is there need not be done
again; and a shard of n takes every n-th number, so that a job may go on with another number of shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from smplify_jax.datasets.job.row_content import hash_of, row_content
from smplify_jax.errors import InputError
from smplify_jax.files.printable import printable
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

Unit = tuple[DatasetRow, ...]
"""Rows that are fitted as a whole: one, or a track's."""


@dataclass(frozen=True, eq=False)
class Batch:
    """People to fit together: of one layout, and all or none of them with a known camera.

    Attributes:
        number: place in the plan, from 0 on.
        people: at most as many rows as a batch holds, or one track that is longer; fewer where the next track does not fit in, and in the
            last batch of a kind.
    """

    number: int
    people: tuple[DatasetRow, ...]

    @property
    def layout(self) -> str:
        """Name of the people's layout."""
        return self.people[0].layout

    @property
    def kind(self) -> tuple[str, bool]:
        """What one call of a fitter needs all its people to have in common."""
        return kind_of(self.people[0])

    @cached_property
    def input_hash(self) -> str:
        """Of all that the input says of the people, as far as their fits and rows depend on it."""
        return hash_of(self.people)


@dataclass(frozen=True)
class Shard:
    """The part of a job that one process does.

    Attributes:
        index: from 0 on.
        count: how many there are.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise InputError(f"shard {self}: there are shards 0/{self.count} to {self.count - 1}/{self.count}.")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, number: int) -> bool:
        """Whether a batch is this shard's."""
        return number % self.count == self.index

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From "0/8" to "7/8".

        Raises:
            InputError: it is nothing of the kind.
        """
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(count)):
            raise InputError(f"the shard {text!r} is not of the form i/n, such as 0/8 for the first of eight.")
        return cls(int(index), int(count))


def each_alone(rows: Iterable[DatasetRow]) -> Iterator[Unit]:
    """Every row as a unit."""
    return ((row,) for row in rows)


def plan_batches(
    rows: Iterable[DatasetRow | RejectedRow],
    batch_size: int,
    objection: Callable[[DatasetRow], str | None],
    reject: Callable[[RejectedRow], None],
    units: Callable[[Iterable[DatasetRow]], Iterator[Unit]] = each_alone,
) -> Iterator[Batch]:
    """Sort people into batches as they are read.

    Args:
        rows: in the order of the input.
        batch_size: the most rows of a batch of several units.
        objection: why the person of a row cannot be fitted, None if they can.
        reject: gets every row that comes into no batch; of a track, the first.
        units: sorts the usable rows into units.

    Yields:
        A batch as soon as it is full, or the next unit does not fit in; and those that did not become full at the end.
    """
    pending: dict[tuple[str, bool], list[DatasetRow]] = {}
    numbers = count()
    for unit in units(_usable(rows, reject)):
        rejected = _rejection(unit, objection)
        if rejected is not None:
            reject(rejected)
            continue
        kind = kind_of(unit[0])
        if kind in pending and len(pending[kind]) + len(unit) > batch_size:
            yield Batch(next(numbers), tuple(pending.pop(kind)))
        people = pending.setdefault(kind, [])
        people.extend(unit)
        if len(people) >= batch_size:
            yield Batch(next(numbers), tuple(pending.pop(kind)))
    for people in pending.values():
        yield Batch(next(numbers), tuple(people))


def together(batches: Iterable[Batch], most_people: int) -> Iterator[list[Batch]]:
    """Batches that follow each other and are of one kind, as many as hold so many people together, and at least one."""
    some: list[Batch] = []
    for batch in batches:
        num_people = sum(len(one.people) for one in some)
        if some and (batch.kind != some[0].kind or num_people + len(batch.people) > most_people):
            yield some
            some = []
        some.append(batch)
    if some:
        yield some


def kind_of(row: DatasetRow) -> tuple[str, bool]:
    """What one call of a fitter needs all its people to have in common: the layout, and whether there is a camera."""
    return row.layout, is_camera_given(row)


def is_camera_given(row: DatasetRow) -> bool:
    """Whether the dataset says anything of the camera: a fit takes that of all its people, or of none."""
    return row.focal_length is not None or row.camera_center is not None


def _usable(rows: Iterable[DatasetRow | RejectedRow], reject: Callable[[RejectedRow], None]) -> Iterator[DatasetRow]:
    """The rows that can be hashed and written, each with an id of its own."""
    repeated = _RepeatedIds()
    for row in rows:
        if isinstance(row, RejectedRow):
            reject(row)
            continue
        reason = _fault(row)
        if reason is None and repeated.has_seen(row):
            reason = f"another person has the id '{printable(row.id)}', too"
        if reason is None:
            yield row
        else:
            reject(RejectedRow(row.file, row.position, reason))


def _fault(row: DatasetRow) -> str | None:
    """Why a row cannot be hashed and written, None if it can."""
    try:
        row_content(row)
    except InputError as error:
        return str(error)
    return None


def _rejection(unit: Unit, objection: Callable[[DatasetRow], str | None]) -> RejectedRow | None:
    first, about = unit[0], ""
    reason = objection(first)
    if first.video:
        # A track has rows that no file has, with names made of several.
        reason = reason or next(filter(None, map(_fault, unit)), None)
        about = f"track '{printable(first.track_id)}' of the video '{printable(first.video)}', {len(unit):,} frames: "
    return None if reason is None else RejectedRow(first.file, first.position, about + reason)


class _RepeatedIds:
    """Finds ids that come a second time. Ids begin with the file, so those of one file are all that is kept, and of each a hash."""

    def __init__(self) -> None:
        self._file = ""
        self._seen: set[bytes] = set()

    def has_seen(self, row: DatasetRow) -> bool:
        if row.file != self._file:
            self._file, self._seen = row.file, set()
        # Of a million ids, two agree in 8 bytes once in 40 million data sets.
        key = hashlib.blake2b(row.id.encode(), digest_size=8).digest()
        if key in self._seen:
            return True
        self._seen.add(key)
        return False
