"""People of a data set in groups that hold whole videos, holding no more of them than that takes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import groupby

from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.keypoints.videos import is_of_frames


def whole_videos(rows: Iterable[DatasetRow]) -> Iterator[list[DatasetRow]]:
    """Sort people into groups of whole videos as they are read: no video is in two groups.

    A file of several pictures or frames is a group. The files of one picture in a folder are another, which is complete when the reader
    leaves the folder.

    Args:
        rows: as `read_rows` gives them: file by file, each folder in one piece.
    """
    of_folders: dict[str, list[DatasetRow]] = {}
    for file, some in groupby(rows, key=lambda row: row.file):
        people, folder = list(some), posixpath.dirname(file)
        for left in [one for one in of_folders if not _lies_in(folder, one)]:
            yield of_folders.pop(left)
        if is_of_frames([row.image for row in people], [row.frame for row in people]):
            yield people
        else:
            of_folders.setdefault(folder, []).extend(people)
    yield from of_folders.values()


def _lies_in(folder: str, other: str) -> bool:
    return not other or folder == other or folder.startswith(f"{other}/")
