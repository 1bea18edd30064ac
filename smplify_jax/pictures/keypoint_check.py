"""Keypoints with the body points that they are taken for: a wrong layout shows at once."""

from __future__ import annotations

import numpy as np
from jax.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from smplify_jax.errors import InputError
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.pictures.overlay import Marks, OverlayStyle, draw_overlay, side_color

_LONGEST = 900
"""[px] Side of the person's part of the picture."""

_MAX_MAGNIFICATION = 4.0
_MARGIN = 0.15
"""Around the keypoints, of their extent."""

_ROW, _TEXT, _LEGEND = 17, 13, 300
"""[px] Height of a legend's row, of its letters, and width of the legend."""

_PAPER, _INK, _FAINT, _GROUND = (255, 255, 255), (30, 34, 42), (150, 155, 165), (226, 229, 235)


def draw_keypoints(keypoints: ArrayLike, layout: str | Layout, image: np.ndarray | None = None) -> np.ndarray:
    """Draw one person's keypoints with their numbers, joined as a skeleton, beside a list of the body points they are taken for.

    Blue is the person's left, orange their right. If a line leaves the body or the colours are on the wrong sides, the layout is another.

    Args:
        keypoints: (K, 3) x, y, confidence [px]; those with confidence 0 or NaN are not drawn, and grey in the list.
        layout: that they are taken to have.
        image: (H, W, 3) uint8 picture that they were detected in; a plain ground without one.
    Returns:
        (H, W, 3) uint8: the part of the picture with the person, magnified, and the list.
    Raises:
        InputError: the layout has another number of keypoints, or the picture is no (H, W, 3) of uint8.
    """
    known = get_layout(layout)
    if image is not None:
        check_image(image, (3, 4))
    rows = np.asarray(keypoints, np.float64)
    if rows.shape != (known.num_keypoints, 3):
        raise InputError(
            f"The keypoints have shape {rows.shape}, and layout {known.name} has {known.num_keypoints}: give one person's (K, 3)."
        )
    is_seen = np.isfinite(rows[:, :2]).all(axis=1) & (rows[:, 2] > 0)
    person = _drawn_person(rows, is_seen, known, image)
    legend = _legend(known, is_seen, person.height)
    sheet = Image.new("RGB", (person.width + legend.width, max(person.height, legend.height)), _PAPER)
    sheet.paste(person, (0, 0))
    sheet.paste(legend, (person.width, 0))
    return np.asarray(sheet)


def _drawn_person(rows: np.ndarray, is_seen: np.ndarray, layout: Layout, image: np.ndarray | None) -> Image.Image:
    """The part of the picture around the keypoints, with discs, limbs and numbers."""
    left, top, right, bottom = _box(rows[is_seen, :2], image)
    scale = min(_MAX_MAGNIFICATION, _LONGEST / max(right - left, bottom - top))
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    ground = np.full((size[1], size[0], 3), _GROUND, np.uint8)
    if image is not None:
        ground = _part(image, (left, top), scale, size)
    placed = (rows - (left, top, 0)) * (scale, scale, 1)
    marks = Marks(layout.keypoint_names, placed)
    style = OverlayStyle(max_side=2 * _LONGEST)
    picture = Image.fromarray(draw_overlay(size, np.ones(2), np.zeros(2), (), [marks], ground, style)).convert("RGB")
    _write_numbers(picture, placed, is_seen)
    return picture


def _part(image: np.ndarray, corner: tuple[int, int], scale: float, size: tuple[int, int]) -> np.ndarray:
    """The part of a picture from a corner on, in another scale; plain beyond the picture, however far keypoints lie outside of it."""
    factor = max(1, int(1 / scale))  # means first: a transform takes single pixels of a large picture
    picture = Image.fromarray(image).reduce(factor)
    step = 1 / scale / factor
    coefficients = (step, 0.0, corner[0] / factor, 0.0, step, corner[1] / factor)
    part = picture.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC, fillcolor=_GROUND)
    return np.asarray(part)


def _box(points: np.ndarray, image: np.ndarray | None) -> tuple[int, int, int, int]:
    """Left, top, right, bottom [px] of what is shown: the keypoints with a margin, also where they lie outside of the picture."""
    if not len(points):
        return (0, 0, 300, 300) if image is None else (0, 0, image.shape[1], image.shape[0])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = max(10.0, _MARGIN * float((high - low).max()))
    left, top = np.floor(low - margin).astype(int).tolist()
    right, bottom = np.ceil(high + margin).astype(int).tolist()
    return left, top, right, bottom


def _write_numbers(picture: Image.Image, placed: np.ndarray, is_seen: np.ndarray) -> None:
    """Beside each disc, away from the middle of all."""
    if not is_seen.any():
        return
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(_TEXT)
    middle = placed[is_seen, :2].mean(axis=0)
    for k in map(int, np.flatnonzero(is_seen)):
        away = placed[k, :2] - middle
        at = placed[k, :2] + 16.0 * away / max(float(np.linalg.norm(away)), 1e-6)
        pen.text(tuple(at), str(k), fill=_INK, font=font, anchor="mm", stroke_width=2, stroke_fill=_PAPER)


def _legend(layout: Layout, is_seen: np.ndarray, least_height: int) -> Image.Image:
    """A row for each keypoint: its number, its name, and the body points that define it, if they have other names."""
    height = max(least_height, _ROW * (layout.num_keypoints + 3) + 10)
    picture = Image.new("RGB", (_LEGEND, height), _PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(_TEXT)
    pen.text((12, 8), f"layout {layout.name}: {int(is_seen.sum())} of {len(is_seen)} observed", fill=_INK, font=font)
    pen.text((12, 8 + _ROW), "blue: their left, orange: their right", fill=_INK, font=font)
    for k, (name, points) in enumerate(zip(layout.keypoint_names, layout.points, strict=True)):
        y = 8 + (k + 2.6) * _ROW
        color = side_color(name) if is_seen[k] else _GROUND
        pen.ellipse((14, y + 3, 24, y + 13), fill=color, outline=_INK if is_seen[k] else _FAINT)
        words = f"{k}  {name}" + ("" if points == (name,) else f" = {' + '.join(points)}")
        pen.text((32, y), _fitting(words, font), fill=_INK if is_seen[k] else _FAINT, font=font)
    return picture


def _fitting(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The words, cut to the width of the legend."""
    if font.getlength(words) <= _LEGEND - 40:
        return words
    while font.getlength(words + "…") > _LEGEND - 40:
        words = words[:-1]
    return words + "…"
