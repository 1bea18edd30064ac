"""`find_tracks`: the people of videos, each with their keypoints through the frames."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.assignment import follow
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.names import unique_names

GAP_OF_STATED_IDS = 10
"""Files know who a person is when they come back; they may be away for so many times `max_gap`."""

_NOBODY = -1

_ROUNDING = 1e-6
"""Frames: 0.7 s of 30 frames per second are 21 of them."""


@dataclass(frozen=True, eq=False)
class KeypointTrack:
    """One person in T frames of a video, from the first in which they were seen to the last, none left out.

    Attributes:
        name: unique among the tracks, and safe as a file name.
        track_id: the file's id of the person, or a number by the order in which people appear.
        is_id_stated: whether the file states the id.
        video: name of the video.
        keypoints: (T, K, 3) float32 x, y [px], confidence; zeros in frames in which the person was not seen.
        layout: name of the keypoints' layout.
        frames: (T,) int64 numbers of the frames, at equal distances.
        frame_rate: [1/s] of these T frames: lower than the video's if only every n-th frame has keypoints at all.
        people: (T,) int64 places in the `KeypointSet`, -1 in frames in which the person was not seen.
        image_names: of the T frames, None where unknown.
        image_size: (2,) float32 width and height [px]; NaN where unknown.
        focal_length: [px], the median of those that the file states; NaN if it states none.
        camera_center: (2,) float32 [px], likewise.
    """

    name: str
    track_id: str
    is_id_stated: bool
    video: str
    keypoints: np.ndarray
    layout: str
    frames: np.ndarray
    frame_rate: float
    people: np.ndarray
    image_names: tuple[str | None, ...]
    image_size: np.ndarray
    focal_length: float
    camera_center: np.ndarray

    def __len__(self) -> int:
        """Number of frames, T."""
        return len(self.frames)

    @property
    def is_seen(self) -> np.ndarray:
        """(T,) whether the person was seen."""
        return self.people != _NOBODY

    @property
    def num_seen(self) -> int:
        """In how many frames the person was seen."""
        return int(self.is_seen.sum())


def find_tracks(
    people: KeypointSet, *, fps: float = 30.0, max_gap: float = 1.0, min_frames: int = 1
) -> tuple[KeypointTrack, ...]:
    """Sort the people of videos into tracks, one a person.

    A person is whom the file's id says. People without one are followed by `smplify_jax.keypoints.assignment`. An id that two people of one
    frame have is none, as AlphaPose's 0 for people whom it did not track.

    A track ends where its person is not seen again within `max_gap`; when they come back, they are another track. People whom the file
    gives an id may be away for ten times as long.

    Args:
        people: what `load_keypoints` returns. `people.videos` and `people.frames` say which frame is whose.
        fps: frames per second that the numbers of the frames count: frames 0, 5, 10 of a video with 30 are 1/6 s apart.
        max_gap: the longest time between two frames of a track in which the person is seen [s].
        min_frames: leave out tracks of people who were seen in fewer frames.

    Returns:
        The tracks in the order in which people appear, video by video.

    Raises:
        InputError: fps, max_gap or min_frames is out of range.
    """
    _check(fps, max_gap, min_frames)
    tracks = [
        track
        for rows in _by_video(people)
        for track in _tracks_of_video(people, rows, fps, max_gap)
        if track.num_seen >= min_frames
    ]
    names = unique_names(track.name for track in tracks)
    return tuple(replace(track, name=name) for track, name in zip(tracks, names, strict=True))


def _check(fps: float, max_gap: float, min_frames: int) -> None:
    if not 0 < fps < math.inf:
        raise InputError(f"fps is {fps}: give a positive number of frames per second.")
    if not 0 <= max_gap < math.inf:
        raise InputError(f"max_gap is {max_gap}: give seconds, 0 or more.")
    if min_frames < 1:
        raise InputError(f"min_frames is {min_frames}: give a number of frames, at least 1.")


def _by_video(people: KeypointSet) -> Iterator[np.ndarray]:
    """The people of each video, in the order of their frames. Pictures of another size are another video."""
    sizes = [tuple(size) if np.isfinite(size).all() else None for size in people.image_size.tolist()]
    known: dict[str, list[tuple[float, ...]]] = {}
    for video, size in zip(people.videos, sizes, strict=True):
        if size is not None and size not in known.setdefault(video, []):
            known[video].append(size)
    rows: dict[tuple[str, tuple[float, ...] | None], list[int]] = {}
    for row, (video, size) in enumerate(zip(people.videos, sizes, strict=True)):
        # A picture whose size is not known is one of the others.
        of_video = known.get(video, [])
        rows.setdefault((video, size or (of_video[0] if of_video else None)), []).append(row)
    for some in rows.values():
        yield np.array(some)[np.argsort(people.frames[some], kind="stable")]


def _tracks_of_video(people: KeypointSet, rows: np.ndarray, fps: float, max_gap: float) -> list[KeypointTrack]:
    """The tracks of the people in these rows, which are in the order of their frames."""
    frames = people.frames[rows]
    stride = int(np.gcd.reduce(np.diff(np.unique(frames)))) or 1
    steps = (frames - frames[0]) // stride
    most = max(1, math.floor(max_gap * fps / stride + _ROUNDING))
    stated = _stated_ids(people, rows, frames)
    is_free = np.array([one is None for one in stated], bool)
    flip = get_layout(people.layout).flip
    numbers = _numbers(people.keypoints[rows[is_free]], flip, steps[is_free], stride / fps, most)
    found = iter(_unlike(numbers, set(stated)))
    members: dict[tuple[str, bool], list[int]] = {}
    for place, one in enumerate(stated):
        members.setdefault((next(found) if one is None else one, one is not None), []).append(place)
    images = {int(step): people.image_names[row] for step, row in zip(steps, rows, strict=True)}
    tracks = [
        _track(people, rows[some], steps[some], track_id, is_stated, images, stride, fps)
        for (track_id, is_stated), places in members.items()
        for some in _without_long_gaps(np.array(places), steps, most * (GAP_OF_STATED_IDS if is_stated else 1))
    ]
    return sorted(tracks, key=lambda track: track.frames[0])


def _stated_ids(people: KeypointSet, rows: np.ndarray, frames: np.ndarray) -> list[str | None]:
    """The file's id of each person, None for none and for those that two people of a frame have."""
    ids = [people.track_ids[row] for row in rows]
    times = Counter(zip(ids, frames.tolist(), strict=True))
    repeated = {one for (one, _), count in times.items() if count > 1}
    return [one if one and one not in repeated else None for one in ids]


