"""The people of a data set as tracks through videos: units of a job, found as the data set is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from smplify_jax.datasets.job.plan import Unit
from smplify_jax.keypoints.hands import with_hands_alike
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.keypoints.tracks_of_rows import tracks_of_rows
from smplify_jax.keypoints.videos import FramePlace, places_in_videos
from smplify_jax.keypoints.whole_videos import whole_videos


@dataclass(frozen=True)
class TrackChoices:
    """What makes a track.

    Attributes:
        fps: frames per second that the numbers of frames count.
        max_gap: the longest time between two frames of a track in which the person is seen [s], as for `find_tracks`.
        min_frames: leave out people who are seen in fewer frames.
    """

    fps: float = 30.0
    max_gap: float = 1.0
    min_frames: int = 1


def track_units(rows: Iterable[DatasetRow], choices: TrackChoices, pass_over: Callable[[str], None]) -> Iterator[Unit]:
    """The tracks of a data set, video by video, holding one folder or file of videos in memory.

    Args:
        rows: in the order of the input.
        choices: what makes a track.
        pass_over: counts the tracks that are too short.

    Yields:
        The rows of each track, one per frame from the first in which the person is seen to the last. All have the camera and the picture's
        size of the track. In frames in which the person is not seen, no keypoint is observed, and the id is that of the last row in which
        they are, with the number of frames since then behind it: `walk.npz#[3]+2`.
    """
    videos = _Names()
    for people in map(with_hands_alike, whole_videos(rows)):
        places = _places(people, videos)
        ids: defaultdict[str, _Names] = defaultdict(_Names)
        for track in tracks_of_rows(people, places, fps=choices.fps, max_gap=choices.max_gap):
            if track.num_seen < choices.min_frames:
                pass_over(f"tracks of fewer than {choices.min_frames} frames")
                continue
            track_id = ids[track.video].free(track.track_id)
            yield tuple(_rows(replace(track, track_id=track_id), people, choices.fps))


class _Names:
    """Names that are given once: of a second that would be the same, with "_2" behind it, and so on."""

    def __init__(self) -> None:
        self._next_number: dict[str, int] = {}

    def free(self, name: str) -> str:
        """The name, if it was not given before."""
        if name not in self._next_number:
            self._next_number[name] = 2
            return name
        for number in count(self._next_number[name]):
            if f"{name}_{number}" not in self._next_number:
                self._next_number[name] = number + 1
                return self.free(f"{name}_{number}")
        raise AssertionError("numbers do not end")


def _places(people: Sequence[DatasetRow], videos: _Names) -> list[FramePlace]:
    """The videos and frames of a group of whole videos."""
    places = places_in_videos(
        [row.file for row in people],
        [row.image for row in people],
        [row.frame for row in people],
        has_short_names=False,
    )
    names = {video: videos.free(video) for video in dict.fromkeys(place.video for place in places)}
    return [place._replace(video=names[place.video]) for place in places]


def _rows(track: KeypointTrack, people: Sequence[DatasetRow], fps: float) -> Iterator[DatasetRow]:
    size, center = (
        (float(pair[0]), float(pair[1])) if np.isfinite(pair).all() else None
        for pair in (track.image_size, track.camera_center)
    )
    of_track: dict[str, Any] = {
        "video": track.video,
        "track_id": track.track_id,
        "image_size": size,
        "focal_length": track.focal_length if np.isfinite(track.focal_length) else None,
        "camera_center": center,
    }
    last, seen_at = people[track.people[0]], int(track.frames[0])
    for place, frame, image in zip(track.people.tolist(), track.frames.tolist(), track.image_names, strict=True):
        if place >= 0:
            row = last = people[place]
            seen_at = frame
        else:
            row = _unseen(last, f"{last.id}+{frame - seen_at}", image or "")
        yield replace(row, **of_track, frame=frame, time=frame / fps)


def _unseen(person: DatasetRow, row_id: str, image: str) -> DatasetRow:
    """A row of a person in a frame in which they were not seen."""
    return replace(
        person,
        id=row_id,
        keypoints=np.zeros_like(person.keypoints),
        file="",
        position="",
        source_id="",
        image=image,
        box=None,
    )
