"""Views of a body from all sides, and contact sheets, for documentation and for inspecting results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from smplify_jax.pictures.raycast import SKIN_COLOR, render

TURNTABLE_YAWS = (0.0, 90.0, 180.0, 270.0)
_PERSPECTIVE_DISTANCE = 4.0
_ORTHOGRAPHIC_DISTANCE = 500.0
"""In body heights. At this distance, perspective moves the points of a 1,000 px picture by less than one pixel."""


def render_views(
    vertices: np.ndarray,
    faces: np.ndarray,
    yaws: Sequence[float] = TURNTABLE_YAWS,
    size: tuple[int, int] = (320, 480),
    *,
    height: float | None = None,
    center: np.ndarray | None = None,
    orthographic: bool = False,
    color: tuple[int, int, int] = SKIN_COLOR,
    supersampling: int = 2,
) -> list[np.ndarray]:
    """Render a body in the SMPL frame (y up, +z front, x to the body's left) from several sides.

    Args:
        vertices: (V, 3) [m], SMPL frame.
        faces: (F, 3).
        yaws: rotation of the body to its left for each picture [degrees]; 0 shows the front, with the body's left on the
            right of the picture; 90 shows its right side, facing right.
        size: (width, height) of each picture [px].
        height: extent that exactly fills the picture's height [m]; give one to compare bodies at the same scale.
            By default the body fits, with some margin, at every yaw.
        center: (3,) point at the middle of the pictures [m]; the middle of the body's box by default.
        orthographic: parallel projection instead of a camera four heights away.
        color: RGB, each 0 to 255.
        supersampling: samples per pixel side.

    Returns:
        One (size[1], size[0], 4) uint8 RGBA picture per yaw, alpha 0 outside the body.
    """
    vertices = np.asarray(vertices, np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2 if center is None else np.asarray(center, np.float64)
    extent = height if height is not None else _extent(vertices - middle, size)
    distance = extent * (_ORTHOGRAPHIC_DISTANCE if orthographic else _PERSPECTIVE_DISTANCE)
    focal = np.full(2, size[1] * distance / extent)
    pictures = []
    for yaw in yaws:
        turned = (vertices - middle) @ _yaw_rotation(np.deg2rad(yaw)).T
        # SMPL's y up, z towards the viewer becomes the camera's y down, z forward: half a turn about x.
        in_camera = turned * (1.0, -1.0, -1.0) + (0.0, 0.0, distance)
        pictures.append(render(in_camera, faces, focal, np.asarray(size) / 2, size, color, supersampling))
    return pictures


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    *,
    labels: Sequence[str] | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    gap: int = 6,
) -> np.ndarray:
    """Arrange pictures in rows on one sheet, each in its own size in the middle of a cell that fits the largest.

    Args:
        images: (H, W, 3 or 4) uint8 pictures; transparency shows the background.
        columns: pictures per row.
        labels: a line of text under each picture.
        background: RGB, each 0 to 255.
        gap: space around cells [px].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    cell_width = max(image.shape[1] for image in images)
    cell_height = max(image.shape[0] for image in images)
    label_height = 18 if labels is not None else 0
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    step_x, step_y = cell_width + gap, cell_height + label_height + gap
    sheet = Image.new("RGB", (columns * step_x + gap, rows * step_y + gap), background)
    draw = ImageDraw.Draw(sheet)
    for index, array in enumerate(images):
        row, column = divmod(index, columns)
        x, y = gap + column * step_x, gap + row * step_y
        picture = Image.fromarray(array).convert("RGBA")
        corner = (x + (cell_width - picture.width) // 2, y + (cell_height - picture.height) // 2)
        sheet.paste(picture, corner, picture)
        if labels is not None:
            at = (x + cell_width / 2, y + cell_height + label_height / 2)
            draw.text(at, labels[index], fill=(40, 40, 40), font=ImageFont.load_default(12), anchor="mm")
    return np.asarray(sheet)


def _extent(centered: np.ndarray, size: tuple[int, int]) -> float:
    """Extent of the picture's height [m] that shows the body at every yaw, with a margin that allows for perspective."""
    half_height = np.abs(centered[:, 1]).max()
    radius = np.hypot(centered[:, 0], centered[:, 2]).max()
    needed = 2 * max(half_height, radius * size[1] / size[0])
    return float(max(needed * 1.06 * (1 + 0.5 * radius / max(needed, 1e-9) / _PERSPECTIVE_DISTANCE), 1e-6))


def _yaw_rotation(angle: float) -> np.ndarray:
    """Rotation (3, 3) about y by an angle [rad], from +z (the front) towards +x (the body's left)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
