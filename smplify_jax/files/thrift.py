"""Read structures of Thrift's compact protocol, in which Parquet says what a file holds.

Source: the compact protocol in Apache Thrift's documentation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from smplify_jax.files.budget import check_time

BYTE, INT16, INT32, INT64, BINARY, LIST, STRUCT = 3, 4, 5, 6, 8, 9, 12
_TRUE, _FALSE, _DOUBLE, _SET = 1, 2, 7, 10

_MAX_DEPTH = 8
_MAX_VARINT_BYTES = 10


class DamagedThriftError(ValueError):
    """The bytes are no structure, or one without what it must have."""


class Field(NamedTuple):
    """A value and the number of its type."""

    kind: int
    value: Any


Fields = dict[int, Field]
"""A structure: its fields by their numbers."""


def value_of(fields: Fields, number: int, kind: int) -> Any:
    """The value of a field.

    Raises:
        DamagedThriftError: there is none, or it is of another type, and whoever reads it by its type would not see it.
    """
    field = fields.get(number)
    if field is None or field.kind != kind:
        raise DamagedThriftError(f"its field {number} is missing")
    return field.value


def count_of(fields: Fields, number: int, kind: int) -> int:
    """The value of a field that is a number of things; errors as of `value_of`, and where it is negative."""
    value = value_of(fields, number, kind)
    if value < 0:
        raise DamagedThriftError(f"its field {number} is negative")
    return value


class Compact:
    """Bytes that structures are read from, one after the other; IndexError where the bytes end too early.

    Attributes:
        place: of the next byte.
    """

    def __init__(self, data: bytes) -> None:
        self.place = 0
        self._data = data

    def struct(self, depth: int = 0) -> Fields:
        """The next structure."""
        if depth > _MAX_DEPTH:
            raise DamagedThriftError("its structures are too deep in each other")
        check_time()
        fields: Fields = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            if number in fields:
                raise DamagedThriftError(f"its field {number} comes twice")
            fields[number] = Field(kind, None if kind in (_TRUE, _FALSE) else self._value(kind, depth))
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (INT16, INT32, INT64):
            return self._signed()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, _SET):
            return self._list(depth)
        if kind in (BYTE, _TRUE, _FALSE):
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise DamagedThriftError("it holds a value of no known type")

    def _list(self, depth: int) -> list[Any]:
        if depth > _MAX_DEPTH:
            raise DamagedThriftError("its lists are too deep in each other")
        head = self._byte()
        length = head >> 4 if head >> 4 < 15 else self._varint()
        # Each takes a byte at least, so that a length that is a lie ends with the bytes.
        return [self._value(head & 15, depth + 1) for _ in range(length)]

    def _byte(self) -> int:
        value = self._data[self.place]
        self.place += 1
        return value

    def _bytes(self, length: int) -> bytes:
        first, self.place = self.place, self.place + length
        if self.place > len(self._data):
            raise IndexError
        return self._data[first : self.place]

    def _varint(self) -> int:
        value = 0
        for k in range(_MAX_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << (7 * k)
            if byte < 128:
                return value
        raise DamagedThriftError("it holds a number that is too long")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
