"""Read JSON of any size value by value: never more in memory than one record and a block of text.

Python's own decoder does the work, on a window of the file. Packages for this (ijson) refuse the
NaN and Infinity that Python's `json.dump` writes, so that one missing score would cost the rest of the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from smplify_jax.files.budget import budget, check_time, to_raise
from smplify_jax.files.plain import opened_text
from smplify_jax.keypoints.formats.reading import DamagedFileError

BLOCK_LENGTH = 2**18
"""Characters read at a time."""

_MAX_TOKEN_LENGTH = 16
"""The longest piece that a window's edge can spoil, other than a string: "-Infinity", an escape in a string, the point of a number."""

_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder()

_MAX_DIGITS = 1000
_DECODER_OF_HUGE_NUMBERS = json.JSONDecoder(parse_int=lambda text: int(text) if len(text) <= _MAX_DIGITS else math.inf)
"""Much slower, and therefore for the records alone that Python's own refuses: one with thousands of digits costs no other record."""


class JsonStream:
    """The values of a JSON text, one after another.

    Each method takes the value that comes next; `items` and `members` go into it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._place = 0
        self._is_at_end = False

    def peek(self) -> str:
        """The next character that is no space, "" at the end of the file."""
        while True:
            while self._place < len(self._text):
                character = self._text[self._place]
                if character not in _SPACE:
                    return character
                self._place += 1
            if not self._read_more():
                return ""

    def value(self) -> Any:
        """The next value, whole.

        Raises:
            DamagedFileError: there is none, it is damaged or cut off, or longer than the budget allows.
        """
        self.peek()
        while True:
            try:
                value, end = self._decoded()
            except json.JSONDecodeError as error:
                damage = _damaged(error.msg)
                if not self._may_be_cut_off(error):
                    raise damage from error
            except (ValueError, RecursionError) as error:  # thousands of brackets
                raise _damaged(error) from error
            else:
                # A number near the window's edge may go on behind it.
                length = end - self._place
                if len(self._text) - end > _MAX_TOKEN_LENGTH or not self._read_more():
                    self._place += length
                    return value
                continue
            # Here, where Python's error no longer holds the window.
            if not self._read_more():
                raise damage

    def _decoded(self) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, self._place)
        except json.JSONDecodeError:
            raise
        except ValueError:
            return _DECODER_OF_HUGE_NUMBERS.raw_decode(self._text, self._place)

    def items(self) -> Iterator[Any]:
        """The values of the list that comes next, each whole."""
        self._take("[")
        if self._takes("]"):
            return
        while True:
            yield self.value()
            if self._takes("]"):
                return
            self._take(",")

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next; whoever gets a key takes its value, by `value`, `items` or `skip`."""
        self._take("{")
        if self._takes("}"):
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise _damaged(f"a key is of type {type(key).__name__}")
            self._take(":")
            yield key
            if self._takes("}"):
                return
            self._take(",")

    def skip(self) -> None:
        """Pass over the next value, a list or an object piece by piece."""
        if self.peek() == "[":
            for _ in self.items():
                pass
        elif self.peek() == "{":
            for _ in self.members():
                self.value()
        else:
            self.value()

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether the window's end may be what is wrong, and not the text."""
        is_at_edge = len(self._text) - error.pos <= _MAX_TOKEN_LENGTH
        return is_at_edge or error.msg.startswith("Unterminated string")

    def _takes(self, character: str) -> bool:
        """Whether the next character is this one, which is then passed."""
        if self.peek() != character:
            return False
        self._place += 1
        return True

    def _take(self, character: str) -> None:
        if not self._takes(character):
            raise _damaged(f"expected '{character}' and found {self.peek()!r}")

    def _read_more(self) -> bool:
        """Lengthen the window; False at the end of the file."""
        if self._is_at_end:
            return False
        check_time()
        rest = self._text[self._place :]
        if len(rest) > budget().value_letters:
            raise _damaged(
                f"a value does not end within {budget().value_letters} letters ({to_raise('value_letters')})"
            )
        self._text, self._place = rest, 0  # not the old window, the rest and what is read at once
        # As much again as there is: a value that needs many windows is then parsed again few times.
        try:
            more = self._file.read(max(BLOCK_LENGTH, len(rest)))
        except (OSError, ValueError) as error:  # ValueError: not UTF-8
            raise _damaged(error) from error
        if not more:
            self._is_at_end = True
            return False
        self._text = rest + more
        return True


@contextmanager
def opened_json(path: Path) -> Iterator[JsonStream]:
    """The stream of a file.

    Raises:
        InputError: the file cannot be opened.
    """
    # Bytes that are not UTF-8 cost the record that they are in.
    with opened_text(path, errors="surrogateescape") as file:
        yield JsonStream(file)


def stream_list(path: Path, key: str | None = None) -> Iterator[tuple[str, Any]]:
    """Position and value of each item of a file's list, or of the list under a key of its object.

    Raises:
        InputError: the file cannot be opened.
        DamagedFileError: from the item on that cannot be read.
    """
    with opened_json(path) as stream:
        if key is None:
            yield from _counted(stream, "")
            return
        for member in stream.members():
            if member != key:
                stream.skip()
                continue
            if stream.peek() != "[":
                raise DamagedFileError(f"'{key}' is no list", key)
            yield from _counted(stream, key)
            return


def read_members(path: Path, keys: Container[str]) -> dict[str, Any]:
    """What the object of a file has under these keys; all other members are passed over, piece by piece.

    Where the file is damaged, what comes before the damage: reading the rest reports it.

    Raises:
        InputError: the file cannot be opened.
    """
    members: dict[str, Any] = {}
    with opened_json(path) as stream:
        try:
            for key in stream.members():
                if key in keys:
                    members[key] = stream.value()
                else:
                    stream.skip()
        except DamagedFileError:
            pass
    return members


def _counted(stream: JsonStream, prefix: str) -> Iterator[tuple[str, Any]]:
    number = 0
    items = stream.items()
    while True:
        position = f"{prefix}[{number}]"
        try:
            item = next(items)
        except StopIteration:
            return
        except DamagedFileError as error:
            raise DamagedFileError(f"{error}; nothing after it is read", position) from error
        yield position, item
        number += 1


def _damaged(reason: object) -> DamagedFileError:
    lines = str(reason).splitlines()
    return DamagedFileError(f"damaged or cut-off JSON ({lines[0] if lines else reason!r})")
