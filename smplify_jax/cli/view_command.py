"""The work of `smplify-view`: read the results and start the viewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.body.capsule_files import with_capsules
from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.cli.cache import use_compilation_cache
from smplify_jax.cli.view_options import VIEW, ViewCommand
from smplify_jax.errors import InputError
from smplify_jax.exports.motion import DEFAULT_FPS
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.names import unique_names
from smplify_jax.result import FitResult
from smplify_jax.viewer.cameras import Pictures
from smplify_jax.viewer.people import ShownPerson, people_of_result
from smplify_jax.viewer.replay import replay
from smplify_jax.viewer.viewer import Viewer

_OF_INPUT = ("keypoints", "image_size", "frames", "frame_rate")
"""Arrays of the command's files that are not the result's."""

_STEPS_PER_SECOND = 2.0


def opened_viewer(command: ViewCommand) -> Viewer:
    """A viewer of the results.

    Raises:
        InputError: a result, picture or body cannot be read, viser is not installed, or there is nothing to show.
    """
    body = _body(command)
    people: list[ShownPerson] = []
    frames, rate = None, None
    paths = _without_amass(command.results)
    names = unique_names(_short_names(paths))
    for number, (name, path) in enumerate(zip(names, paths, strict=True)):
        result = FitResult.load(path, body)
        of_input = load_npz(path, _OF_INPUT)
        # Tracks that a data set's export wrote have no velocities, but the numbers of their frames.
        numbers = _numbers(of_input, "frames")
        has_frames = numbers is not None and numbers.shape == result.status.shape
        is_motion = command.frames or result.velocities is not None or has_frames
        if command.replay:
            result, is_motion = _replayed(result, of_input, path), True
        people += people_of_result(name, result, number, is_motion=is_motion)
        frames = numbers if frames is None else frames
        rate = _rate(of_input) if rate is None else rate
    pictures = [Pictures(path, frames) for path in command.image]
    fps = _STEPS_PER_SECOND if command.replay else command.fps or rate or DEFAULT_FPS
    return Viewer(people, pictures, fps=fps, host=command.host, port=command.port)


def _without_amass(paths: Sequence[Path]) -> list[Path]:
    """The paths without AMASS's arrays of results among them: `motions/*.npz` names both."""
    amass = {path.with_name(f"{path.stem}_amass.npz") for path in paths}
    passed = [path for path in paths if path in amass]
    if passed:
        VIEW.complain(f"passed over {', '.join(map(str, passed))}: the same motions in AMASS's arrays.")
    return [path for path in paths if path not in amass]


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The names of files, with their folders where files of several folders have the same name."""
    stems = [path.stem for path in paths]
    return [
        stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}/{stem}"
        for stem, path in zip(stems, paths, strict=True)
    ]


def _body(command: ViewCommand) -> BodyModel | None:
    """The body of the options; None for the open body that each result names."""
    if command.body is None:
        return None
    body = load_body(command.body, command.gender)
    return body if command.capsules is None else with_capsules(body, command.capsules)


def _replayed(result: FitResult, of_input: Mapping[str, object], path: Path) -> FitResult:
    keypoints, size = _numbers(of_input, "keypoints"), _numbers(of_input, "image_size")
    if keypoints is None:
        raise InputError(f"{path}: has no keypoints to fit again; give a file that smplify-fit wrote.")
    complaint = use_compilation_cache()
    if complaint:
        VIEW.complain(complaint)
    return replay(result, keypoints, np.full(2, np.nan) if size is None else size)


def _rate(of_input: Mapping[str, object]) -> float | None:
    """Frames per second [1/s]; None if the file does not say."""
    value = _numbers(of_input, "frame_rate")
    rate = float(value.ravel()[0]) if value is not None and value.size else 0.0
    return rate if 0 < rate < np.inf else None


def _numbers(of_input: Mapping[str, Any], name: str) -> np.ndarray | None:
    value = of_input.get(name)
    return np.asarray(value) if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" else None
