"""What a file says, as values of ours: text that can be written, numbers that a float holds, ids that are quick to look up.

Whatever cannot be one is an `InputError`, which rejects the one record that it is of.
"""

from __future__ import annotations

import math
from typing import Any

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError

MAX_TEXT_LENGTH = 4096
"""Letters of a name: as many as a path may have."""

MAX_SENTENCE_LENGTH = 1000

MAX_FRAME = 10**15
"""No video has more frames; timestamps in nanoseconds are too fine for the numbers of frames."""

_MAX_PIXELS = 1e9
_MAX_FLOAT32 = 3e38
_MAX_ID_BITS = 63


def known_text(value: Any, what: str) -> str:
    """Text that can be written as UTF-8.

    Args:
        value: what a file has.
        what: it is, for the message.

    Raises:
        InputError: it is no text, too long, or holds half of a character: bytes that are not UTF-8, or one of a pair.
    """
    if not isinstance(value, str):
        raise InputError(f"{what} is of type {type(value).__name__}; expected text")
    if len(value) > MAX_TEXT_LENGTH:
        raise InputError(f"{what} has {len(value)} letters; expected at most {MAX_TEXT_LENGTH}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{what} holds text that is not UTF-8: {printable(value)!r}") from error
    # Not a subclass of NumPy's.
    return str(value)


def printable(text: str) -> str:
    """Text on one line that can be written anywhere, cut where it is long."""
    text = text[:MAX_SENTENCE_LENGTH]
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def file_name_as_text(name: str) -> str:
    """The name of a file, whose bytes need not be UTF-8, as text that is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def known_focal_length(value: Any) -> float | None:
    """A focal length [px], None if it is unknown.

    Raises:
        InputError: it is no positive number.
    """
    if value is None:
        return None
    focal = _number(value)
    if not 0 < focal < _MAX_FLOAT32:
        raise InputError("the focal length is no positive number of pixels; leave it out where it is unknown")
    return focal


def known_camera_center(value: Any) -> tuple[float, float] | None:
    """A principal point [px], None if it is unknown.

    Raises:
        InputError: it is not two numbers.
    """
    if value is None:
        return None
    x, y = map(_number, value)
    if not (abs(x) < _MAX_FLOAT32 and abs(y) < _MAX_FLOAT32):
        raise InputError("the camera's center is not two numbers [px]; leave it out where it is unknown")
    return x, y


def known_crop(box: CropBox | None) -> CropBox | None:
    """A person's box, None if it is none of a picture: a fit does without."""
    if box is None or not all(abs(_number(number)) < _MAX_PIXELS for number in box.xywh):
        return None
    return box


def known_frame(value: Any) -> int | None:
    """The number of a video's frame from a whole number or its digits, None for anything else: a person without one is still a person."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < len(str(MAX_FRAME)):
        return int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_FRAME
    return int(value) if is_number else None


def id_key(value: Any) -> int | str | None:
    """An id of a file by which records are looked up, None if it is none.

    Python spreads text in a dict by chance, and whole numbers by their value: of large ones a file could choose any number that fall
    together.
    """
    if isinstance(value, int) and value.bit_length() > _MAX_ID_BITS:
        return f"a whole number, {value:x}"
    return value if isinstance(value, (int, str)) else None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan
