"""`--report`: one page for browsers about everybody of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import picture_of
from smplify_jax.cli.report import PersonReport
from smplify_jax.errors import InputError
from smplify_jax.files.video import Video
from smplify_jax.media.tracks import FittedTrack
from smplify_jax.pictures.report.scene import Scene
from smplify_jax.result import FitResult
from smplify_jax.result.report import write_page
from smplify_jax.result.scenes import FramesOfPerson, Pictures, groups_of_one_camera, make_scene

MAX_BODIES = 60
"""People on a page: each takes a quarter of a megabyte with their picture."""

MAX_FRAMES = 2400
"""Of all people of a page together: each takes three kilobytes."""

_VIDEO_SIDE, _MAX_VIDEO_PICTURES = 640, 300
"""Pictures of a video that are kept until the page is written: their longest side [px], and how many."""


@dataclass(frozen=True, eq=False)
class WorldPerson:
    """One person in space.

    Attributes:
        name: of the person.
        result: of T frames, as NumPy arrays.
        frames: (T,) their numbers.
        times: (T,) [s].
        keypoints: (T, V, K, 3) as given to the fit; None for points in space.
    """

    name: str
    result: FitResult
    frames: np.ndarray
    times: np.ndarray
    keypoints: np.ndarray | None = None

    @property
    def has_body(self) -> bool:
        """Whether there is a body in any frame."""
        return any(status.is_usable for status in self.result.statuses())


_Person = TypeVar("_Person")

PictureOfFrame = Callable[[int], np.ndarray | None]


def check_report_path(path: Path | None) -> None:
    """Complain before the fits, not after them.

    Raises:
        InputError: the page could not be written.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{path} is a folder: --report needs the name of a file, such as {path / 'report.html'}.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} for the page: make it first, or choose another --report.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"Writing to {path.parent} is not permitted: choose another folder for --report.")


def write_people_page(command: FitCommand, reports: Sequence[PersonReport]) -> None:
    """Write the page of people in pictures; those of one picture share a scene.

    Raises:
        InputError: the file cannot be written.
    """
    shown = reports[:MAX_BODIES]
    scenes = [_picture_scene(members) for members in _by_picture(shown)]
    _write(command, scenes, _left_out(len(shown), len(reports), "people"))


def write_motions_page(
    command: FitCommand,
    people: Sequence[FittedTrack],
    picture_of_frame: Callable[[FittedTrack], PictureOfFrame],
) -> None:
    """Write the page of people in videos; those of one video and camera share a scene.

    Args:
        command: the options.
        people: of all videos.
        picture_of_frame: for a person, what gives the pictures of their video by the number of the frame.
    Raises:
        InputError: the file cannot be written.
    """
    shown = [one for one in people if one.has_body][:MAX_BODIES]
    stride = _stride(len(one.track) for one in shown)
    scenes: dict[tuple[str, str], list[FittedTrack]] = {}
    for one in shown:
        scenes.setdefault((one.track.video, one.track.layout), []).append(one)
    made = [
        _video_scene(group, picture_of_frame(group[0]), stride)
        for members in scenes.values()
        for group in _by_camera(members, lambda one: one.result)
    ]
    _write(command, made, [*_left_out(len(shown), len(people), "people with a body"), *_strided(stride)])


def write_world_page(
    command: FitCommand,
    people: Sequence[WorldPerson],
    cameras: Sequence[tuple[str, tuple[int, int] | None, PictureOfFrame]] = (),
) -> None:
    """Write the page of people in space.

    Args:
        command: the options.
        people: everybody.
        cameras: name, size (width, height) and pictures by the number of the frame.
    Raises:
        InputError: the file cannot be written.
    """
    shown = [one for one in people if one.has_body][:MAX_BODIES]
    stride = _stride(len(one.frames) for one in shown)
    scenes: dict[tuple[str, int], list[Any]] = {}
    for number, one in enumerate(shown):
        # Motions in space have clocks of their own, unless they were seen by the same cameras.
        scenes.setdefault((one.result.layout, 0 if cameras else number), []).append(one)
    made = [_world_scene(members, cameras, stride) for members in scenes.values()]
    _write(command, made, [*_left_out(len(shown), len(people), "people with a body"), *_strided(stride)])


def pictures_of_people(people: Sequence[PersonInput | None], frames: np.ndarray) -> PictureOfFrame:
    """The pictures of the people's frames, by the number of the frame; those that cannot be shown are left out."""
    at = {int(frame): person for frame, person in zip(frames, people, strict=True) if person is not None}

    @lru_cache(maxsize=2)
    def picture(frame: int) -> np.ndarray | None:
        return picture_of(at[frame])[0] if frame in at else None

    return picture


