"""A result as a page for browsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import smplify_jax
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.pictures.report.page import report_page
from smplify_jax.pictures.report.scene import Scene, no_picture
from smplify_jax.result.scenes import FramesOfPerson, Pictures, make_scene
from smplify_jax.result.times import frame_times, frames_by_person

Images = np.ndarray | Sequence[np.ndarray | None] | Callable[[int], np.ndarray | None]
"""The picture of all frames, (H, W, 3) uint8, or those of each frame by its place."""


def write_report(
    path: str | PathLike[str],
    result: Any,
    *,
    images: Images | None = None,
    keypoints: ArrayLike | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    times: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    title: str = "Fitted bodies",
    layout: str | Layout | None = None,
) -> None:
    """Write a page; see `FitResult.report`."""
    if not result.status.size:
        raise InputError("There is nobody to show: the result is empty.")
    clock = frame_times(result, fps, times)
    picture = _by_place(images, 1 if clock is None else len(clock))
    first = picture(0) if image_size is None else None
    size = image_size if first is None else (first.shape[1], first.shape[0])
    people = frames_by_person(result, is_motion=clock is not None)
    names = [f"person {number}" for number in range(len(people))] if names is None else names
    names = [names] if isinstance(names, str) else names
    if len(names) != len(people):
        raise InputError(f"There are {len(names)} names for {len(people)} people: give one for each.")
    observed = _observed(keypoints, people)
    members = [FramesOfPerson(*one) for one in zip(names, people, observed, strict=True)]
    known = None if layout is None else get_layout(layout)
    write_page(path, [make_scene(title, members, (Pictures(size, picture),), times=clock, layout=known)], title)


def write_page(path: str | PathLike[str], scenes: Sequence[Scene], title: str, notes: Sequence[str] = ()) -> None:
    """Write scenes as one HTML file, completely or not at all.

    Args:
        path: the file.
        scenes: at least one.
        title: of the page.
        notes: sentences about the whole page.
    Raises:
        InputError: the file cannot be written.
    """
    page = report_page(scenes, title, generator=f"smplify-jax {smplify_jax.__version__}", notes=notes)
    with atomic_write(path) as file:
        file.write(page.encode())


def _by_place(images: Images | None, num_frames: int) -> Callable[[int], np.ndarray | None]:
    if images is None:
        return no_picture
    if callable(images):
        return lambda place: _checked(images(place))
    if isinstance(images, (str, PathLike)):
        raise InputError(f"images is {str(images)!r:.60}: give the picture itself, an array (H, W, 3) of uint8.")
    if isinstance(images, np.ndarray) and images.ndim != 4:
        check_image(images, (3, 4))
        return lambda _place: images
    if len(images) != num_frames:
        raise InputError(
            f"There are {len(images)} images for {num_frames} frames: give the picture, or of a motion one for each frame."
        )
    return lambda place: _checked(images[place])


def _checked(image: np.ndarray | None) -> np.ndarray | None:
    if image is not None:
        check_image(image, (3, 4))
    return image


def _observed(keypoints: ArrayLike | None, people: Sequence[Any]) -> list[np.ndarray | None]:
    """The keypoints of each person, with the axes of their fitted ones."""
    if keypoints is None:
        return [None] * len(people)
    rows, shape = np.asarray(keypoints, np.float64), (*people[0].keypoints_px.shape[:-1], 3)
    if rows.size != len(people) * int(np.prod(shape)):
        raise InputError(
            f"The keypoints have shape {rows.shape}, and those of the result {len(people)} times {shape}: give those that were fitted."
        )
    return list(rows.reshape(len(people), *shape))
