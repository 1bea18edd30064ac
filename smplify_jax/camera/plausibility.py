"""Cameras that no picture was taken with: focal lengths in millimetres, principal points of another picture."""

from __future__ import annotations

import numpy as np

from smplify_jax.camera.pinhole import Camera

MIN_FOCAL_LENGTH = 0.15
"""In longer sides of the picture: an angle of view of 147 degrees. Less is a focal length in millimetres or in pictures."""
MAX_OFF_AXIS = 3.0
"""Distance of the principal point from the picture in focal lengths: whoever is seen there is seen 72 degrees off the axis."""
MAX_BESIDE = 0.5
"""Distance of the principal point from the picture in the picture's sides, beyond which it is worth a warning: cut-outs have such."""


def is_focal_length_plausible(camera: Camera, extent_px: np.ndarray) -> np.ndarray:
    """Whether focal lengths can be those of a picture in pixels.

    Args:
        camera: fields (B, 2).
        extent_px: (B,) longer side of the picture, or of the box around a person's keypoints where it is not known [px].
    Returns:
        (B,) bool. Focal lengths that are not finite or not positive count as plausible: they are another fault.
    """
    focal_length = np.asarray(camera.focal_length).min(axis=1)
    return ~((focal_length > 0) & (focal_length < MIN_FOCAL_LENGTH * extent_px))


def is_center_plausible(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """Whether the picture can have been taken with principal points so far from it.

    Args:
        camera: fields (B, 2).
        image_size: (B, 2) width and height [px], NaN where unknown.
    Returns:
        (B,) bool; true where the picture's size is not known.
    """
    x, y = (_distance_from_picture(camera, image_size) / np.abs(np.asarray(camera.focal_length))).T
    return ~(np.hypot(x, y) > MAX_OFF_AXIS)


def is_center_beside(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """(B,) whether principal points lie so far beside the picture that it must be a cut-out, or of another size than K is for."""
    return np.any(_distance_from_picture(camera, image_size) > MAX_BESIDE * image_size, axis=1)


def _distance_from_picture(camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """(B, 2) along x and y [px]; 0 inside."""
    center = np.asarray(camera.camera_center)
    return np.maximum(np.maximum(-center, center - image_size), 0.0)
