"""People seen from their camera's right or from above, where the depths of their bodies show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from smplify_jax.pictures.quick_raycast import render_tile
from smplify_jax.pictures.raycast import Shape

View = Literal["side", "top"]
"""From the camera's right, or from above."""

_ASPECT = 0.5
"""Width of the view over its height."""

_SIDE_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""The rotation from the camera frame to one that looks along -x: depth to the right, y down."""

_FROM_ABOVE = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""The rotation from the camera frame to one that looks along +y: right stays right, and what is farther is higher."""

_DISTANCE = 8.0
"""Of the viewer, in extents of what is seen."""

_BEYOND_JOINTS = 0.25
"""[m] From the outermost joints to the border: bodies end about 0.15 m beyond theirs."""

_WALL, _FLOOR, _LINE = (238, 238, 240), (222, 222, 226), (170, 170, 178)


@dataclass(frozen=True)
class SideView:
    """A fixed view of people in a picture, or of all that happens in a video.

    Attributes:
        size: (width, height) [px].
        middle: (3,) of what is seen, camera frame [m].
        pixels_per_metre: at the middle.
        floor: height of the feet in the camera frame, y [m]; None from above.
        turn: (3, 3) from the camera frame to that of the viewer.
    """

    size: tuple[int, int]
    middle: np.ndarray
    pixels_per_metre: float
    floor: float | None
    turn: np.ndarray

    @classmethod
    def of(cls, joints: Sequence[np.ndarray], height: int, view: View = "side") -> SideView:
        """A view that shows people where they are most of the time.

        Args:
            joints: (T, J, 3) of each person in the camera frame [m]; NaN where there is no body.
            height: of the view [px].
            view: from where.
        """
        turn = _SIDE_FROM_CAMERA if view == "side" else _FROM_ABOVE
        size = (max(2, round(_ASPECT * height / 2) * 2), height)
        points = np.concatenate([one.reshape(-1, 3) for one in joints]) if joints else np.zeros((0, 3))
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            return cls(size, np.array([0.0, 0.0, 3.0]), height / 2.2, 1.0 if view == "side" else None, turn)
        # A frame that went wrong should not make everything small.
        low, high = np.percentile(points, (1, 99), axis=0) + np.array([[-_BEYOND_JOINTS], [_BEYOND_JOINTS]])
        extent = high - low
        across, down, _ = np.abs(turn) @ extent
        scale = min(size[0] / across, size[1] / down)
        floor = float(high[1]) - 0.6 * _BEYOND_JOINTS if view == "side" else None
        return cls(size, (low + high) / 2, float(scale), floor, turn)

    def draw(self, shapes: Sequence[Shape]) -> np.ndarray:
        """(height, width, 3) uint8: shapes of the camera frame."""
        width, height = self.size
        picture = self._room()
        distance = _DISTANCE * height / self.pixels_per_metre
        turned = [
            replace(shape, vertices=(shape.vertices - self.middle) @ self.turn.T + (0, 0, distance)) for shape in shapes
        ]
        focal = np.full(2, self.pixels_per_metre * distance)
        tile = render_tile(turned, focal, (width / 2, height / 2), self.size)
        if tile is not None:
            tile.lay_over(picture)
        return picture

    def _room(self) -> np.ndarray:
        width, height = self.size
        picture = np.full((height, width, 3), _WALL, np.uint8)
        picture[:, :2] = _LINE
        if self.floor is None:
            return picture
        row = round(height / 2 + (self.floor - self.middle[1]) * self.pixels_per_metre)
        if 0 <= row < height:
            picture[row:] = _FLOOR
            picture[row : row + 2] = _LINE
        return picture
