"""Cameras that are known in full: intrinsics, place and direction in the world, distortion."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import numpy as np
from jax import Array
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import of_matrix
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

NUM_DISTORTION = 8
"""k1, k2, p1, p2, k3, k4, k5, k6."""

_MAX_DISTORTION = 1e3
"""The coefficients of lenses are a few units at most."""

_MAX_ROTATION_ERROR = 1e-2
"""Files print rotations with three digits and more; what is farther from a rotation is none."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class CalibratedCamera:
    """A camera with its place in the world: x_cam = R X + t, then the pinhole, then the lens' distortion.

    Attributes:
        camera: the pinhole; focal_length (2,) and camera_center (2,) [px].
        rotation: (3, 3) R, world to camera.
        translation: (3,) t [m].
        distortion: (8,) k1, k2, p1, p2, k3, k4, k5, k6 in OpenCV's order; zeros for a lens without distortion.
        image_size: (2,) width and height [px], NaN twice where not known.
        name: of the camera.
    Source: OpenCV's documentation of calib3d, "Detailed description", without its thin prism and its tilted sensor.
    """

    camera: Camera
    rotation: Array | np.ndarray
    translation: Array | np.ndarray
    distortion: Array | np.ndarray = field(default_factory=lambda: np.zeros(NUM_DISTORTION))
    image_size: Array | np.ndarray = field(default_factory=lambda: np.full(2, np.nan))
    name: str = field(default="", metadata={"static": True})

    @property
    def matrix(self) -> np.ndarray:
        """K (3, 3) [px]."""
        matrix = np.eye(3)
        matrix[[0, 1], [0, 1]] = np.asarray(self.camera.focal_length)
        matrix[:2, 2] = np.asarray(self.camera.camera_center)
        return matrix

    @property
    def position(self) -> np.ndarray:
        """(3,) the camera's place in the world [m]."""
        return -np.asarray(self.rotation).T @ np.asarray(self.translation)


def calibrated_camera(
    *,
    matrix: ArrayLike,
    rotation: ArrayLike,
    translation: ArrayLike,
    distortion: ArrayLike = (),
    image_size: ArrayLike | None = None,
    name: str = "",
) -> CalibratedCamera:
    """A camera from numbers as calibrations give them, checked, in float64.

    Args:
        matrix: K (3, 3), or fx, fy, cx, cy (4,) [px].
        rotation: R (3, 3), or its rotation vector, of 3 numbers in any shape [rad].
        translation: t, of 3 numbers in any shape [m].
        distortion: none, or 1 to 8 numbers of OpenCV's order; up to 14 if those after the eighth are zero.
        image_size: width and height [px]; None or NaN where not known.
        name: of the camera.

    Raises:
        InputError: numbers are missing or not finite, a focal length or size is not positive, R is no rotation, or the distortion is of
            a kind that is not supported.
    """
    focal_length, camera_center = _intrinsics(_numbers(matrix, "the matrix K"))
    return CalibratedCamera(
        Camera(focal_length, camera_center),
        _rotation(_numbers(rotation, "the rotation")),
        _vector(_numbers(translation, "the translation")),
        _distortion(_numbers(distortion, "the distortion")),
        _size(image_size),
        name,
    )


def _numbers(value: ArrayLike, what: str) -> np.ndarray:
    numbers = host_array(value, what).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{what} holds numbers that are not finite; calibrate that camera again, or leave it out")
    return numbers


def _intrinsics(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if matrix.size == 4 and matrix.size in matrix.shape:
        focal_length, center = matrix.reshape(2, 2)
    elif matrix.shape == (3, 3):
        focal_length, center = of_matrix(matrix)
    else:
        raise InputError(f"the matrix K has shape {matrix.shape}; expected (3, 3), or the four numbers fx, fy, cx, cy")
    if not (focal_length > 0).all():
        raise InputError(f"the focal length is {focal_length.tolist()}; expected two positive numbers of pixels")
    return focal_length, center


def _rotation(rotation: np.ndarray) -> np.ndarray:
    if rotation.size == 3:
        return Rotation.from_rotvec(rotation.reshape(3)).as_matrix()
    if rotation.shape != (3, 3):
        raise InputError(f"the rotation has shape {rotation.shape}; expected a matrix (3, 3) or a rotation vector of 3")
    error = np.abs(rotation @ rotation.T - np.eye(3)).max() if np.abs(rotation).max() < 2 else np.inf
    if error > _MAX_ROTATION_ERROR or np.linalg.det(rotation) < 0:
        raise InputError(
            "the rotation is no rotation: its rows are not orthonormal, or it mirrors; expected the R of x_cam = R X + t"
        )
    left, _, right = np.linalg.svd(rotation)  # the nearest rotation: files print few digits
    return left @ right


def _vector(translation: np.ndarray) -> np.ndarray:
    if translation.size != 3:
        raise InputError(f"the translation has shape {translation.shape}; expected 3 numbers")
    return translation.reshape(3)


def _distortion(given: np.ndarray) -> np.ndarray:
    numbers = given.ravel()
    if len(numbers) > NUM_DISTORTION and (len(numbers) > 14 or numbers[NUM_DISTORTION:].any()):
        raise InputError(
            f"the distortion has {len(numbers)} numbers, of which only k1, k2, p1, p2, k3, k4, k5, k6 are supported; undistort the "
            "keypoints first and give no distortion"
        )
    if np.abs(numbers).max(initial=0) > _MAX_DISTORTION:
        raise InputError(
            f"the distortion holds {np.abs(numbers).max():.3g}, which no lens has; expected k1, k2, p1, p2, k3, ..."
        )
    numbers = numbers[:NUM_DISTORTION]
    return np.pad(numbers, (0, NUM_DISTORTION - len(numbers)))


def _size(image_size: ArrayLike | None) -> np.ndarray:
    size = np.full(2, np.nan) if image_size is None else host_array(image_size, "the image size").astype(np.float64)
    if size.size != 2:
        raise InputError(f"the image size has shape {size.shape}; expected width and height")
    size = size.reshape(2)
    if np.isnan(size).any():
        return np.full(2, np.nan)
    if not (np.isfinite(size) & (size > 0)).all():
        raise InputError(f"the image size is {size.tolist()}; expected a width and a height in pixels")
    return size
