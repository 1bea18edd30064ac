"""Fits in Parquet files: each is written completely or not at all, and read a few thousand rows at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smplify_jax.datasets.provenance import Provenance
from smplify_jax.datasets.track_columns import TRACK_COLUMNS, track_types
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.budget import ReadingTime, TimeIsUpError
from smplify_jax.files.parquet import MAX_TEXT_BYTES, DamagedParquetError, ParquetReader, open_parquet
from smplify_jax.files.printable import printable

if TYPE_CHECKING:
    import pyarrow

FOLDER = "parquet"
"""Name of a job's subfolder for its files: DIR/parquet/NAME.parquet."""

ROWS_AT_A_TIME = 4096
"""About 6 MB of fits."""


_NUMBER_TYPES, _TRACK_TYPES = ("float", "int8", "int32"), ("int64", "double")
"""Arrow's names of the types that `write_fits` gives numbers, and those of TRACK_COLUMNS."""

_ALWAYS_FINITE = ("betas", "global_orient", "body_pose", "transl", "joints", "focal_length", "camera_center")


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
        """A numeric column: (N,), or (N, L) for lists; NaN for null.

        Raises:
            InputError: it was not read, the file has no such column, or one of another type than `write_fits` gives it.
        """
        column = self._column(name)
        is_list = hasattr(column.type, "value_field")
        values = column.flatten() if is_list else column
        is_whole = not is_list or (
            not column.null_count and not values.null_count and len(values) % max(1, len(self)) == 0
        )
        types = _TRACK_TYPES if name in TRACK_COLUMNS else _NUMBER_TYPES
        if str(values.type) not in types or not is_whole:
            raise InputError(
                f"the column {name!r} of fits holds {printable(str(column.type))}, or lists that are missing or of several lengths, as no "
                "file of fits: write it again."
            )
        numbers = values.to_numpy(zero_copy_only=False)
        return numbers.reshape(len(self), -1 if len(self) else 0) if is_list else numbers

    def points(self, name: str, num_numbers: int) -> np.ndarray:
        """A column of K points of `num_numbers` numbers each: (N, K, num_numbers); errors as of `array`."""
        return self.array(name).reshape(len(self), -1, num_numbers)

    def texts(self, name: str) -> list[str | None]:
        """A column of N texts; None where the text is not known; errors as of `array`."""
        column = self._column(name)
        texts: list[Any]
        try:
            texts = column.to_pylist()
        except UnicodeDecodeError:
            texts = [b""]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise InputError(f"the column {name!r} of fits holds what is no text, as no file of fits: write it again.")
        return texts

    def _column(self, name: str) -> pyarrow.Array:
        if name not in self.records.schema.names:
            raise InputError(
                f"there is no column {name!r} in these fits: it was not read, or the release that wrote them did not know it; they have "
                f"{', '.join(self.records.schema.names)}."
            )
        return self.records.column(name)

    def of(self, is_wanted: np.ndarray) -> FitBatch:
        """The people whose entry in the (N,) mask is true."""
        if is_wanted.all():
            return self
        pa, _ = require_arrow()
        return FitBatch(self.records.filter(pa.array(is_wanted)), self.provenance)

    @property
    def is_usable(self) -> np.ndarray:
        """Whether each of the N people has a usable fit; needs the column `status`.

        Raises:
            InputError: somebody has, and their body's numbers, as far as they were read, are not finite.
        """
        is_usable = np.isin(self.array("status"), self.provenance.codes_with_body())
        for name in _ALWAYS_FINITE:
            if name in self.records.schema.names and not np.isfinite(self.array(name)[is_usable]).all():
                raise InputError(
                    f"the column {name!r} of fits holds numbers that are not finite for somebody who has a body: the file is damaged, "
                    "fit again."
                )
        return is_usable


def write_fits(path: str | os.PathLike[str], table: pyarrow.Table, provenance: Provenance) -> None:
    """Write rows made by `fits_table`; the file appears under its name when it is complete.

    Args:
        path: the file; its folder is created if necessary.
        table: the rows.
        provenance: what the fits were made with.
    Raises:
        InputError: the file cannot be written; the message gives the reason, such as a full disk.
    """
    content, path = fits_bytes(table, provenance), Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be created ({error.strerror}); choose another folder.") from error
    with atomic_write(path) as file:
        file.write(content)


