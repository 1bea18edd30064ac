"""Texts from outside, such as names in files, as a terminal or a page may show them."""

from __future__ import annotations

MAX_LENGTH = 200
"""Characters of a name."""

MAX_LINE = 2000
"""Characters of a sentence."""


def printable(text: str, longest: int = MAX_LENGTH) -> str:
    """The text in one line, with escapes for what is not to be seen.

    What steers a terminal, breaks lines or turns the direction of writing cannot pretend to be something else then.

    Args:
        text: anything.
        longest: number of characters; of a longer text the beginning is shown.
    """
    is_cut = len(text) > longest
    if is_cut:
        text = text[:longest]
    if not text.isprintable():
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return f"{text}…" if is_cut else text
