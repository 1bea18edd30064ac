"""Which people are fitted together: numbered batches that are the same whenever the same input is read.

Everything that makes a job restartable rests on this. A batch's number names the file of its fits, so that what is there need not be done
again; and a shard of n takes every n-th number, so that a job may go on with another number of shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from smplify_jax.datasets.job.row_content import hash_of, row_content
from smplify_jax.errors import InputError
from smplify_jax.files.printable import printable
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


@dataclass(frozen=True, eq=False)
class Batch:
    """People to fit together: of one layout, and all or none of them with a known camera.

    Attributes:
        number: place in the plan, from 0 on.
        people: at most as many as a batch holds; fewer in the last of their kind.
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


def plan_batches(
    rows: Iterable[DatasetRow | RejectedRow],
    batch_size: int,
    objection: Callable[[DatasetRow], str | None],
    reject: Callable[[RejectedRow], None],
) -> Iterator[Batch]:
    """Sort people into batches as they are read.

    Args:
        rows: in the order of the input.
        batch_size: the most people of a batch.
        objection: why a person cannot be fitted, None if they can.
        reject: gets every row that comes into no batch.

    Yields:
        A batch as soon as it is full, and those that did not become full at the end.
    """
    pending: dict[tuple[str, bool], list[DatasetRow]] = {}
    repeated, number = _RepeatedIds(), 0
    for row in rows:
        rejected = row if isinstance(row, RejectedRow) else _rejection(row, objection, repeated)
        if rejected is not None:
            reject(rejected)
            continue
        assert isinstance(row, DatasetRow)
        people = pending.setdefault(kind_of(row), [])
        people.append(row)
        if len(people) == batch_size:
            yield Batch(number, tuple(pending.pop(kind_of(row))))
            number += 1
    for people in pending.values():
        yield Batch(number, tuple(people))
        number += 1


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


def _rejection(
    row: DatasetRow, objection: Callable[[DatasetRow], str | None], repeated: _RepeatedIds
) -> RejectedRow | None:
    try:
        row_content(row)
    except InputError as error:
        reason = str(error)
    else:
        is_repeated = repeated.has_seen(row)
        reason = f"another person has the id '{printable(row.id)}', too" if is_repeated else objection(row)
    return None if reason is None else RejectedRow(row.file, row.position, reason)


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
