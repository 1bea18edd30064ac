"""What people are called: names that can be file names, and stay the same from run to run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.rows import DatasetRow

_PLACE = re.compile(r"(.*)\[(\d+)\]")
"""The list and the place in it of a position such as "people[1]"."""


def person_names(rows: Sequence[DatasetRow]) -> tuple[str, ...]:
    """A unique and file-safe name for each person.

    It is the name that the file has for the person; else the picture's name, or the file's where no picture is named, and
    behind it what the file calls the record, or a number: the place in the picture's list of people, so that whoever cannot
    be used keeps the others' numbers; where one list holds people of several pictures, the place among those of the picture.
    """
    lists = [_list_of(row) for row in rows]
    images: dict[tuple[str, str], set[str]] = {}
    for row, (name, _) in zip(rows, lists, strict=True):
        images.setdefault((row.file, name), set()).add(row.image)
    num_with_id = Counter((row.file, row.source_id) for row in rows)
    files_with_repeated_ids = {file for (file, source_id), count in num_with_id.items() if source_id and count > 1}
    num_in_image: Counter[tuple[str, str]] = Counter()
    names = []
    for row, (list_name, place) in zip(rows, lists, strict=True):
        in_image = num_in_image[row.file, row.image]
        num_in_image[row.file, row.image] += 1
        number = place if len(images[row.file, list_name]) == 1 else in_image
        has_id = row.source_id and row.file not in files_with_repeated_ids
        ending = row.source_id if has_id else "_".join(filter(None, (row.source_id, str(number))))
        names.append(row.name or f"{_stem(row)}_{ending}")
    return unique_names(names)


def _list_of(row: DatasetRow) -> tuple[str, int]:
    """The list that a person is in, and their place in it."""
    match = _PLACE.fullmatch(row.position)
    return (match[1], int(match[2])) if match else (row.position, 0)


def _stem(row: DatasetRow) -> str:
    """The picture's name, or the file's, without folder and ending."""
    image = PurePosixPath(row.image.replace("\\", "/"))
    # Some formats name pictures without their ending, and what looks like one is the end of the name.
    stem = image.stem if image.suffix.lower() in IMAGE_SUFFIXES else image.name
    return stem or PurePosixPath(row.file).stem
