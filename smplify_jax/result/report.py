"""Scenes as a page for browsers, and what `FitResult.report` is given in the form that they need."""

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
from smplify_jax.pictures.report.page import report_page
from smplify_jax.pictures.report.scene import Scene, no_picture

Images = np.ndarray | Sequence[np.ndarray | None] | Callable[[int], np.ndarray | None]
"""The picture of all frames, (H, W, 3) uint8, or those of each frame by its place."""


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


def picture_by_place(images: Images | None, num_frames: int) -> Callable[[int], np.ndarray | None]:
    """What gives the picture of each frame; checked when it is asked for."""
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


def observed_by_person(keypoints: ArrayLike | None, people: Sequence[Any]) -> list[np.ndarray | None]:
    """The keypoints of each person, with the axes of their fitted ones."""
    if keypoints is None:
        return [None] * len(people)
    rows, shape = np.asarray(keypoints, np.float64), (*people[0].keypoints_px.shape[:-1], 3)
    if rows.size != len(people) * int(np.prod(shape)):
        raise InputError(
            f"The keypoints have shape {rows.shape}, and those of the result {len(people)} times {shape}: give those that were fitted."
        )
    return list(rows.reshape(len(people), *shape))