def pictures_of_video(video: Video) -> PictureOfFrame:
    """Small pictures of a video's frames, by their number; of a long video some of them."""
    factor = min(1.0, _VIDEO_SIDE / max(video.size))
    size = (max(2, round(factor * video.size[0] / 2) * 2), max(2, round(factor * video.size[1] / 2) * 2))
    step = max(1, -(-(video.num_frames or 1) // _MAX_VIDEO_PICTURES))
    kept = {number: frame.image for number, frame in enumerate(video.frames(size)) if number % step == 0}
    return lambda number: kept.get(number - number % step)


def _write(command: FitCommand, scenes: Sequence[Scene], notes: Sequence[str]) -> None:
    assert command.write.report is not None
    if not scenes:
        raise InputError("--report: nobody has a body, so there is no page to write")
    first, more = command.inputs[0].name, len(command.inputs) - 1
    write_page(command.write.report, scenes, f"Fits of {first}" + (f" and {more} more" if more else ""), notes)


def _left_out(num_shown: int, total: int, what: str) -> list[str]:
    if num_shown == total:
        return []
    return [f"This page shows {num_shown:,} of {total:,} {what}; the files beside it have all of them."]


def _strided(stride: int) -> list[str]:
    return (
        []
        if stride == 1
        else [f"This page shows every {_ordinal(stride)} frame; the files beside it have all of them."]
    )


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _stride(lengths: Iterable[int]) -> int:
    return max(1, -(-sum(lengths) // MAX_FRAMES))


def _by_picture(reports: Sequence[PersonReport]) -> list[list[PersonReport]]:
    """People of one picture, who were fitted with one camera."""
    pictures: dict[Any, list[PersonReport]] = {}
    for number, report in enumerate(reports):
        person = report.person
        place = person.image_path or (person.source, person.row.file, person.image_name or number)
        pictures.setdefault((place, person.layout, person.image_size.tobytes()), []).append(report)
    return [group for members in pictures.values() for group in _by_camera(members, lambda report: report.fitted)]


def _by_camera(people: Sequence[_Person], result_of: Callable[[_Person], FitResult]) -> list[list[_Person]]:
    """People who were fitted with one camera."""
    groups = groups_of_one_camera([result_of(person) for person in people])
    return [[people[place] for place in members] for members in groups]


def _picture_scene(members: Sequence[PersonReport]) -> Scene:
    first = members[0].person
    image, complaint = picture_of(first)
    people = [
        FramesOfPerson(
            report.person.name,
            jax.tree.map(lambda leaf: np.asarray(leaf)[None], report.fitted),
            report.person.keypoints[None],
            remarks=(
                *([complaint] if complaint else []),
                *([f"Left out: {report.left_out}."] if report.left_out else []),
            ),
        )
        for report in members
    ]
    name = first.image_path.name if first.image_path else first.image_name or first.name
    return make_scene(name, people, [Pictures(_size_of(first.image_size), lambda _place: image)])


def _size_of(size: np.ndarray) -> tuple[int, int] | None:
    return (round(float(size[0])), round(float(size[1]))) if np.isfinite(size).all() else None


def _video_scene(members: Sequence[FittedTrack], seen: PictureOfFrame, stride: int) -> Scene:
    clock = {
        int(frame): float(time) for one in members for frame, time in zip(one.track.frames, one.times, strict=True)
    }
    kept = _frames_kept(clock, stride)
    people = []
    for one in members:
        chosen = np.isin(one.track.frames, kept)
        places = np.searchsorted(kept, one.track.frames[chosen])
        people.append(FramesOfPerson(one.track.name, one.result[chosen], one.track.keypoints[chosen], places))
    size = _size_of(members[0].track.image_size)
    return _motion(
        members[0].track.video or members[0].track.name, people, kept, clock, [Pictures(size, _by_number(seen, kept))]
    )


def _world_scene(
    members: Sequence[WorldPerson], cameras: Sequence[tuple[str, tuple[int, int] | None, PictureOfFrame]], stride: int
) -> Scene:
    clock = {int(frame): float(time) for one in members for frame, time in zip(one.frames, one.times, strict=True)}
    kept = _frames_kept(clock, stride)
    people = []
    for one in members:
        chosen = np.isin(one.frames, kept)
        observed = None if one.keypoints is None else one.keypoints[chosen]
        people.append(FramesOfPerson(one.name, one.result[chosen], observed, np.searchsorted(kept, one.frames[chosen])))
    taken = [Pictures(size, _by_number(seen, kept), name) for name, size, seen in cameras]
    return _motion(members[0].name if len(members) == 1 else f"{len(members)} people", people, kept, clock, taken)


def _frames_kept(clock: dict[int, float], stride: int) -> np.ndarray:
    return np.array(sorted(clock))[::stride]


def _by_number(seen: PictureOfFrame, numbers: np.ndarray) -> PictureOfFrame:
    return lambda place: seen(int(numbers[place]))


def _motion(
    name: str,
    people: Sequence[FramesOfPerson],
    frames: np.ndarray,
    clock: dict[int, float],
    pictures: Sequence[Pictures],
) -> Scene:
    times = [clock[int(frame)] for frame in frames]
    return make_scene(name, people, pictures, times=times, frame_names=[f"frame {frame}" for frame in frames])
