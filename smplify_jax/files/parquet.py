"""Read Parquet files a few rows at a time, and never more of them at once than the budget allows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.budget import Allowance, check_limit, check_time
from smplify_jax.files.parquet_pages import DamagedPageError, pages_of
from smplify_jax.files.plain import open_plain, size_of

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

MAX_TEXT_BYTES = 2**14
"""Of one text: 4096 letters, as many as a path may have. A text is repeated at the cost of a few bits, and takes all of its bytes again."""

_VALUE_BYTES = 8
_MAX_FIXED_BYTES = 32
"""Of a value whose type says its length: numbers of 128 and 256 bits are stored so."""

_DELTA = "DELTA_BYTE_ARRAY"

_REPEATED_BYTES = 2**24
"""What texts that repeat each other may take at once."""


class DamagedParquetError(InputError):
    """The rest of a file cannot be read; what came before it counts."""


@dataclass(frozen=True, eq=False)
class ParquetRows:
    """Some rows.

    Attributes:
        records: the rows; texts that are too long are null.
        too_long: the numbers of the rows where that is so, by column.
    """

    records: pyarrow.RecordBatch
    too_long: dict[str, np.ndarray]


class ParquetReader:
    """An open file.

    Attributes:
        schema: of its columns.
        metadata: what its writer says of it.
        num_rows: that it says it has.
    """

    def __init__(self, path: Path, file: BinaryIO, pages: BinaryIO) -> None:
        """Read the footer of a file that is opened twice: Arrow moves the place in one of them when it likes."""
        _, parquet = require_arrow()
        self._path, self._file, self._pages = path, file, pages
        about = parquet.ParquetFile(file)
        self.metadata: dict[bytes, bytes] = about.schema_arrow.metadata or {}
        self.schema: pyarrow.Schema = about.schema_arrow
        self.num_rows: int = about.metadata.num_rows
        self._about = about.metadata
        leaves = [about.schema.column(k) for k in range(len(about.schema))]
        self._leaves = {leaf.path: leaf for leaf in leaves}
        texts = {leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and not _is_nested(leaf)}
        self._written_out = {name for name in texts if self._is_delta(name)}
        # As places in a list of the texts that differ, so that repeated ones are seen before they are written out. Arrow cannot do that
        # with texts that begin with parts of others.
        places = sorted(texts - self._written_out)
        self._parquet = parquet.ParquetFile(file, metadata=about.metadata, read_dictionary=places)
        self._allowance = Allowance(size_of(file), in_pieces=True)

    def batches(self, num_rows: int, columns: Collection[str] | None = None) -> Iterator[ParquetRows]:
        """The rows, at most so many at a time.

        Args:
            num_rows: of a batch; fewer where a group of rows ends, or texts would take too much.
            columns: their names, as far as the file has them; None for all.
        Raises:
            InputError: the file asks for too much, or for what no reader here needs.
            DamagedParquetError: from the rows on that cannot be read.
        """
        pa, _ = require_arrow()
        wanted = [name for name in self.schema.names if columns is None or name in columns]
        self._check_columns(wanted)
        try:
            for group in range(self._about.num_row_groups):
                num_at_once = min(num_rows, self._num_rows_at_once(group, wanted))
                for records in self._parquet.iter_batches(num_at_once, row_groups=[group], columns=wanted):
                    check_time()
                    yield _with_texts(records)
        except (pa.ArrowException, OSError, DamagedPageError) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            raise DamagedParquetError(f"damaged or cut-off Parquet ({lines[0]})") from error

    def _check_columns(self, columns: list[str]) -> None:
        """Compare what the footer says of columns with the file's size, before anything is unpacked.

        Raises:
            InputError: they ask for too much, for too much at once, or hold lists of texts.
        """
        try:
            for path, leaf in self._leaves.items():
                if path.split(".")[0] not in columns:
                    continue
                if leaf.physical_type == "BYTE_ARRAY" and _is_nested(leaf):
                    raise InputError(f"the column {path!r} holds lists of texts; expected texts, or numbers")
                if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" and leaf.length > _MAX_FIXED_BYTES:
                    raise InputError(f"the column {path!r} holds values of {leaf.length} bytes; expected numbers")
            for name in columns:
                num_numbers = getattr(self.schema.field(name).type, "list_size", 0)
                check_limit(_VALUE_BYTES * num_numbers, "row_bytes", "the bytes of one person are")
            allowance = Allowance(size_of(self._file), in_pieces=True)
            for group in range(self._about.num_row_groups):
                chunks = self._chunks(group, columns)
                num_values = [chunk.num_values for chunk in chunks]
                allowance.charge(_VALUE_BYTES * sum(num_values))
                num_rows = max(1, self._about.row_group(group).num_rows)
                bytes_of_row = _VALUE_BYTES * max(num_values, default=0) // num_rows
                check_limit(bytes_of_row, "row_bytes", "the bytes of one person are")
        except InputError as error:
            raise InputError(f"'{self._path}': {error}") from None

    def _num_rows_at_once(self, group: int, columns: list[str]) -> int:
        """How many rows of a group can be unpacked together, what their pages ask for being allowed.

        Raises:
            DamagedParquetError: it is not.
        """
        longest = 1
        try:
            for chunk in self._chunks(group, columns):
                places = [place for place in (chunk.dictionary_page_offset, chunk.data_page_offset) if place]
                if not places:
                    raise DamagedPageError("a column does not say where it begins")
                for page in pages_of(self._read_at, min(places), chunk.total_compressed_size, chunk.num_values):
                    self._allowance.charge(max(page.num_bytes, _VALUE_BYTES * page.num_values))
                    may_repeat = page.is_delta or (page.is_dictionary and chunk.path_in_schema in self._written_out)
                    longest = max(longest, page.num_bytes if may_repeat else 1)
        except InputError as error:
            raise DamagedParquetError(str(error)) from None
        return max(1, _REPEATED_BYTES // longest)

    def _is_delta(self, column: str) -> bool:
        """Whether the footer says that some texts of a column begin with parts of others."""
        groups = range(self._about.num_row_groups)
        chunks = [chunk for group in groups for chunk in self._chunks(group, [column])]
        return any(_DELTA in chunk.encodings for chunk in chunks)

    def _chunks(self, group: int, columns: list[str]) -> list[Any]:
        about = self._about.row_group(group)
        chunks = (about.column(k) for k in range(about.num_columns))
        return [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns]

    def _read_at(self, place: int, num_bytes: int) -> bytes:
        self._pages.seek(place)
        return self._pages.read(num_bytes)


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetReader]:
    """Open a Parquet file.

    Raises:
        InputError: pyarrow is not installed, or it is no plain file that can be read.
        DamagedParquetError: it is no Parquet file, or damaged.
    """
    pa, _ = require_arrow()
    with open_plain(path, "a Parquet file") as file, open_plain(path, "a Parquet file") as pages:
        try:
            reader = ParquetReader(path, file, pages)
        except (pa.ArrowException, OSError) as error:
            raise DamagedParquetError(f"damaged or cut-off Parquet ({str(error).splitlines()[0]})") from error
        yield reader


def _is_nested(leaf: Any) -> bool:
    return "." in leaf.path or leaf.max_repetition_level > 0


def _with_texts(records: pyarrow.RecordBatch) -> ParquetRows:
    """The rows with texts in place of places in a list of them."""
    pa, _ = require_arrow()
    columns, too_long = [], {}
    for name, column in zip(records.schema.names, records.columns, strict=True):
        if isinstance(column, pa.DictionaryArray):
            column, is_long = _written_out(column.dictionary, column.indices)
        elif pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            column, is_long = _written_out(column, pa.array(np.arange(len(column), dtype=np.int32)))
        else:
            is_long = _NOBODY
        if len(is_long):
            too_long[name] = is_long
        columns.append(column)
    return ParquetRows(pa.RecordBatch.from_arrays(columns, names=records.schema.names), too_long)


_NOBODY = np.zeros(0, np.int64)


def _written_out(texts: pyarrow.Array, places: pyarrow.Array) -> tuple[pyarrow.Array, np.ndarray]:
    """The text at each place, null where it is too long, and where that is so."""
    pa, _ = require_arrow()
    pc: Any = import_module("pyarrow.compute")
    is_long = pc.greater(pc.binary_length(texts), MAX_TEXT_BYTES)
    if not pc.any(is_long).as_py():
        return texts.take(places), _NOBODY
    # By `take`, which checks that a place is one.
    is_long_here = pc.fill_null(is_long.take(places), False)
    places = pc.if_else(is_long_here, pa.scalar(None, places.type), places)
    return texts.take(places), np.flatnonzero(is_long_here.to_numpy(zero_copy_only=False))
