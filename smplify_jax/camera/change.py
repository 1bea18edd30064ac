"""What is seen through one camera, placed before another so that it looks the same.

A picture of unknown focal length shows how large a person appears and where, not how far away they are: under another focal length they
stand elsewhere. What stays is the place in the picture, the apparent size f / z, and the view of the body along the line of sight. The line
of sight itself has another direction in the other camera, so the body turns with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def pixel_of(point: np.ndarray, focal_length: np.ndarray, camera_center: np.ndarray) -> np.ndarray:
    """Project: u = f (x/z, y/z) + c. (..., 3) [m], (..., 1 or 2) [px], (..., 2) [px] -> (..., 2) [px]."""
    return focal_length * point[..., :2] / point[..., 2:] + camera_center


def line_of_sight(pixel: np.ndarray, focal_length: np.ndarray, camera_center: np.ndarray) -> np.ndarray:
    """Unit vectors along which pixels are seen, straight ahead for an infinite focal length. The shapes are those of `pixel_of`."""
    ray = np.ones((*np.shape(pixel)[:-1], 3))
    ray[..., :2] = (pixel - camera_center) / focal_length
    return ray / np.linalg.norm(ray, axis=-1, keepdims=True)


def point_in_other_camera(
    point: ArrayLike,
    focal_length: ArrayLike,
    camera_center: ArrayLike,
    other_focal_length: ArrayLike,
    other_camera_center: ArrayLike,
) -> np.ndarray:
    """The point before another camera that appears at the same pixel, and where things appear as large: z' = z f' / f.

    Args:
        point: (..., 3) before the one camera [m]; z > 0.
        focal_length: (..., 1 or 2) of the one camera [px].
        camera_center: (..., 2) its principal point [px].
        other_focal_length: (..., 1 or 2) of the other camera [px]; with two, depths are scaled by their geometric mean.
        other_camera_center: (..., 2) its principal point [px].
    Returns:
        (..., 3) before the other camera [m].
    """
    point, focal, other_focal = (np.asarray(one, np.float64) for one in (point, focal_length, other_focal_length))
    pixel = pixel_of(point, focal, np.asarray(camera_center, np.float64))
    depth = point[..., 2:] * _geometric_mean(other_focal) / _geometric_mean(focal)
    return np.concatenate([(pixel - np.asarray(other_camera_center)) / other_focal * depth, depth], axis=-1)


def _geometric_mean(focal_length: np.ndarray) -> np.ndarray:
    return np.exp(np.log(focal_length).mean(axis=-1, keepdims=True))


def turn_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Axis-angle vector of the smallest rotation that takes one unit vector to another. (..., 3) -> (..., 3) [rad], below half a turn."""
    normal = np.cross(first, second)
    sine = np.linalg.norm(normal, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(first * second, axis=-1, keepdims=True))
    return np.where(sine > 0, normal / np.where(sine > 0, sine, 1.0), 0.0) * angle
