"""Common camera conversions: weak perspective, crops, focal lengths. For boxes see `crop_box`.

A crop is the square of side b [px] around a box's centre in the full picture, resampled to S x S pixels. Two different
cameras describe it:

- the *crop camera* of networks: it looks straight at the crop's middle with a focal length of its own (SPIN: f = 5000 for
  S = 224). `transl_in_picture` and `weak_perspective_in_crop` convert between it and the full picture's camera; pixels
  agree exactly for points at the depth of transl, and to first order around it;
- the *cut-out* of the full picture's own camera: `crop_of_camera`. The transl is the same and the conversion is exact.

All functions take any number of leading axes and compute in float64 with NumPy: they convert data and are not part of a fit.
Source: Hartley & Zisserman, Multiple View Geometry, 2004, sections 6.1 (pinhole) and 6.3 (weak perspective).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from PIL import ExifTags

from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError

FULL_FRAME_DIAGONAL_MM = float(np.hypot(36.0, 24.0))
"""Diagonal of the film frame that "35 mm equivalent" refers to; the diagonals define the equivalence (CIPA DCG-001)."""


def transl_from_weak_perspective(weak: ArrayLike, focal_length: ArrayLike, crop_size: ArrayLike) -> np.ndarray:
    """Translation in the crop camera from a network's weak perspective: (tx, ty, 2 f / (S s)).

    Weak perspective maps a body point (x, y) to s (x + tx, y + ty) in the crop, which reaches from -1 to 1.

    Args:
        weak: (..., 3) s [1/m], tx, ty [m].
        focal_length: (...) of the crop camera [px of the crop].
        crop_size: (...) S [px].
    Returns:
        (..., 3) [m].

    Raises:
        InputError: s, f or S is not positive.
    """
    weak = _rows(weak, "weak perspective (s, tx, ty)")
    depth = (
        2 * _positive(focal_length, "focal_length") / (_positive(crop_size, "crop_size") * _positive(weak[..., 0], "s"))
    )
    return _stack(weak[..., 1], weak[..., 2], depth)


def weak_perspective_from_transl(transl: ArrayLike, focal_length: ArrayLike, crop_size: ArrayLike) -> np.ndarray:
    """Weak perspective (s, tx, ty), the inverse of `transl_from_weak_perspective`.

    Args:
        transl: (..., 3) in the crop camera [m].
        focal_length: (...) of the crop camera [px of the crop].
        crop_size: (...) S [px].
    Returns:
        (..., 3) s [1/m], tx, ty [m].

    Raises:
        InputError: the depth, f or S is not positive.
    """
    transl = _rows(transl, "transl")
    scale = (
        2
        * _positive(focal_length, "focal_length")
        / (_positive(crop_size, "crop_size") * _positive(transl[..., 2], "depth"))
    )
    return _stack(scale, transl[..., 0], transl[..., 1])


def transl_in_picture(
    weak: ArrayLike, box_center: ArrayLike, box_side: ArrayLike, focal_length: ArrayLike, camera_center: ArrayLike
) -> np.ndarray:
    """Translation in the full picture's camera from a network's weak perspective in a crop.

    z = 2 f / (b s), and the box's offset from the principal point c moves the body: x = tx + 2 (x_box - x_c) / (b s).

    Args:
        weak: (..., 3) s [1/m], tx, ty [m] in the crop.
        box_center: (..., 2) [px].
        box_side: (...) b [px], whatever the size S that the crop was resampled to.
        focal_length: (...) of the full picture [px].
        camera_center: (..., 2) principal point of the full picture [px]; usually half its width and height.
    Returns:
        (..., 3) [m].

    Raises:
        InputError: s, b or f is not positive.
    """
    weak = _rows(weak, "weak perspective (s, tx, ty)")
    metres_per_pixel = 2 / (_positive(box_side, "box_side") * _positive(weak[..., 0], "s"))
    offset = np.asarray(box_center, np.float64) - np.asarray(camera_center, np.float64)
    moved = weak[..., 1:] + metres_per_pixel[..., None] * offset
    return _stack(moved[..., 0], moved[..., 1], metres_per_pixel * _positive(focal_length, "focal_length"))


def weak_perspective_in_crop(
    transl: ArrayLike, box_center: ArrayLike, box_side: ArrayLike, focal_length: ArrayLike, camera_center: ArrayLike
) -> np.ndarray:
    """Weak perspective in a crop of a body at `transl` in the full picture, the inverse of `transl_in_picture`.

    Args:
        transl: (..., 3) in the full picture's camera [m].
        box_center: (..., 2) [px].
        box_side: (...) b [px].
        focal_length: (...) of the full picture [px].
        camera_center: (..., 2) principal point of the full picture [px].
    Returns:
        (..., 3) s [1/m], tx, ty [m].

    Raises:
        InputError: the depth, b or f is not positive.
    """
    transl = _rows(transl, "transl")
    metres_per_pixel = _positive(transl[..., 2], "depth") / _positive(focal_length, "focal_length")
    offset = np.asarray(box_center, np.float64) - np.asarray(camera_center, np.float64)
    moved = transl[..., :2] - metres_per_pixel[..., None] * offset
    return _stack(2 / (metres_per_pixel * _positive(box_side, "box_side")), moved[..., 0], moved[..., 1])


def crop_of_camera(camera: Camera, box_center: ArrayLike, box_side: ArrayLike, crop_size: ArrayLike) -> Camera:
    """The full picture's camera in pixels of the crop: f S / b, and (c - corner) S / b. The transl is unchanged.

    Args:
        camera: of the full picture; fields (..., 2).
        box_center: (..., 2) [px].
        box_side: (...) b [px].
        crop_size: (...) S [px].

    Raises:
        InputError: b or S is not positive.
    """
    zoom = (_positive(crop_size, "crop_size") / _positive(box_side, "box_side"))[..., None]
    return Camera(
        np.asarray(camera.focal_length, np.float64) * zoom,
        points_in_crop(np.asarray(camera.camera_center, np.float64), box_center, box_side, crop_size),
    )


def camera_of_crop(crop_camera: Camera, box_center: ArrayLike, box_side: ArrayLike, crop_size: ArrayLike) -> Camera:
    """The full picture's camera from that of a cut-out: the inverse of `crop_of_camera`, with the same arguments."""
    zoom = (_positive(crop_size, "crop_size") / _positive(box_side, "box_side"))[..., None]
    return Camera(
        np.asarray(crop_camera.focal_length, np.float64) / zoom,
        points_in_picture(np.asarray(crop_camera.camera_center, np.float64), box_center, box_side, crop_size),
    )


