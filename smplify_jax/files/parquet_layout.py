"""What a Parquet file asks for: its columns, as the footer has them, and their pages, as their own headers have them.

A page is unpacked at once into as much memory as its header asks for, and what the footer says of it need not be true. Arrow is not asked:
it ends the process over some footers (its release 26 over a histogram of the wrong size) where Python asks for what they say of a column.
Source: parquet.thrift of Apache Parquet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from smplify_jax.files.budget import check_time
from smplify_jax.files.thrift import INT32, INT64, LIST, STRUCT, Compact, DamagedThriftError, count_of, value_of

DELTA_BYTE_ARRAY = 7
"""The encoding in which a text says how much of the text before it it begins with."""

_MAGIC, _FOOTER_LENGTH_BYTES = b"PAR1", 4

_ROW_GROUPS = 4
_CHUNKS, _NUM_ROWS = 1, 3
_ABOUT = 3
_ENCODINGS, _NUM_CHUNK_VALUES, _PACKED_CHUNK, _DATA_PLACE, _DICTIONARY_PLACE = 2, 5, 7, 9, 11
"""Fields of the footer, of a group of rows, and of a column in it."""

_UNPACKED, _PACKED = 2, 3
_DATA, _DICTIONARY, _DATA_2 = 5, 7, 8
_NUM_VALUES = 1
_ENCODING = {_DATA: 2, _DICTIONARY: 2, _DATA_2: 4}
"""Fields of a page's header; those of the kinds of pages are structures of their own."""

_WINDOWS = (2**9, 2**12, 2**16, 2**20)
"""Bytes that are looked at for a header, one after the other until it is whole; statistics in it may hold texts."""

_SURPLUS = 100
"""Bytes that some old writers forgot to count in a column's length, and that Arrow reads therefore."""

ReadAt = Callable[[int, int], bytes]
"""Gives bytes of a file, from a place on, so many."""


@dataclass(frozen=True)
class Chunk:
    """A column in one group of rows, as the footer has it.

    Attributes:
        encodings: numbers of those of its pages.
        num_values: in it.
        first, num_bytes: its place in the file.
    """

    encodings: tuple[int, ...]
    num_values: int
    first: int
    num_bytes: int


@dataclass(frozen=True)
class RowGroup:
    """A group of rows, and its columns in the order of the schema, by which a reader knows them, whatever names they say."""

    num_rows: int
    chunks: tuple[Chunk, ...]


class Page(NamedTuple):
    """What a page's header says.

    Attributes:
        num_bytes: unpacked.
        num_values: in it; nulls count.
        is_dictionary: whether its values stand for any number of others.
        is_delta: whether its texts begin with parts of those before them, which take no bytes.
    """

    num_bytes: int
    num_values: int
    is_dictionary: bool = False
    is_delta: bool = False


def row_groups_of(file: BinaryIO) -> list[RowGroup]:
    """The groups of rows, in their order.

    Raises:
        DamagedThriftError: the footer is none.
    """
    size = file.seek(0, os.SEEK_END)
    tail = len(_MAGIC) + _FOOTER_LENGTH_BYTES
    file.seek(max(0, size - tail))
    end = file.read(tail)
    length = int.from_bytes(end[:_FOOTER_LENGTH_BYTES], "little")
    if not end.endswith(_MAGIC) or length > size - tail:
        raise DamagedThriftError("its footer is none")
    file.seek(size - tail - length)
    try:
        footer = Compact(file.read(length)).struct()
    except IndexError:
        raise DamagedThriftError("its footer is cut off") from None
    return [_row_group(_structure(group)) for group in value_of(footer, _ROW_GROUPS, LIST)]


def _row_group(fields: dict[int, Any]) -> RowGroup:
    abouts = [value_of(_structure(chunk), _ABOUT, STRUCT) for chunk in value_of(fields, _CHUNKS, LIST)]
    return RowGroup(count_of(fields, _NUM_ROWS, INT64), tuple(map(_chunk, abouts)))


def _chunk(about: dict[int, Any]) -> Chunk:
    encodings = value_of(about, _ENCODINGS, LIST)
    if not all(isinstance(one, int) for one in encodings):
        raise DamagedThriftError("a column does not say its encodings")
    first = count_of(about, _DATA_PLACE, INT64)
    dictionary = count_of(about, _DICTIONARY_PLACE, INT64) if _DICTIONARY_PLACE in about else 0
    return Chunk(
        tuple(encodings),
        count_of(about, _NUM_CHUNK_VALUES, INT64),
        min(first, dictionary) if dictionary else first,
        count_of(about, _PACKED_CHUNK, INT64),
    )


def _structure(value: Any) -> dict[int, Any]:
    if not isinstance(value, dict):
        raise DamagedThriftError("its footer holds what none does")
    return value


def pages_of(read_at: ReadAt, chunk: Chunk) -> Iterator[Page]:
    """The pages of a column in one group of rows.

    Raises:
        DamagedThriftError: there is none where one should be.
    """
    place, last, num_left = chunk.first, chunk.first + chunk.num_bytes + _SURPLUS, chunk.num_values
    while num_left > 0 and place < last:
        check_time()
        header, length = _header(read_at, place)
        kind = next((kind for kind in _ENCODING if kind in header), None)
        num_values, encoding = 0, None
        if kind is not None:
            about = value_of(header, kind, STRUCT)
            num_values, encoding = count_of(about, _NUM_VALUES, INT32), value_of(about, _ENCODING[kind], INT32)
        num_bytes = count_of(header, _UNPACKED, INT32)
        yield Page(num_bytes, num_values, kind == _DICTIONARY, encoding == DELTA_BYTE_ARRAY)
        num_left -= 0 if kind == _DICTIONARY else num_values
        place += length + count_of(header, _PACKED, INT32)


def _header(read_at: ReadAt, place: int) -> tuple[dict[int, Any], int]:
    """The fields of the header at a place, and its length."""
    for size in _WINDOWS:
        compact = Compact(read_at(place, size))
        try:
            fields = compact.struct()
        except IndexError:
            continue
        return fields, compact.place
    raise DamagedThriftError("a page's header does not end")
