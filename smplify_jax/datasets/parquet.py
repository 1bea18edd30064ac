"""Fits in Parquet: written whole or not at all, read a few thousand rows at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from smplify_jax.datasets.provenance import Provenance
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.atomic import atomic_write

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

FOLDER = "parquet"
"""Where a job's files lie, directly: DIR/parquet/NAME.parquet."""

ROWS_AT_A_TIME = 4096
"""About 6 MB of fits."""


@dataclass(frozen=True, eq=False)
class FitBatch:
    """Some rows of one file of fits.

    Attributes:
        records: the rows, with the columns that were asked for.
        provenance: what they were made with.
    """

    records: pyarrow.RecordBatch
    provenance: Provenance

    def __len__(self) -> int:
        """Number of people, N."""
        return self.records.num_rows

    def array(self, name: str) -> np.ndarray:
        """A column of numbers: (N,), or (N, L) for lists; NaN for null."""
        column = self.records.column(name)
        if not hasattr(column.type, "value_field"):
            return column.to_numpy(zero_copy_only=False)
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(self), -1)

    def points(self, name: str, num_numbers: int) -> np.ndarray:
        """A column of points of so many numbers each: (N, K, num_numbers)."""
        return self.array(name).reshape(len(self), -1, num_numbers)

    def texts(self, name: str) -> list[str | None]:
        """A column of texts: N, None where nothing is known."""
        return self.records.column(name).to_pylist()

    def of(self, is_wanted: np.ndarray) -> FitBatch:
        """Some of the people: those of whom (N,) says so."""
        if is_wanted.all():
            return self
        pa, _ = require_arrow()
        return FitBatch(self.records.filter(pa.array(is_wanted)), self.provenance)

    @property
    def is_usable(self) -> np.ndarray:
        """(N,) whether there is a body; needs the column `status`."""
        return np.isin(self.array("status"), self.provenance.codes_with_body())


def write_fits(path: str | os.PathLike[str], table: pyarrow.Table, provenance: Provenance) -> None:
    """Write rows made by `fits_table`; the file appears under its name when it is complete.

    Args:
        path: the file; its folder is made if need be.
        table: the rows.
        provenance: what they were made with.
    Raises:
        InputError: the file cannot be written, with the reason: the disk is full, and the like.
    """
    content, path = fits_bytes(table, provenance), Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be made ({error.strerror}); choose another folder.") from error
    with atomic_write(path) as file:
        file.write(content)


def fits_bytes(table: pyarrow.Table, provenance: Provenance) -> bytes:
    """The content of such a file."""
    pa, parquet = require_arrow()
    texts, content = [field.name for field in table.schema if field.type == pa.string()], io.BytesIO()
    parquet.write_table(
        table.replace_schema_metadata(provenance.metadata()),
        content,
        row_group_size=ROWS_AT_A_TIME,
        compression="zstd",
        use_dictionary=texts,
    )
    return content.getvalue()


def fit_files(folder_or_file: str | os.PathLike[str]) -> list[Path]:
    """The files of fits, in the order of their names: one, those in a folder, or those in its folder `parquet`.

    Raises:
        InputError: there are none.
    """
    path = Path(folder_or_file)
    if path.is_file():
        return [path]
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    files = sorted(file for file in folder.glob("*.parquet") if not file.name.startswith("."))
    if not files:
        raise InputError(f"{path}: there are no .parquet files; give a file of fits, or the folder that they lie in.")
    return files


def read_fits(
    folder_or_file: str | os.PathLike[str],
    columns: Collection[str] | None = None,
    rows_at_a_time: int = ROWS_AT_A_TIME,
) -> Iterator[FitBatch]:
    """Read fits, some rows at a time, in the order of the files' names.

    Args:
        folder_or_file: one file, a folder of them, or the folder above `parquet`.
        columns: only these; all by default.
        rows_at_a_time: the most that a batch holds.
    Yields:
        Batches of one file each, and so of one layout.
    Raises:
        InputError: there is nothing to read, a file is damaged, or was not written by this package or by a later version.
    """
    pa, _ = require_arrow()
    for path in fit_files(folder_or_file):
        file, provenance = _open(path)
        with file:
            try:
                for records in file.iter_batches(rows_at_a_time, columns=_stored_columns(file, columns)):
                    yield FitBatch(_with_current_names(records), provenance)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{path}: is damaged ({error}); write it anew.") from None


def count_fits(folder_or_file: str | os.PathLike[str]) -> int:
    """Number of rows, from the files' footers alone."""
    total = 0
    for path in fit_files(folder_or_file):
        file, _ = _open(path)
        with file:
            total += file.metadata.num_rows
    return total


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """What a file of fits was made with.

    Raises:
        InputError: it is none.
    """
    file, provenance = _open(Path(path))
    file.close()
    return provenance


def _stored_columns(file: pyarrow.parquet.ParquetFile, columns: Collection[str] | None) -> list[str] | None:
    """The names under which the file has these columns; None for all."""
    if columns is None:
        return None
    old_names = {_current(name): name for name in file.schema_arrow.names}
    return [old_names.get(name, name) for name in columns]


def _with_current_names(records: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """The columns under their names of today."""
    pa, _ = require_arrow()
    return pa.RecordBatch.from_arrays(records.columns, names=[_current(name) for name in records.schema.names])


def _current(name: str) -> str:
    """A column's name of today."""
    return f"quality_features_{name.removeprefix('evidence_')}" if name.startswith("evidence_") else name


def _open(path: Path) -> tuple[pyarrow.parquet.ParquetFile, Provenance]:
    pa, parquet = require_arrow()
    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is no readable Parquet file ({error}); write it anew.") from None
    try:
        return file, Provenance.from_metadata(file.schema_arrow.metadata, path)
    except InputError:
        file.close()
        raise