def fits_bytes(table: pyarrow.Table, provenance: Provenance) -> bytes:
    """The content of a file of fits."""
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
        columns: the columns to read; all by default. Of `quality_features_...` and TRACK_COLUMNS, those that an older file lacks are null.
        rows_at_a_time: maximum size of a batch.
    Yields:
        Batches. Each comes from a single file and so has a single layout.
    Raises:
        InputError: there is nothing to read, or a file is damaged, asks for more than the budget (`files.budget`) allows, was not written
            by this package, or was written by a later version.
    """
    for path in fit_files(folder_or_file):
        with _opened(path) as (file, provenance):
            records = _regrouped(_records(file, path, rows_at_a_time, columns), rows_at_a_time)
            for batch in ReadingTime(path).over(records):
                yield FitBatch(batch, provenance)


def count_fits(folder_or_file: str | os.PathLike[str]) -> int:
    """Count the rows, reading only the files' footers."""
    total = 0
    for path in fit_files(folder_or_file):
        with _opened(path) as (file, _):
            total += file.num_rows
    return total


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """The provenance of a file of fits.

    Raises:
        InputError: it is not a file of fits.
    """
    with _opened(Path(path)) as (_, provenance):
        return provenance


def _records(
    file: ParquetReader, path: Path, num_rows: int, columns: Collection[str] | None
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a file, with the current names of their columns.

    Raises:
        InputError: they cannot be read.
    """
    pa, _ = require_arrow()
    old_names = {_current(name): name for name in file.schema.names}
    stored = None if columns is None else [old_names.get(name, name) for name in columns]
    lacking = {
        name: _type_of_lacking(name)
        for name in columns or ()
        if name not in old_names and (name.startswith(_FEATURES) or name in TRACK_COLUMNS)
    }
    try:
        for rows in file.batches(num_rows, stored):
            for name in rows.too_long:
                raise InputError(
                    f"{path}: holds a text of more than {MAX_TEXT_BYTES} bytes in {name!r}, as no file of fits."
                )
            unknown = [pa.nulls(rows.records.num_rows, type_) for type_ in lacking.values()]
            names = [_current(name) for name in rows.records.schema.names]
            yield pa.RecordBatch.from_arrays([*rows.records.columns, *unknown], names=[*names, *lacking])
    except DamagedParquetError as error:
        raise InputError(f"{path}: {error}; write it again.") from None
    except TimeIsUpError as error:
        raise InputError(f"{path}: {error}") from None


def _regrouped(batches: Iterator[pyarrow.RecordBatch], num_rows: int) -> Iterator[pyarrow.RecordBatch]:
    """Batches of so many rows, and one of what is left, wherever the groups of rows in a file end."""
    pa, _ = require_arrow()
    kept: list[pyarrow.RecordBatch] = []
    for batch in batches:
        kept.append(batch)
        if sum(map(len, kept)) >= num_rows:
            whole = kept if len(kept) == 1 else pa.Table.from_batches(kept).combine_chunks().to_batches()
            *complete, last = [piece for one in whole for piece in _pieces(one, num_rows)]
            yield from complete
            kept = [last]
            if len(last) == num_rows:
                yield last
                kept = []
    yield from pa.Table.from_batches(kept).combine_chunks().to_batches() if len(kept) > 1 else kept


def _pieces(batch: pyarrow.RecordBatch, num_rows: int) -> list[pyarrow.RecordBatch]:
    return [batch.slice(first, num_rows) for first in range(0, len(batch), num_rows)]


_FEATURES, _OLD_FEATURES = "quality_features_", "evidence_"
"""How the names of the quality features' columns begin, now and in schema version 1."""


def _type_of_lacking(name: str) -> pyarrow.DataType:
    """The type of a column that older files lack."""
    pa, _ = require_arrow()
    return track_types()[name] if name in TRACK_COLUMNS else pa.float32()


def _current(name: str) -> str:
    """The current name of a column that may have its name from schema version 1."""
    return f"{_FEATURES}{name.removeprefix(_OLD_FEATURES)}" if name.startswith(_OLD_FEATURES) else name


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ParquetReader, Provenance]]:
    """An open file of fits.

    Raises:
        InputError: it is none, or cannot be read.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_parquet(path))
        except DamagedParquetError as error:
            raise InputError(f"{path}: is not a readable Parquet file ({error}); write it again.") from None
        yield file, Provenance.from_metadata(file.metadata, path)
