"""`read_dataset`: stream the people in a file or a folder, in any format that the library reads."""

from __future__ import annotations

import os
from collections.abc import Iterator

from smplify_jax.keypoints.formats.reading import ReadOptions, Row
from smplify_jax.keypoints.read import NO_OPTIONS, read_rows
from smplify_jax.keypoints.rows import PassedFile


def read_dataset(
    path: str | os.PathLike[str], format: str | None = None, options: ReadOptions = NO_OPTIONS
) -> Iterator[Row]:
    """Read the people of a data set, holding only a few of them in memory at a time.

    Args:
        path: a file with any name, or a folder, whose files and subfolders are read in the order of their names. In a folder, only files
            with the suffix of some format are read, and those that hold something other than keypoints are skipped.
        format: a key of `smplify_jax.keypoints.formats.registry.FORMATS`; by default recognised from the beginning of a file.
        options: what the files do not state.

    Yields:
        A `DatasetRow` for each person and a `RejectedRow` for each unusable record, in the order of the files; in a folder, also a
        `RejectedRow` for each unusable file.

    Raises:
        InputError: there is no such path, format or layout; the file cannot be used at all; or the folder has no keypoint file.
    """
    rows = read_rows(path, format, options)
    return (row for row in rows if not isinstance(row, PassedFile))
