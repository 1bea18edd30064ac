"""What the pages of a Parquet file ask for, read from their headers: the footer says how much is unpacked, but need not say the truth.

A page is unpacked at once into as much memory as its own header asks for. Headers are structures of Thrift's compact protocol, of which
this reads as much as is needed to find a few numbers.
Source: the definitions `PageHeader` and `Encoding` in parquet.thrift of Apache Parquet, and the compact protocol in Apache Thrift's
documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from smplify_jax.files.budget import check_time

_WINDOWS = (2**9, 2**12, 2**16, 2**20)
"""Bytes that are looked at for a header, one after the other until it is whole; statistics in it may hold texts."""

_UNPACKED, _PACKED = 2, 3
_DATA, _DICTIONARY, _DATA_2 = 5, 7, 8
_NUM_VALUES = 1
_ENCODING = {_DATA: 2, _DICTIONARY: 2, _DATA_2: 4}
"""Fields of a header; those of the kinds of pages are structures of their own."""

_DELTA_BYTE_ARRAY = 7
"""The encoding in which a text says how much of the text before it it begins with."""

_MAX_DEPTH = 4
_MAX_VARINT_BYTES = 10


class DamagedPageError(ValueError):
    """What stands where a page should is none."""


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


def pages_of(read_at: Callable[[int, int], bytes], first: int, num_bytes: int, num_values: int) -> Iterator[Page]:
    """The pages of one column in one group of rows.

    Args:
        read_at: gives bytes of the file, so many from a place on.
        first: place of the first page.
        num_bytes: of all of them.
        num_values: in all of them, after which a reader looks for no further page.
    Raises:
        DamagedPageError: there is none where one should be.
    """
    place, last, num_left = first, first + num_bytes, num_values
    while num_left > 0 and place < last:
        check_time()
        header, length = _header(read_at, place)
        kind = next((kind for kind in _ENCODING if kind in header), None)
        about = {} if kind is None else header[kind]
        page = Page(
            _count(header, _UNPACKED),
            0 if kind is None else _count(about, _NUM_VALUES),
            kind == _DICTIONARY,
            kind is not None and about.get(_ENCODING[kind]) == _DELTA_BYTE_ARRAY,
        )
        yield page
        num_left -= 0 if page.is_dictionary else page.num_values
        place += length + _count(header, _PACKED)


def _count(fields: dict[int, Any], number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value < 0:
        raise DamagedPageError("a page does not say its size")
    return value


def _header(read_at: Callable[[int, int], bytes], place: int) -> tuple[dict[int, Any], int]:
    """The fields of the header at a place, and its length."""
    for size in _WINDOWS:
        compact = _Compact(read_at(place, size))
        try:
            fields = compact.struct()
        except IndexError:
            continue
        return fields, compact.place
    raise DamagedPageError("a page's header does not end")


class _Compact:
    """Reads structures; IndexError where their bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Numbers and structures by the numbers of their fields; None for what is neither."""
        if depth > _MAX_DEPTH:
            raise DamagedPageError("a page's header lies in others")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):  # true and false
            return None
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._pass_over(8)
        if kind == 8:
            return self._pass_over(self._varint())
        if kind == 12:
            return self.struct(depth + 1)
        raise DamagedPageError("a page's header holds what none does")

    def _byte(self) -> int:
        value = self.data[self.place]
        self.place += 1
        return value

    def _pass_over(self, num_bytes: int) -> None:
        self.place += num_bytes
        if self.place > len(self.data):
            raise IndexError

    def _varint(self) -> int:
        value = 0
        for k in range(_MAX_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << (7 * k)
            if byte < 128:
                return value
        raise DamagedPageError("a page's header holds a number that is too long")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
