"""Detect cameras that cannot be a picture's: focal lengths in millimetres, principal points of another picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.camera.pinhole import Camera

MIN_FOCAL_LENGTH = 0.15
"""In units of the picture's longer side: an angle of view of 147 degrees. Anything less is in millimetres or in picture widths."""
MAX_OFF_AXIS = 3.0
"""Distance of the principal point from the picture in focal lengths: at this limit the picture begins 72 degrees off the axis."""
MAX_BESIDE = 0.5
"""Distance of the principal point from the picture, in the picture's sides, beyond which `fit` only warns: crops can have such cameras."""


def is_focal_length_plausible(camera: Camera, extent_px: Any) -> Any:
    """Whether focal lengths are plausible in pixels.

    Args:
        camera: fields (..., 2), arrays of NumPy or of JAX.
        extent_px: (...,) longer side of the picture, or of the box around a person's keypoints where it is not known [px].
    Returns:
        (...,) bool. Focal lengths that are not finite or not positive count as plausible: another check reports them.
    """
    focal_length = camera.focal_length.min(axis=-1)
    return ~((focal_length > 0) & (focal_length < MIN_FOCAL_LENGTH * extent_px))


def is_center_plausible(camera: Camera, image_size: Any) -> Any:
    """Whether principal points are close enough to the picture to belong to it.

    Args:
        camera: fields (..., 2), arrays of NumPy or of JAX.
        image_size: (..., 2) width and height [px], NaN where unknown.
    Returns:
        (...,) bool; true where the picture's size is not known.
    """
    offset = _distance_from_picture(camera, image_size) / abs(camera.focal_length)
    return ~(offset.__array_namespace__().hypot(offset[..., 0], offset[..., 1]) > MAX_OFF_AXIS)


def is_center_beside(camera: Camera, image_size: Any) -> Any:
    """(B,) whether principal points lie so far beside the picture that it must be a crop, or of another size than K is for."""
    return np.any(_distance_from_picture(camera, image_size) > MAX_BESIDE * image_size, axis=1)


def _distance_from_picture(camera: Camera, image_size: Any) -> Any:
    """(..., 2) along x and y [px]; 0 inside."""
    center = camera.camera_center
    xp = center.__array_namespace__()
    return xp.maximum(xp.maximum(-center, center - image_size), 0.0)
