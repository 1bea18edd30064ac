"""Write a video as an MP4 file, completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.video import load_av

_TICKS_PER_SECOND = 60_000
"""Frames of 24, 25, 30, 50 and 60 a second, and of 30000 / 1001, begin at whole ticks."""

_ENCODERS = (
    # `veryfast` takes a fifth of the usual time for files a fifth larger.
    ("libx264", {"crf": "20", "preset": "veryfast"}),
    ("mpeg4", {"qscale": "4"}),
)
"""The first that `av` was built with is used; every browser and player shows H.264."""


@contextmanager
def video_writer(
    path: str | os.PathLike[str], size: tuple[int, int], frame_rate: float
) -> Iterator[Callable[[np.ndarray, float], None]]:
    """Open an MP4 file, which appears under its name when the `with` block ends.

    Args:
        path: the file; its folder must exist.
        size: (width, height) [px]; a last odd row or column is left out, which H.264 cannot have.
        frame_rate: about how many frames a second there will be, by which the encoder spends its bits.
    Yields:
        A function that appends a frame: (H, W, 3) uint8 RGB, and its time since the beginning [s], later than that of the one before.
    Raises:
        InputError: the package `av` is missing, or the file cannot be written.
    """
    width, height = size[0] // 2 * 2, size[1] // 2 * 2
    if min(width, height) < 2:
        raise InputError(f"{path}: a video of {size[0]} x {size[1]} px cannot be written: give at least 2 x 2.")
    av = load_av()
    with atomic_write(path) as file, av.open(file, "w", format="mp4") as container:
        stream = _stream(av, container, frame_rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        ticks = -1

        def append(image: np.ndarray, time_s: float) -> None:
            nonlocal ticks
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
            ticks = max(ticks + 1, round(time_s * _TICKS_PER_SECOND))
            frame.pts, frame.time_base = ticks, stream.codec_context.time_base
            container.mux(stream.encode(frame))

        yield append
        container.mux(stream.encode())


def _stream(av: Any, container: Any, frame_rate: float) -> Any:
    rate = Fraction(frame_rate).limit_denominator(1001)
    for name, options in _ENCODERS:
        if name in av.codecs_available:
            stream = container.add_stream(name, rate=rate, options=dict(options))
            stream.codec_context.time_base = Fraction(1, _TICKS_PER_SECOND)
            return stream
    raise InputError("This build of the package av has no encoder for MP4 files: install av from PyPI.")
