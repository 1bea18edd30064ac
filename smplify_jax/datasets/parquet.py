"""Fits in Parquet files: each is written completely or not at all, and read a few thousand rows at a time."""

from __future__ import annotations

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
"""Name of a job's subfolder for its files: DIR/parquet/NAME.parquet."""

ROWS_AT_A_TIME = 4096
"""About 6 MB of fits."""


@dataclass(frozen=True, eq=False)
class FitBatch:
    """Some rows of one file of fits.

    Attributes:
        records: the rows, with the requested columns.
        provenance: what the fits were made with.
    """

    records: pyarrow.RecordBatch
    provenance: Provenance

    def __len__(self) -> int:
        """Number of people, N."""
        return self.records.num_rows

    def array(self, name: str) -> np.ndarray:
        """A numeric column: (N,), or (N, L) for lists; NaN for null."""
        column = self.records.column(name)
        if not hasattr(column.type, "value_field"):
            return column.to_numpy(zero_copy_only=False)
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(self), -1)

    def points(self, name: str, num_numbers: int) -> np.ndarray:
        """A column of K points of `num_numbers` numbers each: (N, K, num_numbers)."""
        return self.array(name).reshape(len(self), -1, num_numbers)

    def texts(self, name: str) -> list[str | None]:
        """A column of N texts; None where the text is not known."""
        return self.records.column(name).to_pylist()

    def of(self, is_wanted: np.ndarray) -> FitBatch:
        """The people whose entry in the (N,) mask is true."""
        if is_wanted.all():
            return self
        pa, _ = require_arrow()
        return FitBatch(self.records.filter(pa.array(is_wanted)), self.provenance)

    @property
    def is_usable(self) -> np.ndarray:
        """Whether each of the N people has a usable fit; needs the column `status`."""
        return np.isin(self.array("status"), self.provenance.codes_with_body())


def write_fits(path: str | os.PathLike[str], table: pyarrow.Table, provenance: Provenance) -> None:
    """Write rows made by `fits_table`; the file appears under its name when it is complete.

    Args:
        path: the file; its folder is created if necessary.
        table: the rows.
        provenance: what the fits were made with.
    Raises:
        InputError: the file cannot be written; the message gives the reason, such as a full disk.
    """
    pa, parquet = require_arrow()
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be created ({error.strerror}); choose another folder.") from error
    texts = [field.name for field in table.schema if field.type == pa.string()]
    with atomic_write(path) as file:
        parquet.write_table(
            table.replace_schema_metadata(provenance.metadata()),
            file,
            row_group_size=ROWS_AT_A_TIME,
            compression="zstd",
            use_dictionary=texts,
        )


def fit_files(folder_or_file: str | os.PathLike[str]) -> list[Path]:
    """List the files of fits, in the order of their names: a single file, those in a folder, or those in its subfolder `parquet`.

    Raises:
        InputError: there are none.
    """
    path = Path(folder_or_file)
    if path.is_file():
        return [path]
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    files = sorted(file for file in folder.glob("*.parquet") if not file.name.startswith("."))
    if not files:
        raise InputError(f"{path}: there are no .parquet files; give a file of fits, or a folder of them.")
    return files


def read_fits(
    folder_or_file: str | os.PathLike[str],
    columns: Collection[str] | None = None,
    rows_at_a_time: int = ROWS_AT_A_TIME,
) -> Iterator[FitBatch]:
    """Read fits in batches of rows, in the order of the files' names.

    Args:
        folder_or_file: one file, a folder of them, or the folder above `parquet`.
        columns: the columns to read; all by default.
        rows_at_a_time: maximum size of a batch.
    Yields:
        Batches. Each comes from a single file and so has a single layout.
    Raises:
        InputError: there is nothing to read, or a file is damaged, was not written by this package, or was written by a later version.
    """
    pa, _ = require_arrow()
    for path in fit_files(folder_or_file):
        file, provenance = _open(path)
        with file:
            try:
                for records in file.iter_batches(rows_at_a_time, columns=_stored_columns(file, columns)):
                    yield FitBatch(_with_current_names(records), provenance)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{path}: is damaged ({error}); write it again.") from None


def count_fits(folder_or_file: str | os.PathLike[str]) -> int:
    """Count the rows, reading only the files' footers."""
    total = 0
    for path in fit_files(folder_or_file):
        file, _ = _open(path)
        with file:
            total += file.metadata.num_rows
    return total


def _stored_columns(file: pyarrow.parquet.ParquetFile, columns: Collection[str] | None) -> list[str] | None:
    """The names of these columns in the file, which may be those of an earlier version; None for all columns."""
    if columns is None:
        return None
    old_names = {_current(name): name for name in file.schema_arrow.names}
    return [old_names.get(name, name) for name in columns]


def _with_current_names(records: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """The columns under their current names."""
    pa, _ = require_arrow()
    return pa.RecordBatch.from_arrays(records.columns, names=[_current(name) for name in records.schema.names])


def _current(name: str) -> str:
    """The current name of a column that may have its name from schema version 1."""
    return f"quality_features_{name.removeprefix('evidence_')}" if name.startswith("evidence_") else name


def _open(path: Path) -> tuple[pyarrow.parquet.ParquetFile, Provenance]:
    pa, parquet = require_arrow()
    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({error}); write it again.") from None
    try:
        return file, Provenance.from_metadata(file.schema_arrow.metadata, path)
    except InputError:
        file.close()
        raise
