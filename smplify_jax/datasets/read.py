"""`read_dataset`: people of a file or a folder, in any format that the library reads, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator

from smplify_jax.keypoints.formats.reading import ReadOptions, Row
from smplify_jax.keypoints.read import NO_OPTIONS, read_rows
from smplify_jax.keypoints.rows import PassedFile


def read_dataset(
    path: str | os.PathLike[str], format: str | None = None, options: ReadOptions = NO_OPTIONS
) -> Iterator[Row]:
    """Read the people of a dataset, holding a few of them in memory at a time.

    Args:
        path: a file with any name, or a folder, whose files and subfolders are read in the order of their names; of a
            folder, those whose names end as some format's do. Files in it that hold something else are passed over.
        format: a key of `smplify_jax.keypoints.formats.registry.FORMATS`; by default recognised by how a file begins.
        options: what the files do not say.

    Yields:
        A `DatasetRow` for each person and a `RejectedRow` for each record that cannot be used, in the order of the files; of
        a folder, a `RejectedRow` also for a file that cannot be used.

    Raises:
        InputError: there is no such path, format or layout; the file cannot be used at all; or the folder has no keypoint file.
    """
    rows = read_rows(path, format, options)
    return (row for row in rows if not isinstance(row, PassedFile))
