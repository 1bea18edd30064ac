"""How much a file may ask for when it is read: the one place where every reader's limits are set.

A few bytes can ask for gigabytes: deflate packs zeros a thousand times, Parquet says how often a value is repeated, and a pickle's list may
hold another list ten times, which holds another. Files of people and bodies unpack to a few times their size.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from smplify_jax.errors import InputError

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Budget:
    """What one file may ask for.

    Attributes:
        file_bytes: of a file that is read whole; the largest SMPL-X file is about half a gigabyte.
        unpacked_bytes: of all that is unpacked from a file; the largest SMPL-X archive unpacks to about a gigabyte.
        unpacked_per_byte: of these for each byte of the file, beyond `spare_bytes`.
        spare_bytes: that any file may unpack to, however small it is.
        row_bytes: of one person.
        value_letters: of one record of JSON: what is longer is no record, or has lost its closing quote.
        member_bytes: of one file in an archive: larger than any picture, and than the people of any picture.
        num_members: files in an archive.
        nesting: of lists and objects in each other.
        folder_depth: of folders in each other.
        picture_pixels: width times height of a picture.
        seconds: that the processor may need to read any file, however small it is.
        seconds_per_mebibyte: and for each MiB of the file: people in JSON take a tenth of a second, and the same in packed files a few
            seconds.
    """

    file_bytes: int = 4 * 2**30
    unpacked_bytes: int = 8 * 2**30
    unpacked_per_byte: int = 32
    spare_bytes: int = 64 * 2**20
    row_bytes: int = 2**20
    value_letters: int = 2**26
    member_bytes: int = 2**28
    num_members: int = 2**16
    nesting: int = 64
    folder_depth: int = 64
    picture_pixels: int = 10**8
    seconds: int = 60
    seconds_per_mebibyte: int = 20

    def times(self, factor: int) -> Budget:
        """Every limit so many times as high."""
        return Budget(**{one.name: factor * getattr(self, one.name) for one in fields(self)})


_DEFAULT = Budget()
_BUDGET: ContextVar[Budget] = ContextVar("budget", default=_DEFAULT)


def budget() -> Budget:
    """The budget in force."""
    return _BUDGET.get()


@contextmanager
def read_with(**limits: int) -> Iterator[None]:
    """Read with other limits inside of a `with` block: `with read_with(unpacked_per_byte=1000): load_body("body.npz")`.

    Args:
        limits: attributes of `Budget`; the others stay as they are.
    Raises:
        InputError: there is no such limit, or one is negative.
    """
    for name, limit in limits.items():
        if name not in Budget.__dataclass_fields__ or not isinstance(limit, int) or limit < 0:
            raise InputError(
                f"there is no limit {name}={limit!r}; give whole numbers for {', '.join(Budget.__dataclass_fields__)}"
            )
    token = _BUDGET.set(replace(budget(), **limits))
    try:
        yield
    finally:
        _BUDGET.reset(token)


def read_under(limits: Budget, items: Iterable[_Item]) -> Iterator[_Item]:
    """Items that are made under these limits, wherever they are asked for: a budget does not go with a generator to another thread."""
    context, iterator, end = copy_context(), iter(items), object()
    context.run(_BUDGET.set, limits)
    while (item := context.run(next, iterator, end)) is not end:
        yield item  # pyright: ignore[reportReturnType]


def to_raise(name: str) -> str:
    """What to do about a limit that a file passes, as the end of the sentence."""
    return (
        f"the limit {name}; if you trust the file, raise it with --read-limit, or in Python with read_with({name}=...) of "
        "smplify_jax.files.budget"
    )


class Allowance:
    """What is left of the bytes that one file may unpack to."""

    def __init__(self, num_file_bytes: int, *, in_pieces: bool = False) -> None:
        """Take the size of the file as it lies on the disk, and whether it is never unpacked as a whole, and so may be of any size."""
        limits = budget()
        self._num_file_bytes = num_file_bytes
        self.limit = limits.spare_bytes + limits.unpacked_per_byte * num_file_bytes
        self.limit = self.limit if in_pieces else min(limits.unpacked_bytes, self.limit)
        self._num_left = self.limit

    def charge(self, num_bytes: int) -> None:
        """Count bytes that are about to be made.

        Raises:
            InputError: they are more than the file may ask for.
        """
        check_time()
        self._num_left -= num_bytes
        if self._num_left < 0:
            raise self.passed(self.limit - self._num_left)

    def check(self, num_bytes: int) -> None:
        """Refuse bytes that would be too many alone, without counting them.

        Raises:
            InputError: they are more than the file may ask for.
        """
        if num_bytes > self.limit:
            raise self.passed(num_bytes)

    def passed(self, num_bytes: int) -> InputError:
        """What to say of a file that asks for too much."""
        limits = budget()
        which = "unpacked_bytes" if self.limit == limits.unpacked_bytes else "unpacked_per_byte"
        return InputError(
            f"its {self._num_file_bytes} bytes ask for {num_bytes} bytes of memory, far larger than the file itself; expected at most "
            f"{self.limit} ({to_raise(which)})"
        )


def check_limit(value: int, name: str, what: str) -> None:
    """Refuse what passes a limit of the budget.

    Args:
        value: to be compared.
        name: of the limit, an attribute of `Budget`.
        what: it is, as the beginning of a sentence.
    Raises:
        InputError: the value is larger.
    """
    limit = getattr(budget(), name)
    if value > limit:
        raise InputError(f"{what} {value}; expected at most {limit} ({to_raise(name)})")


class TimeIsUpError(InputError):
    """Reading a file takes longer than it may; what was read before counts."""


class ReadingTime:
    """How long the processor may still work on a file.

    It is the time of the reading thread, and stands still while the thread does something else: neither a slow disk nor a busy or suspended
    machine, nor whoever takes what is read, is the file's fault.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Take the file, for its size; None for a small one."""
        num_bytes, limits = 0, budget()
        if path is not None:
            with suppress(OSError, ValueError):  # whoever opens it says what is wrong with it
                num_bytes = os.stat(path).st_size
        self.limit = limits.seconds + limits.seconds_per_mebibyte * num_bytes / 2**20
        self._left, self._end, self._may_end = self.limit, 0.0, 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run within a `with` block; that of a file within another does not: the other's runs on."""
        if _RUNNING.get() is not None:
            yield
            return
        self._end, self._may_end = time.thread_time() + self._left, time.perf_counter() + self._left
        token = _RUNNING.set(self)
        try:
            yield
        finally:
            _RUNNING.reset(token)
            self._left = self._end - time.thread_time()

    def over(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Items, the time running while each is made."""
        iterator, end = iter(items), object()
        while True:
            with self.running():
                item = next(iterator, end)
            if item is end:
                return
            yield item  # pyright: ignore[reportReturnType]

    @property
    def is_up(self) -> bool:
        """Whether there is none left."""
        # It cannot be before as much has passed on the wall's clock, which is a tenth as dear to look at.
        now = time.perf_counter()
        if now < self._may_end:
            return False
        left = self._end - time.thread_time()
        self._may_end = now + left
        return left < 0


_RUNNING: ContextVar[ReadingTime | None] = ContextVar("running", default=None)


def check_time() -> None:
    """Stop reading when its time is up; whoever reads calls this now and then, for less than a microsecond.

    Raises:
        TimeIsUpError: it is.
    """
    running = _RUNNING.get()
    if running is not None and running.is_up:
        raise TimeIsUpError(
            f"reading it has taken the processor more than the {running.limit:.0f} s that a file of its size may take "
            f"({to_raise('seconds')})"
        )
