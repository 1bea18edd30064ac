"""Names of people that are valid file names on every system and the same in every run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import count

MAX_NAME_LENGTH = 120
"""In characters."""

MAX_NAME_BYTES = 200
"""In UTF-8. Common file systems allow 255; the rest is for suffixes."""

_NOT_SAFE = re.compile(r"[^\w.+-]+")
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(1, 10))}


def file_safe(name: str) -> str:
    """The name with every character that is not safe in a file name replaced by "_".

    Letters and digits of any alphabet, ".", "+", "-" and "_" stay. Leading dots and dashes (hidden files, command-line
    options) and trailing dots are removed; names of Windows devices get a leading "_"; an empty result becomes "person".
    Long names are truncated.
    """
    # Compose characters: macOS splits accents from their letters, and an accent alone is not a letter.
    safe = _NOT_SAFE.sub("_", unicodedata.normalize("NFC", name))
    safe = _cut(safe.lstrip(".-"), 0).rstrip(".")
    if safe.split(".")[0].casefold() in _WINDOWS_DEVICES:
        return f"_{safe}"
    return safe or "person"


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """File-safe names; the second of several equal names gets the suffix "_2", the third "_3".

    Upper and lower case count as equal, as they do in the file systems of Windows and macOS.
    """
    taken: set[str] = set()
    next_number: dict[tuple[str, int], int] = {}
    unique = []
    for name in map(file_safe, names):
        candidate = name if name.casefold() not in taken else _numbered(name, taken, next_number)
        taken.add(candidate.casefold())
        unique.append(candidate)
    return tuple(unique)


def _numbered(name: str, taken: Collection[str], next_number: dict[tuple[str, int], int]) -> str:
    """The name with the first number behind it that is free.

    Args:
        name: that is taken itself.
        taken: names in lower case.
        next_number: for each beginning of a name and number of digits the first number that may be free. Without it, names that are taken
            for many others would be tried again for each.
    """
    for num_digits in count(1):
        beginning = _cut(name, num_digits + 1)
        key = beginning.casefold(), num_digits
        for number in range(next_number.get(key, max(2, 10 ** (num_digits - 1))), 10**num_digits):
            next_number[key] = number + 1
            candidate = f"{beginning}_{number}"
            if candidate.casefold() not in taken:
                return candidate
    raise AssertionError("numbers do not end")


def _cut(name: str, num_reserved: int) -> str:
    """Truncate a name so that `num_reserved` ASCII characters can follow."""
    name = name[: MAX_NAME_LENGTH - num_reserved]
    return name.encode(errors="replace")[: MAX_NAME_BYTES - num_reserved].decode(errors="ignore")