def _unlike(numbers: list[int], taken: set[str | None]) -> list[str]:
    """The numbers as ids that the file does not use, the smallest ones."""
    free = (text for text in map(str, itertools.count()) if text not in taken)
    names = dict(zip(dict.fromkeys(numbers), free, strict=False))
    return [names[number] for number in numbers]


def _numbers(
    keypoints: np.ndarray, flip: Sequence[int], steps: np.ndarray, seconds_per_step: float, most: int
) -> list[int]:
    """A number for each person (n, K, 3) that the file gives no id; steps are ascending."""
    if not len(steps):
        return []
    firsts = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    detections = np.split(keypoints, firsts[1:])
    found = follow(steps[firsts].tolist(), detections, flip=flip, seconds_per_step=seconds_per_step, max_steps=most)
    return np.concatenate(found).tolist()


def _without_long_gaps(places: np.ndarray, steps: np.ndarray, most: int) -> list[np.ndarray]:
    """The places of a person, divided where more than `most` steps are between them."""
    return np.split(places, np.flatnonzero(np.diff(steps[places]) > most) + 1)


def _track(
    people: KeypointSet,
    rows: np.ndarray,
    steps: np.ndarray,
    track_id: str,
    is_id_stated: bool,
    images: dict[int, str | None],
    stride: int,
    fps: float,
) -> KeypointTrack:
    """The track of one person.

    Args:
        people: everybody.
        rows: (n,) where the person is.
        steps: (n,) frames over stride, from the video's first on.
        track_id: of the person.
        is_id_stated: whether the file states it.
        images: names of the video's pictures by step.
        stride: distance of the frames' numbers.
        fps: of the numbers.
    """
    every = range(int(steps[0]), int(steps[-1]) + 1)
    places = np.full(len(every), _NOBODY, np.int64)
    places[steps - steps[0]] = rows
    keypoints = np.zeros((len(every), *people.keypoints.shape[1:]), np.float32)
    keypoints[steps - steps[0]] = people.keypoints[rows]
    sizes = people.image_size[rows]
    known = sizes[np.isfinite(sizes).all(axis=1)]
    video = people.videos[rows[0]]
    return KeypointTrack(
        name=f"{video}_{track_id}",
        track_id=track_id,
        is_id_stated=is_id_stated,
        video=video,
        keypoints=keypoints,
        layout=people.layout,
        frames=people.frames[rows[0]] + stride * np.arange(len(every), dtype=np.int64),
        frame_rate=fps / stride,
        people=places,
        image_names=tuple(images.get(step) for step in every),
        image_size=known[0] if len(known) else np.full(2, np.nan, np.float32),
        focal_length=float(_median(people.focal_length[rows])),
        camera_center=_median(people.camera_center[rows]),
    )


def _median(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Median over the first axis of what is known, NaN where nothing is."""
    known = np.asarray(values, np.float32)
    known = known[np.isfinite(known).reshape(len(known), -1).all(axis=1)]
    return np.median(known, axis=0) if len(known) else np.full(known.shape[1:], np.nan, np.float32)
