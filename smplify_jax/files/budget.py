"""How much a file may ask for when it is read: the one place where every reader's limits are set.

A few bytes can ask for gigabytes: deflate packs zeros a thousand times, Parquet says how often a value is repeated, and a pickle's list may
hold another list ten times, which holds another. Files of people and bodies unpack to a few times their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from smplify_jax.errors import InputError


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


_DEFAULT = Budget()
_BUDGET: ContextVar[Budget] = ContextVar("budget", default=_DEFAULT)

RAISE = "if the file is to be trusted, raise it with smplify_jax.files.budget.read_with"


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


class Allowance:
    """What is left of the bytes that one file may unpack to."""

    def __init__(self, num_file_bytes: int) -> None:
        """Take the size of the file as it lies on the disk."""
        limits = budget()
        self._num_file_bytes = num_file_bytes
        self.limit = min(limits.unpacked_bytes, limits.spare_bytes + limits.unpacked_per_byte * num_file_bytes)
        self._num_left = self.limit

    def charge(self, num_bytes: int) -> None:
        """Count bytes that are about to be made.

        Raises:
            InputError: they are more than the file may ask for.
        """
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
            f"{self.limit} (the limit {which}): {RAISE}"
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
        raise InputError(f"{what} {value}; expected at most {limit} (the limit {name}): {RAISE}")
