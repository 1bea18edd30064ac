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
from smplify_jax.files.parquet_layout import DELTA_BYTE_ARRAY, Chunk, RowGroup, pages_of, row_groups_of
from smplify_jax.files.plain import open_plain, size_of
from smplify_jax.files.printable import printable
from smplify_jax.files.thrift import DamagedThriftError

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

MAX_TEXT_BYTES = 2**14
"""Of one text: 4096 letters, as many as a path may have. A text is repeated at the cost of a few bits, and takes all of its bytes again."""

_VALUE_BYTES = 8
_MAX_FIXED_BYTES = 32
"""Of a value whose type says its length: numbers of 128 and 256 bits are stored so."""

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
        self._leaves = [about.schema.column(k) for k in range(len(about.schema))]
        self._row_groups = row_groups_of(pages)
        if any(len(group.chunks) != len(self._leaves) for group in self._row_groups):
            raise DamagedThriftError("a group of rows has other columns than the file")
        texts = {leaf.path for leaf in self._leaves if leaf.physical_type == "BYTE_ARRAY" and not _is_nested(leaf)}
        chunks = [pair for group in self._row_groups for pair in zip(self._leaves, group.chunks, strict=True)]
        self._written_out = texts & {leaf.path for leaf, chunk in chunks if DELTA_BYTE_ARRAY in chunk.encodings}
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
            for number, group in enumerate(self._row_groups):
                num_at_once = min(num_rows, self._num_rows_at_once(group, wanted))
                for records in self._parquet.iter_batches(num_at_once, row_groups=[number], columns=wanted):
                    check_time()
                    yield _with_texts(records)
        except (pa.ArrowException, OSError, DamagedThriftError) as error:
            raise _damaged(error) from error

    def _check_columns(self, columns: list[str]) -> None:
        """Compare what the footer says of columns with the file's size, before anything is unpacked.

        Raises:
            InputError: they ask for too much, for too much at once, or hold lists of texts.
        """
        try:
            for leaf in self._leaves:
                if not _is_of(leaf, columns):
                    continue
                if leaf.physical_type == "BYTE_ARRAY" and _is_nested(leaf):
                    raise InputError(f"the column {leaf.path!r} holds lists of texts; expected texts, or numbers")
                if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" and leaf.length > _MAX_FIXED_BYTES:
                    raise InputError(f"the column {leaf.path!r} holds values of {leaf.length} bytes; expected numbers")
            for name in columns:
                if columns.count(name) > 1:
                    raise InputError(f"there are {columns.count(name)} columns {name!r}; expected one")
                num_numbers = getattr(self.schema.field(name).type, "list_size", 0)
                check_limit(_VALUE_BYTES * num_numbers, "row_bytes", "the bytes of one person are")
            allowance = Allowance(size_of(self._file), in_pieces=True)
            for group in self._row_groups:
                num_values = [chunk.num_values for _, chunk in self._chunks(group, columns)]
                allowance.charge(_VALUE_BYTES * sum(num_values))
                bytes_of_row = _VALUE_BYTES * max(num_values, default=0) // max(1, group.num_rows)
                check_limit(bytes_of_row, "row_bytes", "the bytes of one person are")
        except InputError as error:
            raise InputError(f"'{self._path}': {error}") from None

    def _num_rows_at_once(self, group: RowGroup, columns: list[str]) -> int:
        """How many rows of a group can be unpacked together, what their pages ask for being allowed.

        Raises:
            DamagedParquetError: it is not.
        """
        longest = 1
        try:
            for leaf, chunk in self._chunks(group, columns):
                longest = max(longest, self._longest_repeated(chunk, leaf.path in self._written_out))
        except InputError as error:
            raise DamagedParquetError(str(error)) from None
        return max(1, _REPEATED_BYTES // longest)

    def _chunks(self, group: RowGroup, columns: list[str]) -> list[tuple[Any, Chunk]]:
        """These columns of a group of rows, each with what the schema says of it."""
        pairs = zip(self._leaves, group.chunks, strict=True)
        return [(leaf, chunk) for leaf, chunk in pairs if _is_of(leaf, columns)]

    def _longest_repeated(self, chunk: Chunk, is_written_out: bool) -> int:
        """Bytes that a text can have at most that takes fewer in its page; 1 if there is none."""
        longest = 1
        for page in pages_of(self._read_at, chunk):
            self._allowance.charge(max(page.num_bytes, _VALUE_BYTES * page.num_values))
            may_repeat = page.is_delta or (page.is_dictionary and is_written_out)
            longest = max(longest, page.num_bytes if may_repeat else 1)
        return longest

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
        except (pa.ArrowException, OSError, DamagedThriftError, UnicodeDecodeError) as error:
            raise _damaged(error) from error
        yield reader


def _damaged(error: Exception) -> DamagedParquetError:
    lines = str(error).splitlines() or [type(error).__name__]
    return DamagedParquetError(f"damaged or cut-off Parquet ({printable(lines[0])})")


def _is_of(leaf: Any, columns: list[str]) -> bool:
    """Whether it is read with these columns; a column's own name may have points in it."""
    return any(leaf.path == name or leaf.path.startswith(f"{name}.") for name in columns)


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
