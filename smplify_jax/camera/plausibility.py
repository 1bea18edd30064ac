"""Detect cameras that cannot be a picture's: focal lengths in millimetres, principal points of another picture."""

from __future__ import annotations

import numpy as np

from smplify_jax.camera.pinhole import Camera

MIN_FOCAL_LENGTH = 0.15
"""In units of the picture's longer side: an angle of view of 147 degrees. Anything less is in millimetres or in picture widths."""
MAX_OFF_AXIS = 3.0
"""Distance of the principal point from the picture in focal lengths: at this limit the picture begins 72 degrees off the axis."""
MAX_BESIDE = 0.5
"""Distance of the principal point from the picture, in the picture's sides, beyond which `fit` only warns: crops can have such cameras."""


def is_focal_length_plausible(camera: Camera, extent_px: np.ndarray) -> np.ndarray:
    """Whether focal lengths are plausible in pixels.

    Args:
        camera: fields (B, 2).
        extent_px: (B,) longer side of the picture, or of the box around a person's keypoints where it is not known [px].
    Returns:
        (B,) bool. Focal lengths that are not finite or not positive count as plausible: another check reports them.
    """
    focal_length = np.asarray(camera.focal_length).min(axis=1)
    return ~((focal_length > 0) & (focal_length < MIN_FOCAL_LENGTH * extent_px))


def is_center_plausible(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """Whether principal points are close enough to the picture to belong to it.

    Args:
        camera: fields (B, 2).
        image_size: (B, 2) width and height [px], NaN where unknown.
    Returns:
        (B,) bool; true where the picture's size is not known.
    """
    x, y = (_distance_from_picture(camera, image_size) / np.abs(np.asarray(camera.focal_length))).T
    return ~(np.hypot(x, y) > MAX_OFF_AXIS)


def is_center_beside(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """(B,) whether principal points lie so far beside the picture that it must be a crop, or of another size than K is for."""
    return np.any(_distance_from_picture(camera, image_size) > MAX_BESIDE * image_size, axis=1)


def _distance_from_picture(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """(B, 2) along x and y [px]; 0 inside."""
    center = np.asarray(camera.camera_center)
    return np.maximum(np.maximum(-center, center - image_size), 0.0)
