"""Find the people in every frame of a video, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from smplify_jax.detectors.detector import Detector, Frame
from smplify_jax.execution.read_ahead import read_ahead
from smplify_jax.files.video import Video
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.names import unique_names

_Item = TypeVar("_Item")

Progress = Callable[[Iterable[_Item], int | None, str], Iterator[_Item]]
"""Shows a bar: gets items, how many there will be, and the unit; gives the items."""


@dataclass(frozen=True, eq=False)
class VideoDetections:
    """Who is where in a video.

    Attributes:
        video: the file.
        people: everybody in every frame; `frames` counts them from 0.
        times: (T,) of all frames [s], from 0 on, also of those without people.
    """

    video: Video
    people: KeypointSet
    times: np.ndarray

    @property
    def frame_rate(self) -> float:
        """Frames per second, on average."""
        if len(self.times) < 2:
            return self.video.frame_rate
        return (len(self.times) - 1) / float(self.times[-1] - self.times[0])


def detect_in_video(video: Video, detector: Detector, progress: Progress | None = None) -> VideoDetections:
    """Run a detector over a video. Frames are read in another thread, a few ahead of the detector.

    Args:
        video: the file.
        detector: finds people in frames.
        progress: shows how far it is.
    Raises:
        InputError: no frame can be read.
    """
    times: list[float] = []

    def frames() -> Iterator[Frame]:
        for image, time_s in read_ahead(video.frames()):
            times.append(time_s)
            yield Frame(image, time_s)

    found = detector.track(frames())
    if progress is not None:
        found = progress(found, video.num_frames, "frame")
    people = [replace(one, frames=np.full(len(one), number, np.int64)) for number, one in enumerate(found) if len(one)]
    return VideoDetections(video, _joined(people, video, detector.layout), np.array(times))


def _joined(sets: Sequence[KeypointSet], video: Video, layout: str) -> KeypointSet:
    """The people of all frames as those of one video, which has the name of its file."""
    name = unique_names([video.path.stem])[0]
    count = sum(map(len, sets))

    def stacked(field: str, empty: np.ndarray) -> np.ndarray:
        return np.concatenate([getattr(one, field) for one in sets]) if sets else empty

    empty = KeypointSet(
        np.zeros((0, get_layout(layout).num_keypoints, 3), np.float32), layout, (), np.zeros((0, 2), np.float32), ()
    )
    return KeypointSet(
        keypoints=stacked("keypoints", empty.keypoints),
        layout=layout,
        names=tuple(f"{name}_{number:07d}" for number in range(count)),
        image_size=np.full((count, 2), video.size, np.float32),
        image_names=(None,) * count,
        boxes=stacked("boxes", empty.boxes),
        track_ids=tuple(track_id for one in sets for track_id in one.track_ids),
        videos=(name,) * count,
        frames=stacked("frames", empty.frames),
    )
