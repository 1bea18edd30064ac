"""Videos, which FFmpeg's libraries unpack: only where the package `av` is installed."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared, of_files

SIZE = (48, 32)
NUM_FRAMES = 40  # an MPEG transport stream of fewer is taken for no video
KINDS = {"mp4": "mpeg4", "mov": "mjpeg", "matroska": "mpeg4", "avi": "mpeg4", "mpegts": "mpeg2video"}
"""Codec by container: encoders that every build of FFmpeg has."""


def prepare(folder: Path) -> Prepared:
    """The target of videos."""
    return of_files(folder, [_video(*kind) for kind in KINDS.items()], "a.mp4", _read)


def _video(container: str, codec: str) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(NUM_FRAMES):
            pixels = np.full((SIZE[1], SIZE[0], 3), 6 * number, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
    return out.getvalue()


def _read(path: Path, choices: Choices) -> bool:
    from smplify_jax.errors import InputWarning
    from smplify_jax.files.video import open_video

    video, last = open_video(path), -1.0
    assert min(video.size) > 0, video.size
    assert 0 < video.frame_rate < np.inf, video.frame_rate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # says how many frames are missing
        for frame in video.frames():
            assert frame.image.shape == (video.size[1], video.size[0], 3), (frame.image.shape, video.size)
            assert last < frame.time_s < np.inf, (last, frame.time_s)
            last = frame.time_s
    return True
