"""What a fuzzed target is: something that reads, and valid inputs to begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.containers import change_file

Read = Callable[[Path, Choices], bool]
"""Reads a file, and returns whether it accepted anything in it; raises InputError if nothing."""


@dataclass(frozen=True)
class Prepared:
    """A target that is ready to be fuzzed.

    Attributes:
        num_valid: valid inputs: with the single byte k for its choices, input k is one of them.
        make: makes an input of choices: the path of a file, or values.
        read: reads it, and returns whether anything in it was accepted; may draw from the choices that are left.
    """

    num_valid: int
    make: Callable[[Choices], Any]
    read: Callable[[Any, Choices], bool]


def of_files(folder: Path, seeds: Sequence[bytes], name: str, read: Read) -> Prepared:
    """A target that reads changed copies of some files.

    Args:
        folder: to write them to.
        seeds: the files.
        name: what a copy is called.
        read: the reader.
    """

    def make(choices: Choices) -> Path:
        path = folder / name
        path.write_bytes(change_file(choices.pick(seeds), choices))
        return path

    return Prepared(len(seeds), make, read)
