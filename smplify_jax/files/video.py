"""Videos read frame by frame, upright, with the time of each frame.

FFmpeg's libraries do the work (the package `av`, of the extra `video`). They know hundreds of formats, some of which open other files or
addresses; only the containers and codecs of cameras, phones and the web are tried, on a file that is open already.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from smplify_jax.errors import InputError, InputWarning
from smplify_jax.files.budget import check_limit
from smplify_jax.files.kinds import kind_of
from smplify_jax.files.plain import open_plain

_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts"
_CODECS = frozenset(
    {"h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4", "mpeg2video", "mpeg1video"}
    | {"mjpeg", "prores", "msmpeg4v2", "msmpeg4v3", "h263", "dvvideo", "rawvideo"}
)
_EXPECTED = "give an MP4, MOV, MKV, WebM or AVI file"

_MISSING_SHARE, _MISSING_SECONDS = 0.1, 0.3
"""Of the length that a file states: sound may be longer than the pictures."""

_MAX_RATE = 1000.0
"""[1/s] Files whose frames have times of their own may state the fineness of these times as their rate."""

_LEAST_STEP = 0.1
"""Of the average time between frames."""


class VideoFrame(NamedTuple):
    """A frame and when it is shown.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        time_s: since the first frame [s].
    """

    image: np.ndarray
    time_s: float


@dataclass(frozen=True)
class Video:
    """A video file, of which the beginning has been read.

    Attributes:
        path: the file.
        size: (width, height) of the upright frames [px].
        frame_rate: frames per second, on average.
        num_frames: about how many the file says it has; None if it does not.
        duration_s: how long the file says it is [s]; None if it does not.
    """

    path: Path
    size: tuple[int, int]
    frame_rate: float
    num_frames: int | None
    duration_s: float | None

    def frames(self, size: tuple[int, int] | None = None) -> Iterator[VideoFrame]:
        """All frames in the order in which they are shown, one at a time; of each call, from the first on.

        Times increase from frame to frame: a frame that the file shows at the time of the one before comes a little later.

        Args:
            size: (width, height) to scale them to [px].
        Raises:
            InputError: there is no frame that can be read. If some can, an `InputWarning` says how many are missing.
        """
        width, height = self.size if size is None else size
        num_damaged = number = 0
        start, time_s = None, -math.inf
        with _opened(self.path) as (container, stream):
            for number, frame in enumerate(_decoded(container, stream), 1):
                num_damaged = frame.num_damaged
                ticks = frame.raw.pts
                given = (number - 1) / self.frame_rate if ticks is None else float(ticks * stream.time_base)
                start = given if start is None else start
                time_s = max(given - start, time_s + _LEAST_STEP / self.frame_rate)
                yield VideoFrame(_upright(frame.raw, (width, height)), time_s)
        if not number:
            raise InputError(f"{self.path} has no frame that can be read: it is damaged; copy or download it again.")
        missing = self._missing(number, time_s)
        if missing or num_damaged:
            reason = "it is cut off or damaged" if missing else f"{num_damaged} pieces of it are damaged"
            warnings.warn(
                f"{self.path}: only {missing or number} frames can be read: {reason}.", InputWarning, stacklevel=2
            )

    def _missing(self, num_read: int, last_s: float) -> str:
        """How many frames were read of how many, if many are missing; else nothing."""
        if self.duration_s is None or last_s > self.duration_s * (1 - _MISSING_SHARE) - _MISSING_SECONDS:
            return ""
        return f"{num_read} of its {self.num_frames or round(self.duration_s * self.frame_rate)}"


def open_video(path: str | os.PathLike[str]) -> Video:
    """Read the beginning of a video.

    Raises:
        InputError: the package `av` is missing; or the file is, is no video, has no pictures, is damaged, or larger than the budget
            (`files.budget`) allows.
    """
    path = Path(path)
    with _opened(path) as (container, stream):
        first = next((frame.raw for frame in _decoded(container, stream)), None)
        if first is None:
            raise InputError(f"{path} has no frame that can be read: it is damaged; copy or download it again.")
        width, height = first.width, first.height
        check_limit(width * height, "picture_pixels", f"{path}: the number of pixels of a frame is")
        aspect = float(stream.sample_aspect_ratio or 1)
        width = round(width * aspect) if 0.1 < aspect < 10 else width
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        rate = rate if 0 < rate < _MAX_RATE else 30.0
        duration_s = container.duration * 1e-6 if container.duration else None
        is_turned = _turn(first)[0]
        return Video(
            path=path,
            size=(height, width) if is_turned else (width, height),
            frame_rate=rate,
            num_frames=stream.frames or (None if duration_s is None else round(duration_s * rate)),
            duration_s=duration_s,
        )


def load_av() -> ModuleType:
    """The package `av`.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av
        import av.error
    except ImportError:
        raise InputError(
            "Videos need the package av, which is not installed: run pip install 'smplify-jax[video]'."
        ) from None
    return av


