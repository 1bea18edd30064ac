"""Figures with bodies, arrows and words in three dimensions, for the tools that draw the documentation's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from smplify_jax.pictures.canvas import Canvas
from smplify_jax.pictures.palette import BLUE, GREEN, VERMILION, Color
from smplify_jax.pictures.raycast import Shape, render_shapes

AXIS_COLORS: tuple[Color, Color, Color] = (VERMILION, GREEN, BLUE)
"""Of x, y and z, in all figures."""

INK: Color = (40, 44, 52)
PAPER: Color = (255, 255, 255)
TEXT_SIZE = 17
"""[px]"""


@dataclass
class Stage:
    """A picture of a scene whose y points up.

    Attributes:
        size: (width, height) [px].
        eye: (3,) where it is seen from [m].
        target: (3,) what is in the middle of the picture [m].
        focal_length: [px].
    """

    size: tuple[int, int]
    eye: np.ndarray
    target: np.ndarray
    focal_length: float
    _words: list[tuple[np.ndarray, str, Color, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.eye, self.target = np.asarray(self.eye, float), np.asarray(self.target, float)
        forward = self.target - self.eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        self._turn = np.stack([right, np.cross(forward, right), forward])
        self._canvas = Canvas(self.size, np.full((self.size[1], self.size[0], 3), PAPER, np.uint8))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Where points (..., 3) of the scene are in the picture (..., 2) [px]."""
        seen = self._seen(points)
        return self.focal_length * seen[..., :2] / seen[..., 2:] + np.array(self.size) / 2

    def shapes(self, shapes: Sequence[Shape], opacity: float = 1.0) -> None:
        """Draw meshes of the scene over what is there."""
        seen = [Shape(self._seen(shape.vertices), shape.faces, shape.color) for shape in shapes]
        center = np.array(self.size) / 2
        self._canvas.lay_over(render_shapes(seen, np.full(2, self.focal_length), center, self.size, 3), opacity)

    def line(
        self, start: np.ndarray, end: np.ndarray, color: Color = INK, width: float = 2.0, opacity: float = 1
    ) -> None:
        """Draw a line between two points of the scene."""
        self._canvas.line(self.pixels(np.asarray(start)), self.pixels(np.asarray(end)), width, color, opacity)

    def arrow(
        self, start: np.ndarray, end: np.ndarray, color: Color = INK, words: str = "", width: float = 4.0
    ) -> None:
        """Draw an arrow between two points of the scene, with words beyond its tip."""
        tail, tip = self.pixels(np.asarray(start)), self.pixels(np.asarray(end))
        along = (tip - tail) / max(float(np.linalg.norm(tip - tail)), 1e-9)
        across = np.array([-along[1], along[0]])
        self._canvas.line(tail, tip, width, color)
        for side in (1, -1):
            self._canvas.line(tip, tip - 4 * width * along + side * 2.4 * width * across, width, color)
        if words:
            anchor = ("l" if along[0] > 0.35 else "r" if along[0] < -0.35 else "m") + "m"
            self._words.append((tip + 11 * along, words, color, anchor, TEXT_SIZE + 2))

    def axes(self, origin: np.ndarray, directions: np.ndarray, words: Sequence[str], length: float = 0.7) -> None:
        """Draw the x, y and z axes of a frame: rows of directions (3, 3)."""
        for direction, color, name in zip(directions, AXIS_COLORS, words, strict=True):
            self.arrow(origin, np.asarray(origin) + length * np.asarray(direction), color, name)

    def dot(self, point: np.ndarray, color: Color, radius: float = 5.0) -> None:
        """Draw a disc at a point of the scene."""
        self._canvas.disc(self.pixels(np.asarray(point)), radius + 1.5, INK)
        self._canvas.disc(self.pixels(np.asarray(point)), radius, color)

    def write(
        self,
        at: Sequence[float] | np.ndarray,
        words: str,
        color: Color = INK,
        anchor: str = "lm",
        size: int = TEXT_SIZE,
    ) -> None:
        """Write words at a place of the picture (2,) [px]."""
        self._words.append((np.asarray(at, float), words, color, anchor, size))

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        picture = Image.fromarray(self._canvas.to_image()).convert("RGB")
        pen = ImageDraw.Draw(picture)
        for at, words, color, anchor, size in self._words:
            font = ImageFont.load_default(size)
            pen.text(tuple(at), words, fill=color, font=font, anchor=anchor, stroke_width=3, stroke_fill=PAPER)
        return np.asarray(picture)

    def _seen(self, points: np.ndarray) -> np.ndarray:
        return (np.asarray(points, float) - self.eye) @ self._turn.T
