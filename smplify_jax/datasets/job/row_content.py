"""All of a row that its fit, or what is written of it, depends on: judged before the row comes into a batch, and hashed.

Whatever a file holds, a row that passes can be fitted together with others and written. So a bad one is rejected where it is read, the
same in every run, and batches and files do not depend on when somebody notices.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.printable import printable
from smplify_jax.keypoints.keypoint_set import MAX_LENGTH, is_length
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow

_TEXTS = ("id", "source_id", "image", "file", "position", "gender", "layout")

_MAX_TEXT_BYTES = 2**16
"""Names are shorter; and the texts of a file's rows have to be addressed with 31 bits."""

_MAX_FRAME = 2**62
"""So that the difference of two has 64 bits, too. Some files state nanoseconds."""

_LARGEST = float(np.finfo(np.float32).max)


def row_content(row: DatasetRow) -> bytes:
    """The row in bytes, which differ for any two rows whose fits or written rows may differ.

    Raises:
        InputError: something in it cannot be fitted or written; says what.
    """
    texts = [_text(name, getattr(row, name)) for name in _TEXTS]
    in_track = _place_in_track(row)
    box = row.box
    numbers = [
        *_numbers("image_size", row.image_size, is_size=True),
        *_numbers("focal_length", None if row.focal_length is None else (row.focal_length,), num_numbers=1),
        *_numbers("camera_center", row.camera_center),
        *_numbers("box's center", None if box is None else box.center),
        *_numbers("box's size", None if box is None else box.size),
        -1.0 if box is None else float(box.has_margin),
    ]
    keypoints = _keypoints(row.keypoints, row.layout)
    lengths = struct.pack(f"<{len(texts)}I", *map(len, texts))
    return b"".join([lengths, *texts, struct.pack(f"<{len(numbers)}d", *numbers), keypoints, in_track])


def hash_of(rows: Iterable[DatasetRow]) -> str:
    """SHA-256 of the content of rows, all of which have passed."""
    digest = hashlib.sha256()
    for row in rows:
        content = row_content(row)
        digest.update(struct.pack("<Q", len(content)))
        digest.update(content)
    return digest.hexdigest()


def _place_in_track(row: DatasetRow) -> bytes:
    """Of people who are fitted by themselves, nothing: what their files say of tracks is only checked."""
    video, track_id = _text("video", row.video), _text("track_id", row.track_id)
    frame = row.frame
    if frame is not None and (not isinstance(frame, int) or not -_MAX_FRAME <= frame <= _MAX_FRAME):
        raise InputError(f"its frame is {printable(_shown(frame))}; expected a whole number of at most 2^62")
    if not video:
        return b""
    numbers = struct.pack("<2Iqd", len(video), len(track_id), frame or 0, math.nan if row.time is None else row.time)
    return b"".join([numbers, video, track_id])


def _text(name: str, value: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise InputError(f"its {name} is {printable(_shown(value))}, which is no text")
    try:
        content = value.encode()
    except UnicodeEncodeError:
        raise InputError(f"its {name} is '{printable(value)}', in which something is no character") from None
    if len(content) > _MAX_TEXT_BYTES:
        raise InputError(f"its {name} is a text of {len(content):,} bytes: '{printable(value)}'")
    return content


def _numbers(name: str, values: Any, *, num_numbers: int = 2, is_size: bool = False) -> list[float]:
    """The numbers as float32 holds them or nearly so; as many NaN where there are none."""
    if values is None:
        return [math.nan] * num_numbers
    try:
        numbers = [float(value) for value in values]
        is_possible = len(numbers) == num_numbers
    except (TypeError, ValueError, OverflowError):
        numbers, is_possible = [], False
    # NaN, for a number that is not known, passes; not as a length.
    if not is_possible or any(abs(number) > _LARGEST for number in numbers):
        raise InputError(
            f"its {name} is {printable(_shown(values))}; expected {num_numbers} numbers that single precision holds"
        )
    if is_size and not all(map(is_length, numbers)):
        raise InputError(
            f"its {name} is {printable(_shown(values))}; expected a width and a height of more than 0 pixels, and at most {MAX_LENGTH:g}"
        )
    return numbers


def _keypoints(keypoints: Any, layout: str) -> bytes:
    shape = (_num_keypoints(layout), 3)
    if not isinstance(keypoints, np.ndarray) or keypoints.dtype.kind != "f" or keypoints.shape != shape:
        raise InputError(f"its keypoints are not {shape[0]} of x, y and confidence, as the layout {layout!r} has")
    return keypoints.astype("<f4").tobytes()


@lru_cache(maxsize=64)
def _num_keypoints(layout: str) -> int:
    return len(get_layout(layout).points)


def _shown(values: Any) -> str:
    try:
        return repr(values)
    except ValueError:  # Python refuses to write integers of more than some thousand digits
        return "a number of thousands of digits"
