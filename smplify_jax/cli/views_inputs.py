"""Read what several cameras saw: the keypoint files of each, in the order of the calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.cli.inputs import FoundInputs, PersonInput, read_inputs
from smplify_jax.cli.options import FitCommand, ReadOptions
from smplify_jax.cli.track_inputs import TrackInput, tracks_of
from smplify_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class ViewInput:
    """What one camera saw.

    Attributes:
        name: of the camera.
        tracks: people through its frames.
        pictures: a person of each frame, who leads to its picture.
        people: everybody in its frames, whom the tracks refer to.
    """

    name: str
    tracks: tuple[TrackInput, ...]
    pictures: dict[int, PersonInput]
    people: tuple[PersonInput, ...] = ()


def read_views(command: FitCommand, cameras: Sequence[CalibratedCamera]) -> tuple[list[ViewInput], FoundInputs]:
    """Read the input of each camera.

    Returns:
        The views, and all that was found in them together.
    Raises:
        InputError: there is not one input for each camera, one holds several videos, or their keypoints have different layouts.
    """
    paths = _paths(command.inputs, cameras)
    found = [
        read_inputs([path], options) for path, options in zip(paths, _options(command.read, len(paths)), strict=True)
    ]
    together = FoundInputs(*([one for view in found for one in getattr(view, name)] for name in vars(found[0])))
    layouts = sorted({person.layout for person in together.people})
    if len(layouts) > 1:
        raise InputError(f"The cameras' keypoints have the layouts {' and '.join(layouts)}: give all in the same one.")
    views = [
        _view(camera.name or f"camera_{number}", path, view.people, command)
        for number, (camera, path, view) in enumerate(zip(cameras, paths, found, strict=True))
    ]
    return _at_the_same_moments(views), together


def _paths(inputs: Sequence[Path], cameras: Sequence[CalibratedCamera]) -> list[Path]:
    """One path for each camera: those of the command line, or what lies in the only one, in the order of names."""
    paths = list(inputs)
    if len(paths) == 1 and len(cameras) > 1 and paths[0].is_dir():
        paths = sorted(path for path in paths[0].iterdir() if not path.name.startswith("."))
    if len(paths) != len(cameras):
        raise InputError(
            f"The calibration has {len(cameras)} cameras, and the number of inputs is {len(paths)}: give a file or folder for each, in the "
            f"order {', '.join(camera.name or str(number) for number, camera in enumerate(cameras))}."
        )
    return paths


def _options(read: ReadOptions, num_views: int) -> list[ReadOptions]:
    """The options of each view: of a folder of pictures with a folder for each camera, each gets its own."""
    if read.image is None or not read.image.is_dir():
        return [read] * num_views
    folders = sorted(path for path in read.image.iterdir() if path.is_dir())
    return [replace(read, image=folder) for folder in folders] if len(folders) == num_views else [read] * num_views


def _view(name: str, path: Path, people: Sequence[PersonInput], command: FitCommand) -> ViewInput:
    tracks = tracks_of(people, command.video)
    videos = sorted({one.track.video for one in tracks})
    if len(videos) > 1:
        raise InputError(f"{path} holds {len(videos)} videos, {videos[0]} and others: give one for each camera.")
    pictures: dict[int, PersonInput] = {}
    for one in tracks:
        for frame, person in zip(one.track.frames.tolist(), one.people, strict=True):
            if person is not None:
                pictures.setdefault(frame, person)
    return ViewInput(name, tuple(tracks), pictures, tuple(people))


def _at_the_same_moments(views: list[ViewInput]) -> list[ViewInput]:
    """The views with frame 0 for pictures of a single moment: the numbers in their names are those of the cameras."""
    if any(len(view.pictures) > 1 for view in views):
        return views
    zero = np.zeros(1, np.int64)
    return [
        replace(
            view,
            tracks=tuple(replace(one, track=replace(one.track, frames=zero)) for one in view.tracks),
            pictures=dict.fromkeys((0,) if view.pictures else (), next(iter(view.pictures.values()), None)),
        )
        for view in views
    ]
