"""All choices of a fuzzed input come from one string of bytes: it replays the input, and a coverage-guided fuzzer can steer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np

T = TypeVar("T")

MAX_LENGTH = 192
"""Bytes; a file is seldom changed in more places than these choose."""


class Choices:
    """Draws from a string of bytes. When it is used up, every draw is the first possibility, which always stands for "unchanged"."""

    def __init__(self, data: bytes) -> None:
        """Start at the beginning of the bytes."""
        self._data, self._place = data, 0

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        if limit < 2:
            return 0
        num_bytes = (int(limit - 1).bit_length() + 7) // 8
        drawn = self._data[self._place : self._place + num_bytes]
        self._place += num_bytes
        return int.from_bytes(drawn, "little") % limit

    def one_in(self, count: int) -> bool:
        """True for one of `count` possibilities; false when the bytes are used up."""
        return self.below(count) == count - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def place_in(self, length: int) -> int:
        """A place in a sequence; in one of two draws near its beginning, where headers lie."""
        place = self.below(max(1, length))
        return place * place // max(1, length) if self.one_in(2) else place

    def generator(self) -> np.random.Generator:
        """A generator of random numbers."""
        return np.random.default_rng(self.below(2**32))


def drawn_bytes(seed: int, target: str, number: int) -> bytes:
    """The bytes of input `number` of a target where nothing guides the fuzzer."""
    generator = np.random.default_rng([seed, crc32(target.encode()), number])
    return generator.bytes(int(generator.integers(8, MAX_LENGTH)))
