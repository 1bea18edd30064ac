"""Name each person: names are unique, valid as file names, and the same in every run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.rows import DatasetRow

_PLACE = re.compile(r"(.*)\[(\d+)\]")
"""Splits a position such as "people[1]" into the list and the index."""


def person_names(rows: Sequence[DatasetRow]) -> tuple[str, ...]:
    """A unique and file-safe name for each person.

    This is the person's name in the file, if there is one. Otherwise it is the name of the picture, or of the file if no
    picture is named, followed by the id of the record or by a number. The number is the index in the picture's list of
    people, so it does not depend on whether the others can be used; if one list holds people of several pictures, it is the
    index among the people of the picture.
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
    """The list that a person is in, and their index in it."""
    match = _PLACE.fullmatch(row.position)
    return (match[1], int(match[2])) if match else (row.position, 0)


def _stem(row: DatasetRow) -> str:
    """The picture's name, or the file's, without folder and suffix."""
    image = PurePosixPath(row.image.replace("\\", "/"))
    # Some formats name pictures without a suffix; what looks like one is then part of the name.
    stem = image.stem if image.suffix.lower() in IMAGE_SUFFIXES else image.name
    return stem or PurePosixPath(row.file).stem
