"""The cameras of results as pyramids in space, with their pictures on the far side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.files.images import is_picture, load_image
from smplify_jax.viewer.people import ShownPerson

MAX_SIDE = 960
"""Pixels of a picture's longer side in the browser."""

_GREY = 128


@dataclass(frozen=True, eq=False)
class ShownCamera:
    """A camera in the upright frame.

    Attributes:
        focal_length: (2,) [px].
        center: (2,) principal point [px].
        position: (3,) [m].
        rotation: of its axes x right, y down, z forward.
    """

    focal_length: np.ndarray
    center: np.ndarray
    position: np.ndarray
    rotation: Rotation

    @property
    def wxyz(self) -> np.ndarray:
        """The rotation as a unit quaternion, its real part first."""
        return self.rotation.as_quat(scalar_first=True)

    def fov(self, size: tuple[int, int]) -> float:
        """The vertical field of view [rad] of a picture of this size [px]."""
        return float(2 * np.arctan2(size[1] / 2, self.focal_length[1]))

    def aspect(self, size: tuple[int, int]) -> float:
        """Width over height of the pyramid."""
        return float(size[0] / self.focal_length[0] / (size[1] / self.focal_length[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Of a picture that has the principal point in its middle [px]."""
        return max(round(2 * float(self.center[0])), 1), max(round(2 * float(self.center[1])), 1)


def cameras_of(person: ShownPerson, frame: int) -> list[ShownCamera]:
    """The cameras that saw a person in a frame: one at the origin, or those of a calibration; none for points in space."""
    result, upright = person.result, person.upright
    if not person.status(frame).is_usable:
        return []
    focal, center = np.asarray(result.camera.focal_length[frame]), np.asarray(result.camera.camera_center[frame])
    if result.extrinsics is None:
        return [ShownCamera(focal, center, np.zeros(3), Rotation.from_matrix(upright))]
    rotations, translations = (
        np.asarray(array[frame], np.float64) for array in (result.extrinsics.rotation, result.extrinsics.translation)
    )
    return [
        ShownCamera(focal[view], center[view], upright @ (-turn.T @ moved), Rotation.from_matrix(upright @ turn.T))
        for view, (turn, moved) in enumerate(zip(rotations, translations, strict=True))
    ]


class ShownPicture(NamedTuple):
    """A picture with the principal point in its middle.

    Attributes:
        pixels: (H, W, 3) RGB, no longer than `MAX_SIDE`.
        size: width and height before it was scaled down, which the focal length is in pixels of.
    """

    pixels: np.ndarray
    size: tuple[int, int]


class Pictures:
    """The pictures of one camera: one for all frames, or those of a folder."""

    def __init__(self, path: Path, frames: np.ndarray | None) -> None:
        """Look for pictures.

        Args:
            path: a picture, or a folder of them, of a frame each in the order of their numbers.
            frames: (T,) numbers of the result's frames, as far as known: pictures are then found by the last number in their names.
        Raises:
            InputError: there is no picture.
        """
        self._last: tuple[tuple[object, ...], ShownPicture] | None = None
        if not path.is_dir():
            load_image(path)  # what cannot be read is told before the viewer starts
            self._paths: dict[int, Path] = {}
            self._only: Path | None = path
            return
        found = sorted((one for one in path.iterdir() if is_picture(one)), key=_by_number)
        if not found:
            raise InputError(
                f"{path}: is a folder without pictures; give a picture, or a folder with one of each frame."
            )
        numbers = [int(digits[-1]) if (digits := re.findall(r"\d+", one.stem)) else -1 for one in found]
        rows = {} if frames is None else {int(number): row for row, number in enumerate(frames)}
        by_number = {rows[number]: one for number, one in zip(numbers, found, strict=True) if number in rows}
        self._paths = by_number or dict(enumerate(found))
        self._only = None

    def at(self, frame: int, camera: ShownCamera) -> ShownPicture | None:
        """The picture of a frame with the principal point in its middle, the same object while it is the same; None if there is none."""
        path = self._only or self._paths.get(frame)
        if path is None:
            return None
        key = path, *camera.center.tolist()
        if self._last is None or self._last[0] != key:
            self._last = key, _centered(load_image(path), camera.center)
        return self._last[1]


def _by_number(path: Path) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.name


def _centered(image: np.ndarray, center: np.ndarray) -> ShownPicture:
    """The picture with a grey margin where its principal point is not in the middle: the browser's pyramids have it there."""
    height, width = image.shape[:2]
    margins = [
        (max(round(size - 2 * float(at)), 0), max(round(2 * float(at) - size), 0))
        for size, at in ((height, center[1]), (width, center[0]))
    ]
    picture = Image.fromarray(np.pad(image, [*margins, (0, 0)], constant_values=_GREY))
    size = picture.size
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return ShownPicture(np.asarray(picture), size)
