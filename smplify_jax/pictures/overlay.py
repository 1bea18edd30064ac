"""A fitted body over its picture, with the detected and the fitted keypoints.

Colours show the side of the person: left blue, right orange, the middle white. A detected keypoint is a disc, larger for
a higher confidence, and the same keypoint of the fitted body is a cross, joined to its disc by a line as long as the error: where crosses
lie in discs, the fit explains the detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import mirrored_name
from smplify_jax.pictures.canvas import Canvas, Color, Point
from smplify_jax.pictures.palette import ORANGE, SKY_BLUE, YELLOW
from smplify_jax.pictures.raycast import Shape, render_shapes

MAX_SIDE = 1200
"""[px] Larger pictures are scaled down to this longest side: enough to judge a fit, and quick to render."""

LEFT_COLOR: Color = SKY_BLUE
RIGHT_COLOR: Color = ORANGE
MIDDLE_COLOR: Color = (250, 250, 250)
_RIM_COLOR: Color = (20, 20, 20)
_CROSS_COLOR: Color = (255, 255, 255)
_ERROR_COLOR: Color = YELLOW

_LIMBS_OF_ONE_SIDE = (
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("left_wrist", "left_thumb_knuckle"),
    ("left_wrist", "left_index_knuckle"),
    ("left_index_knuckle", "left_middle_knuckle"),
    ("left_middle_knuckle", "left_pinky_knuckle"),
    ("left_wrist", "left_pinky_knuckle"),
    ("left_shoulder", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("left_ankle", "left_heel"),
    ("left_ankle", "left_big_toe"),
    ("left_big_toe", "left_small_toe"),
    ("nose", "left_eye"),
    ("left_eye", "left_ear"),
)
LIMBS: tuple[tuple[str, str], ...] = (
    *_LIMBS_OF_ONE_SIDE,
    *((mirrored_name(start), mirrored_name(end)) for start, end in _LIMBS_OF_ONE_SIDE),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("neck", "nose"),
    ("neck", "head_top"),
    ("upper_neck", "head_top"),
    ("head", "head_top"),
)
"""Pairs of keypoint names to join by a line, if a layout has both."""


@dataclass(frozen=True)
class OverlayStyle:
    """Style of an overlay.

    Attributes:
        body_opacity: 0 hides the body, 1 hides the person.
        show_limbs: join detected keypoints by lines.
        show_fitted: mark the keypoints of the fit, and join them to the detected ones.
        max_side: longest side of the overlay [px]; larger pictures are scaled down.
        supersampling: samples per pixel side of the body's rendering.
    """

    body_opacity: float = 0.82
    show_limbs: bool = True
    show_fitted: bool = True
    max_side: int = MAX_SIDE
    supersampling: int = 2


DEFAULT_STYLE = OverlayStyle()


@dataclass(frozen=True)
class Marks:
    """Keypoints of one person in pixels of the full picture.

    Attributes:
        names: K keypoint names; the prefixes left_ and right_ choose the colour.
        detected: (K, 3) x, y, confidence; those with confidence 0 or NaN are not drawn. None if they are not known.
        fitted: (K, 2) the fit's keypoints, drawn where detected, or all if nothing is known of detections; or None.
    """

    names: Sequence[str]
    detected: np.ndarray | None
    fitted: np.ndarray | None = None


def draw_overlay(
    image_size: tuple[int, int],
    focal_length: np.ndarray,
    camera_center: np.ndarray,
    shapes: Sequence[Shape] = (),
    marks: Sequence[Marks] = (),
    image: np.ndarray | None = None,
    style: OverlayStyle = DEFAULT_STYLE,
) -> np.ndarray:
    """Draw bodies and keypoints over a picture.

    Args:
        image_size: (width, height) of the full picture [px].
        focal_length: (2,) in pixels of the full picture.
        camera_center: (2,) [px].
        shapes: bodies in the camera frame.
        marks: keypoints, drawn over the bodies.
        image: (H, W, 3) uint8 picture; transparent without one.
        style: strengths and sizes.
    Returns:
        (height, width, 4) uint8 RGBA, scaled down to `style.max_side`.
    Raises:
        InputError: the image is not of that size.
    """
    if image is not None and image.shape[1::-1] != tuple(image_size):
        raise InputError(
            f"The picture is {image.shape[1]} x {image.shape[0]} px but the keypoints are of one of {image_size[0]} x "
            f"{image_size[1]} px: give the picture that the keypoints were detected in."
        )
    size, scale = _scaled_down(image_size, style.max_side)
    if image is not None and size != tuple(image_size):
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    canvas = Canvas(size, image)
    if shapes and style.body_opacity > 0:
        bodies = render_shapes(
            shapes, np.asarray(focal_length) * scale, np.asarray(camera_center) * scale, size, style.supersampling
        )
        canvas.lay_over(bodies, style.body_opacity)
    for person in marks:
        _draw_marks(canvas, person, scale, size, style)
    return canvas.to_image()


def _scaled_down(image_size: tuple[int, int], max_side: int) -> tuple[tuple[int, int], np.ndarray]:
    """Size of the overlay, and its pixels per pixel of the full picture along x and y (rounding makes them differ)."""
    factor = min(1.0, max_side / max(image_size))
    size = (max(1, round(image_size[0] * factor)), max(1, round(image_size[1] * factor)))
    return size, np.array(size) / np.array(image_size)


def _draw_marks(canvas: Canvas, person: Marks, scale: np.ndarray, size: tuple[int, int], style: OverlayStyle) -> None:
    fitted = None if person.fitted is None or not style.show_fitted else np.asarray(person.fitted, np.float64) * scale
    if person.detected is None:
        if fitted is not None and np.isfinite(fitted).all(axis=1).any():
            crossed = fitted[np.isfinite(fitted).all(axis=1)]
            _draw_crosses(canvas, crossed, _disc_radius(crossed, size))
        return
    points = np.asarray(person.detected, np.float64)[:, :2] * scale
    confidence = np.asarray(person.detected, np.float64)[:, 2]
    is_seen = np.isfinite(points).all(axis=1) & (confidence > 0)
    if not is_seen.any():
        return
    radius = _disc_radius(points[is_seen], size)
    at = {name: points[k] for k, name in enumerate(person.names) if is_seen[k]}
    if style.show_limbs:
        for start, end in LIMBS:
            if start in at and end in at:
                _draw_limb(canvas, at[start], at[end], radius, side_color(start, end))
    is_fitted = is_seen if fitted is None else is_seen & np.isfinite(fitted).all(axis=1)
    if fitted is not None:
        _draw_errors(canvas, points[is_fitted], fitted[is_fitted], radius)
    for k in map(int, np.flatnonzero(is_seen)):
        # A keypoint of low confidence is drawn at half the size, not smaller: it was used in the fit, so it must be visible.
        size_of_disc = radius * (0.5 + 0.5 * min(float(confidence[k]), 1.0))
        canvas.disc(points[k], size_of_disc + max(0.8, 0.2 * radius), _RIM_COLOR)
        canvas.disc(points[k], size_of_disc, side_color(person.names[k]))
    if fitted is not None:
        _draw_crosses(canvas, fitted[is_fitted], radius)


def _draw_errors(canvas: Canvas, starts: np.ndarray, ends: np.ndarray, radius: float) -> None:
    for start, end in zip(starts, ends, strict=True):
        canvas.line(start, end, max(2.4, 0.7 * radius), _RIM_COLOR)
        canvas.line(start, end, max(1.2, 0.35 * radius), _ERROR_COLOR)


def _draw_crosses(canvas: Canvas, points: np.ndarray, radius: float) -> None:
    for point in points:
        canvas.cross(point, 0.8 * radius, max(2.2, 0.55 * radius), _RIM_COLOR)
        canvas.cross(point, 0.75 * radius, max(1.1, 0.25 * radius), _CROSS_COLOR)


def _draw_limb(canvas: Canvas, start: Point, end: Point, radius: float, color: Color) -> None:
    canvas.line(start, end, 0.5 * radius, color, opacity=0.65)


def _disc_radius(points: np.ndarray, size: tuple[int, int]) -> float:
    """Radius for a keypoint of confidence 1 [px]: about 1 % of the person's extent, within limits that depend on the picture."""
    extent = float(np.ptp(points, axis=0).max())
    return float(np.clip(0.011 * extent, 2.5, max(2.5, 0.012 * max(size))))


def side_color(*names: str) -> Color:
    """Colour of the side that keypoint names are of: the middle's if they are of both, or of none."""
    if any(name.startswith("left_") for name in names) and not any(name.startswith("right_") for name in names):
        return LEFT_COLOR
    if any(name.startswith("right_") for name in names) and not any(name.startswith("left_") for name in names):
        return RIGHT_COLOR
    return MIDDLE_COLOR
