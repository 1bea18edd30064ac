"""Changes of files whatever they hold: of their bytes, and of the words of a text."""

from __future__ import annotations

import re

from benchmarks.fuzzing.choices import Choices

_WORDS = (
    b"",
    b"0",
    b"-1",
    b"nan",
    b"NaN",
    b"Infinity",
    b"1e999",
    b"9" * 400,
    b"null",
    b"true",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"'",
    b",",
    b":",
    b"<",
    b"/>",
    b"&amp;",
    b"&x;",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\\ud800",
    b" " * 5000,
    b"[" * 3000,
    b"x" * 70000,
)
_SPLIT = re.compile(rb"([A-Za-z_]+|[0-9.eE+-]+|\s+|.)", re.DOTALL)
_MAX_SPLIT = 100_000
_SIZES = (1, 2, 4, 8)
_NUMBERS = (0, 1, -1, 0x7F, 0x80, 0x7FFFFFFF, -0x80000000, 2**63 - 1, -(2**63), 2**62, 0x10000, 4096)


def change_bytes(data: bytes, choices: Choices) -> bytes:
    """Change, insert, remove or repeat bytes in up to three places."""
    changed = bytearray(data)
    for _ in range(1 + choices.below(3)):
        place = choices.place_in(len(changed) + 1)
        length = 1 + choices.below(choices.pick((4, 64, 4096)))
        change = choices.below(8)
        if change == 0:
            changed[place : place + 1] = bytes([choices.below(256)])
        elif change == 1 and place < len(changed):
            changed[place] ^= 1 << choices.below(8)
        elif change == 2:
            del changed[place : place + length]
        elif change == 3:
            changed[place:place] = changed[place : place + length]
        elif change == 4:
            size = choices.pick(_SIZES)
            number = choices.pick(_NUMBERS) % 256**size
            changed[place : place + size] = number.to_bytes(size, choices.pick(("little", "big")))
        elif change == 5:
            del changed[place:]
        elif change == 6:
            start = choices.below(len(changed) + 1)
            changed[place : place + length] = changed[start : start + length]
        else:
            changed[place:place] = choices.pick(_WORDS)
    return bytes(changed)


def change_words(data: bytes, choices: Choices) -> bytes:
    """Change, exchange, remove or repeat words, numbers and signs of a text."""
    words = _SPLIT.findall(data[:_MAX_SPLIT])
    for _ in range(1 + choices.below(4)):
        if not words:
            break
        place, other = choices.below(len(words)), choices.below(len(words))
        change = choices.below(6)
        if change == 0:
            words[place] = choices.pick(_WORDS)
        elif change == 1:
            words[place], words[other] = words[other], words[place]
        elif change == 2:
            del words[min(place, other) : max(place, other)]
        elif change == 3:
            words[place:place] = words[other : other + choices.below(200)]
        elif change == 4:
            words[place] = words[other]
        else:
            words[place] = words[place] * choices.pick((2, 100))
    return b"".join(words) + data[_MAX_SPLIT:]
