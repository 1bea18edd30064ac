"""Small videos for tests, and what stands in for a detector."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.files.video_writing import video_writer
from smplify_jax.keypoints.keypoint_set import KeypointSet

av = pytest.importorskip("av", reason="needs the extra `video`")

SIZE = (96, 64)
QUARTERS = {
    "upper left": (250, 20, 20),
    "upper right": (20, 250, 20),
    "lower left": (20, 20, 250),
    "lower right": (250, 250, 20),
}


def quarters(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture whose quarters have the colours of QUARTERS."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    rows, columns = (slice(0, height // 2), slice(height // 2, None)), (slice(0, width // 2), slice(width // 2, None))
    for number, color in enumerate(QUARTERS.values()):
        image[rows[number // 2], columns[number % 2]] = color
    return image


def quarters_of(image: np.ndarray) -> list[str]:
    """Which colours the quarters of a picture have, in the order of QUARTERS."""
    height, width = image.shape[:2]
    middles = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    colors = np.array(list(QUARTERS.values()))
    names = list(QUARTERS)
    return [names[int(np.abs(colors - image[middle]).sum(axis=1).argmin())] for middle in middles]


def write_video(path: Path, times: Iterable[float], image: np.ndarray | None = None) -> Path:
    """A video that shows one picture all the time."""
    image = quarters() if image is None else image
    with video_writer(path, (image.shape[1], image.shape[0]), 25.0) as append:
        for time_s in times:
            append(image, time_s)
    return path


def write_noise(path: Path, num_frames: int) -> Path:
    """A video of which every frame takes about the same number of bytes."""
    rng = np.random.default_rng(0)
    with video_writer(path, SIZE, 25.0) as append:
        for number in range(num_frames):
            append(rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8), number / 25)
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Give the track of an MP4 file a display matrix (a, b, c, d)."""
    data = bytearray(path.read_bytes())
    start = (
        data.index(b"tkhd") + 4 + 40
    )  # version and flags, 5 numbers, 8 bytes of nothing, layer, group, volume and 2 more bytes
    a, b, c, d = (65536 * number for number in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


class Scripted:
    """A detector that finds what it is told to.

    Attributes:
        keypoints: (T, N, K, 3) of the people in each frame; after the last one, nobody.
    """

    name = "scripted"

    def __init__(self, keypoints: np.ndarray, layout: str) -> None:
        self.keypoints, self.layout = keypoints, layout
        self.num_frames = 0

    def detect(self, image: np.ndarray) -> KeypointSet:
        return next(iter(self.track([Frame(image, 0.0)])))

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        for number, frame in enumerate(frames):
            self.num_frames += 1
            rows = self.keypoints[number] if number < len(self.keypoints) else self.keypoints[:0].reshape(0, 1, 3)
            rows = rows[(rows[..., 2] > 0).any(axis=-1)]
            yield people_of(self.layout, rows, (frame.image.shape[1], frame.image.shape[0]), frame=number)
