"""A picture to draw on: bodies, discs, crosses and lines in layers, with anti-aliased edges.

Marks are drawn from their signed distance: a pixel's coverage is 0.5 minus the distance of its centre from the edge,
clipped to 0..1. This is smooth at any size and needs no oversized canvas.
"""

from __future__ import annotations

import numpy as np

Color = tuple[int, int, int]
Point = np.ndarray


class Canvas:
    """An RGBA picture under construction, with pixel centres at (i + 0.5, j + 0.5).

    Pixels are stored as colour times coverage (premultiplied), so that layers blend over a transparent background as over
    a picture.
    """

    def __init__(self, size: tuple[int, int], image: np.ndarray | None = None) -> None:
        """Start from a picture of this size, or transparent.

        Args:
            size: (width, height) [px].
            image: (H, W, 3) uint8 background.
        """
        width, height = size
        self._pixels = np.zeros((height, width, 4), np.float32)
        if image is not None:
            self._pixels[..., :3] = image[..., :3].astype(np.float32) / 255
            self._pixels[..., 3] = 1

    def lay_over(self, picture: np.ndarray, opacity: float = 1.0) -> None:
        """Lay a (H, W, 4) uint8 RGBA picture of the same size over this one."""
        coverage = picture[..., 3:].astype(np.float32) * (opacity / 255)
        color = picture[..., :3].astype(np.float32) / 255
        self._pixels[..., :3] = color * coverage + self._pixels[..., :3] * (1 - coverage)
        self._pixels[..., 3:] = coverage + self._pixels[..., 3:] * (1 - coverage)

    def disc(self, center: Point, radius: float, color: Color, opacity: float = 1.0) -> None:
        """Fill a disc. Center (2,) [px], radius [px]."""
        self.line(center, center, 2 * radius, color, opacity)

    def cross(self, center: Point, reach: float, width: float, color: Color) -> None:
        """Draw a diagonal cross with arms of length `reach` [px]."""
        arm = np.array([reach, reach]) / np.sqrt(2)
        for tip in (arm, arm * (1, -1)):
            self.line(center - tip, center + tip, width, color)

    def line(self, start: Point, end: Point, width: float, color: Color, opacity: float = 1.0) -> None:
        """Draw a line with round ends. Start and end (2,) [px]; parts outside the picture are clipped."""
        start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
        size = np.array(self._pixels.shape[1::-1])
        low = np.clip(np.floor(np.minimum(start, end) - width / 2 - 1), 0, size).astype(int)
        high = np.clip(np.ceil(np.maximum(start, end) + width / 2 + 1), 0, size).astype(int)
        if (low >= high).any():
            return
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        from_start = np.stack([x, y], axis=-1) - start
        along = end - start
        fraction = np.clip(from_start @ along / max(float(along @ along), 1e-9), 0, 1)
        distance = np.linalg.norm(from_start - fraction[..., None] * along, axis=-1) - width / 2
        coverage = (np.clip(0.5 - distance, 0, 1) * opacity)[..., None].astype(np.float32)
        layer = np.append(np.asarray(color, np.float32) / 255, np.float32(1)) * coverage
        window = self._pixels[low[1] : high[1], low[0] : high[0]]
        window[:] = layer + window * (1 - coverage)

    def to_image(self) -> np.ndarray:
        """The (H, W, 4) uint8 RGBA picture, straight alpha."""
        straight = self._pixels.copy()
        straight[..., :3] /= np.maximum(straight[..., 3:], 1e-6)
        return np.rint(np.clip(straight, 0, 1) * 255).astype(np.uint8)
