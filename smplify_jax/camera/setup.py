"""From what a caller knows about the cameras to one complete camera per person."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

# If not even the picture's size is known, the person is assumed to fill about half its height: f = diagonal is then about this many
# times the longer side of the box around the keypoints.
_FOCAL_LENGTH_PER_BOX_SIDE = 3.0


def setup_camera(
    camera: Camera | ArrayLike | Sequence[Camera] | None,
    keypoints: np.ndarray,
    image_size: ArrayLike | None,
    default_focal_length: ArrayLike | None,
) -> Camera:
    """One camera per person from any of the forms that `fit` takes.

    Args:
        camera: a Camera (fields of one person or one row per person) or a list of one per person; a focal length [px], a pair (fx, fy), or
            (B, 1) or (B, 2), one row per person; a 3x3 matrix K or one per person; or None.
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        image_size: (2,) or (B, 2) width and height [px], NaN where unknown; or None.
        default_focal_length: [px] where the caller gives none, for all or one per person; None means the picture's diagonal.
    Returns:
        Camera with float32 fields (B, 2).

    Raises:
        InputError: shapes do not match, or a matrix is not a K. Focal lengths that are not finite or not positive are left for the fit to
            report person by person.
    """
    if isinstance(camera, (list, tuple)) and any(isinstance(one, Camera) for one in camera):
        camera = _stacked(camera)
    if isinstance(camera, Camera):
        focal_length, camera_center = camera.focal_length, camera.camera_center
    elif camera is None:
        focal_length = camera_center = None
    else:
        numbers = host_array(camera, "camera")
        focal_length, camera_center = numbers, None
        if numbers.ndim > 2 or (numbers.ndim == 2 and numbers.shape[1] > 2):
            focal_length, camera_center = of_matrix(numbers)
    return complete_camera(
        keypoints, image_size, focal_length, camera_center, default_focal_length=default_focal_length
    )


def _stacked(cameras: Sequence[Camera | ArrayLike]) -> Camera:
    """Stack Cameras of one person each into one Camera with fields (B, 2)."""
    if not all(isinstance(camera, Camera) for camera in cameras):
        raise InputError("camera is a list of Cameras and other things: give a Camera for each person.")
    fields = {}
    for name in ("focal_length", "camera_center"):
        values = [getattr(camera, name) for camera in cameras]
        if all(value is None for value in values):
            fields[name] = None
            continue
        rows = [host_array(value, f"camera[{number}].{name}") for number, value in enumerate(values)]
        if any(row.shape not in ((), (1,), (2,)) for row in rows):
            raise InputError(
                f"camera is a list of Cameras, but not every {name} in it is for one person: give (2,) each."
            )
        fields[name] = np.stack([np.broadcast_to(row, 2) for row in rows])
    return Camera(**fields)


def of_matrix(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths and principal points (..., 2) of K (3, 3) or (B, 3, 3)."""
    if matrix.shape[-2:] != (3, 3) or matrix.ndim > 3:
        raise InputError(
            f"camera has shape {matrix.shape}: expected a focal length, a 3x3 matrix K, or one of them per person."
        )
    matrix = matrix.astype(np.float64)
    if np.any(np.abs(matrix[..., 2, :2]) > 1e-3):
        raise InputError(
            "camera K has numbers in its last row, where [0, 0, 1] is expected: it is transposed; give K with the principal point in its "
            "last column."
        )
    if np.any(np.abs(matrix[..., 0, 1]) > 1e-3 * np.abs(matrix[..., 0, 0])):
        raise InputError("camera K has skew (its entry [0, 1] is not zero): only cameras without skew are supported.")
    return np.stack([matrix[..., 0, 0], matrix[..., 1, 1]], axis=-1), matrix[..., :2, 2]