class _Decoded(NamedTuple):
    """A frame of `av`, and how many damaged pieces there were up to it."""

    raw: Any
    num_damaged: int


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its stream of pictures."""
    av = load_av()
    options = {"format_whitelist": _CONTAINERS, "codec_whitelist": ",".join(sorted(_CODECS))}
    with open_plain(path, "a video") as file:
        if not file.read(1):
            raise InputError(f"{path} is empty: copy or download it again.")
        file.seek(0)
        try:
            container = av.open(file, options=options)
        except (av.error.FFmpegError, UnicodeDecodeError):
            raise InputError(f"{path} cannot be read as a video: {_reason(file)}; {_EXPECTED}.") from None
        with container:
            stream = container.streams.best("video")
            if stream is None:
                raise InputError(f"{path} has sound or text but no pictures: {_EXPECTED} with some.")
            codec = stream.codec_context.name if stream.codec_context is not None else "unknown"
            if codec not in _CODECS:
                raise InputError(f"{path} is packed by the codec {codec!r}, which is not read: convert it to H.264.")
            stream.thread_type = "AUTO"
            yield container, stream


def _reason(file: BinaryIO) -> str:
    """Why FFmpeg cannot open it, from its first bytes."""
    file.seek(0)
    kind = kind_of(file.read(32))
    if kind is None:
        return "it is of another kind"
    return "it is cut off or damaged" if kind.is_video else f"it is {kind.name}"


def _decoded(container: Any, stream: Any) -> Iterator[_Decoded]:
    """Frames, damaged pieces left out."""
    errors = load_av().error
    num_damaged = 0
    for packet in _packets(container, stream):
        try:
            frames = stream.decode(packet)
        except errors.FFmpegError:
            num_damaged += 1
            continue
        for frame in frames:
            yield _Decoded(frame, num_damaged)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Pieces of the stream, and None at its end, at which the decoder gives the frames that it has held back."""
    packets = container.demux(stream)
    with suppress(load_av().error.FFmpegError):  # the file ends within a piece
        yield from (packet for packet in packets if packet.size)
    yield None


def _upright(frame: Any, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an upright size."""
    is_turned, flips_rows, flips_columns = _turn(frame)
    width, height = size[::-1] if is_turned else size
    image = frame.to_ndarray(format="rgb24", width=width, height=height)
    image = image.transpose(1, 0, 2) if is_turned else image
    image = image[::-1] if flips_rows else image
    return np.ascontiguousarray(image[:, ::-1] if flips_columns else image)


def _turn(frame: Any) -> tuple[bool, bool, bool]:
    """Whether rows are shown as columns, and then the order of rows and of columns is reversed.

    Source: FFmpeg, libavutil/display.h: the matrix ((a, b, u), (c, d, v), (x, y, w)) shows a point (p, q) at
    (a p + c q + x, b p + d q + y).
    """
    data = next((one for one in frame.side_data if one.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return False, False, False
    a, b, _, c, d, *_ = np.frombuffer(bytes(data), np.int32).tolist()
    if abs(b) > abs(a):
        return True, b < 0, c < 0
    return False, d < 0, a < 0