def points_in_crop(
    points_px: ArrayLike, box_center: ArrayLike, box_side: ArrayLike, crop_size: ArrayLike
) -> np.ndarray:
    """Pixels of the full picture as pixels of the crop, (p - corner) S / b.

    Args:
        points_px: (..., 2) [px]; give the box axes of length one where a person has many points.
        box_center: (..., 2) [px].
        box_side: (...) b [px].
        crop_size: (...) S [px].

    Raises:
        InputError: b or S is not positive.
    """
    side = _positive(box_side, "box_side")
    corner = np.asarray(box_center, np.float64) - side[..., None] / 2
    return (np.asarray(points_px, np.float64) - corner) * (_positive(crop_size, "crop_size") / side)[..., None]


def points_in_picture(
    points_px: ArrayLike, box_center: ArrayLike, box_side: ArrayLike, crop_size: ArrayLike
) -> np.ndarray:
    """Pixels of the crop as pixels of the full picture: the inverse of `points_in_crop`, with the same arguments."""
    side = _positive(box_side, "box_side")
    corner = np.asarray(box_center, np.float64) - side[..., None] / 2
    return np.asarray(points_px, np.float64) * (side / _positive(crop_size, "crop_size"))[..., None] + corner


def focal_length_from_35mm(focal_length_35mm: ArrayLike, image_size: ArrayLike) -> np.ndarray:
    """Focal length [px] of a picture that was not cropped, from its 35 mm equivalent [mm].

    Args:
        focal_length_35mm: (...) [mm].
        image_size: (..., 2) width and height [px].

    Raises:
        InputError: a number is not positive.
    """
    diagonal = np.linalg.norm(_positive(image_size, "image_size"), axis=-1)
    return _positive(focal_length_35mm, "the 35 mm equivalent") * diagonal / FULL_FRAME_DIAGONAL_MM


def focal_length_as_35mm(focal_length: ArrayLike, image_size: ArrayLike) -> np.ndarray:
    """35 mm equivalent [mm] of a focal length [px]: the inverse of `focal_length_from_35mm`.

    Raises:
        InputError: a number is not positive.
    """
    diagonal = np.linalg.norm(_positive(image_size, "image_size"), axis=-1)
    return _positive(focal_length, "focal_length") * FULL_FRAME_DIAGONAL_MM / diagonal


def focal_length_from_exif(exif: Mapping[int, object], image_size: ArrayLike) -> float | None:
    """Focal length [px] from the EXIF tags of a picture that was not cropped; None if they do not say.

    The 35 mm equivalent is used if it is there; otherwise the focal length [mm] over the sensor's pixel pitch, corrected for
    a picture that was downscaled since.

    Args:
        exif: tag number to value, as `PIL.Image.Image.getexif().get_ifd(ExifTags.IFD.Exif)` gives them.
        image_size: (2,) width and height of the picture [px].
    """
    size = np.asarray(image_size, np.float64)
    equivalent = _number(exif, ExifTags.Base.FocalLengthIn35mmFilm)
    if equivalent is not None:
        return float(focal_length_from_35mm(equivalent, size))
    length_mm = _number(exif, ExifTags.Base.FocalLength)
    pixels_per_unit = _number(exif, ExifTags.Base.FocalPlaneXResolution)
    unit_mm = _MM_PER_UNIT.get(int(_number(exif, ExifTags.Base.FocalPlaneResolutionUnit) or 2))
    if length_mm is None or pixels_per_unit is None or unit_mm is None:
        return None
    width_taken = _number(exif, ExifTags.Base.ExifImageWidth)
    height_taken = _number(exif, ExifTags.Base.ExifImageHeight)
    # Compare the longer sides, because the picture may have been rotated upright.
    taken = max(width_taken or 0.0, height_taken or 0.0) or size.max()
    return length_mm * pixels_per_unit / unit_mm * float(size.max()) / taken


_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0}
"""EXIF's units of resolution: inch, centimetre, millimetre."""


def _number(exif: Mapping[int, object], tag: int) -> float | None:
    """A positive, finite number; None for anything else, such as the 0 that means unknown."""
    try:
        value = float(exif[tag])  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return value if np.isfinite(value) and value > 0 else None


def _positive(value: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(value, np.float64)
    if not (np.isfinite(array) & (array > 0)).all():
        raise InputError(f"{name} holds a number that is not finite and positive: a camera conversion divides by it.")
    return array


def _rows(value: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(value, np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise InputError(f"{name} has shape {array.shape}: expected (..., 3).")
    return array


def _stack(*columns: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(*columns), axis=-1)