def complete_camera(
    keypoints: np.ndarray,
    image_size: ArrayLike | None,
    focal_length: ArrayLike | None = None,
    camera_center: ArrayLike | None = None,
    *,
    default_focal_length: ArrayLike | None = None,
) -> Camera:
    """Fill in what is not known: the centre is the picture's, the focal length its diagonal.

    If a picture's size is not known, the box around the person's keypoints replaces it, with a warning.

    Args:
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        image_size: (2,) or (B, 2) width and height [px], NaN where unknown; or None.
        focal_length: [px] one number; fx and fy for all, (2,); or per person (B, 1), or fx and fy (B, 2), or (B,) unless there are exactly
            two people.
        camera_center: (2,) or (B, 2) [px].
        default_focal_length: [px] instead of the diagonal, for all or one per person.
    Returns:
        Camera with float32 fields (B, 2).

    Raises:
        InputError: shapes do not fit, or a picture's width or height is not positive.
    """
    num_people = len(keypoints)
    size = size_rows(image_size, num_people)
    centre = _rows(camera_center, num_people, "camera_center")
    focal = _focal_rows(focal_length, num_people)
    low, high = _boxes(keypoints)
    is_sized = np.asarray(np.isfinite(size).all(axis=1))
    needs_size = (camera_center is None) | ((focal_length is None) & (default_focal_length is None))
    if needs_size and not is_sized.all() and num_people:
        warnings.warn(
            f"The picture's size is not known for {int((~is_sized).sum())} of {num_people} people, so their camera is guessed from their "
            "keypoints; give image_size or camera for a better fit.",
            stacklevel=4,
        )
    if camera_center is None:
        centre = np.where(is_sized[:, None], size / 2, (low + high) / 2)
    if focal_length is None:
        diagonal = np.linalg.norm(size, axis=1)
        guess = np.where(is_sized, diagonal, _FOCAL_LENGTH_PER_BOX_SIDE * (high - low).max(axis=1))
        assumed = np.asarray(guess if default_focal_length is None else default_focal_length)
        focal = np.broadcast_to(assumed[..., None], (num_people, 2))
    with np.errstate(over="ignore"):  # to infinity, which is reported person by person
        return Camera(focal.astype(np.float32), centre.astype(np.float32))


def focal_length_of_boxes(keypoints: np.ndarray, boxes: float) -> np.ndarray:
    """(B,) focal lengths [px] of `boxes` times the longer side of the box around each person's observed keypoints.

    Args:
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        boxes: focal length in units of that side.
    """
    low, high = _boxes(keypoints)
    # The box of a single keypoint has size zero. Such a person is not fitted, and the status must not blame the focal length.
    return boxes * np.maximum((high - low).max(axis=1), 1.0)


def size_rows(image_size: ArrayLike | None, num_people: int) -> np.ndarray:
    """(B, 2) width and height [px] of each person's picture, NaN twice where it is not known.

    Args:
        image_size: (2,) for all or (B, 2), NaN where unknown; or None.
        num_people: B.

    Raises:
        InputError: another shape, or a width or height that is not positive.
    """
    rows = _rows(image_size, num_people, "image_size")
    if np.any((rows <= 0) | np.isinf(rows)):
        raise InputError(
            "image_size holds a width or height that is not a positive number of pixels: give NaN where the size is not known."
        )
    return np.where(np.isnan(rows).any(axis=1, keepdims=True), np.nan, rows)


def _rows(value: ArrayLike | None, num_people: int, name: str) -> np.ndarray:
    """(B, 2) from one pair or a pair per person; NaN for None."""
    array = np.full(2, np.nan) if value is None else host_array(value, name).astype(np.float64)
    if array.shape not in ((2,), (num_people, 2)):
        raise InputError(
            f"{name} has shape {array.shape}: expected (2,) for all, or one row for each of {num_people} people."
        )
    return np.broadcast_to(array, (num_people, 2))


def _focal_rows(value: ArrayLike | None, num_people: int) -> np.ndarray:
    """(B, 2) focal lengths along x and y."""
    array = np.asarray(np.nan) if value is None else host_array(value, "the focal length").astype(np.float64)
    if array.shape not in ((), (1,), (2,), (num_people,), (num_people, 1), (num_people, 2)):
        raise InputError(
            f"the focal length has shape {array.shape}: expected a number, a pair along x and y, or (B, 1) or (B, 2) for each of "
            f"{num_people} people."
        )
    # A pair of numbers for exactly two people is (fx, fy), as it is for any other number of people.
    if array.shape == (num_people,) and num_people != 2:
        array = array[:, None]
    return np.broadcast_to(array, (num_people, 2))


def _boxes(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner (B, 2) of the box around each person's observed keypoints; a unit box where there are none."""
    is_seen = keypoints[:, :, 2:] > 0
    low = np.where(is_seen, keypoints[:, :, :2], np.inf).min(axis=1, initial=np.inf)
    high = np.where(is_seen, keypoints[:, :, :2], -np.inf).max(axis=1, initial=-np.inf)
    is_empty = ~np.isfinite(low)
    return np.where(is_empty, 0.0, low), np.where(is_empty, 1.0, high)
