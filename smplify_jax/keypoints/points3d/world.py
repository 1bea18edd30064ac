"""Points of files in metres, in a world with z up: by what the file says, or by how large people are and where their heads are."""

from __future__ import annotations

import warnings

import numpy as np

from smplify_jax.camera.calibration import METRES
from smplify_jax.errors import InputError, InputWarning
from smplify_jax.geometry.frames import Z_UP_FROM_CAMERA
from smplify_jax.keypoints.layouts import Layout

Z_UP_FROM: dict[str, np.ndarray] = {
    "x": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
    "-x": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    "-y": Z_UP_FROM_CAMERA,
    "-z": np.diag([1.0, -1.0, -1.0]),
}
"""From the axis that points up in a file to the rotation into a world with z up."""

_GUESSED_UNITS = ("m", "cm", "mm")
_SMALLEST, _LARGEST = 0.5, 3.2
"""[m] diagonals of the box around a person: half of one, and one who stretches their arms."""

_HEADS = ("head_top", "head", "nose", "left_eye", "right_eye", "upper_neck", "neck")
_FEET = ("left_ankle", "right_ankle", "left_heel", "right_heel", "left_foot", "right_foot", "left_knee", "right_knee")
_MIN_COSINE = 0.8
"""Of the angle between an axis and most people's direction from feet to head: 37 degrees."""


def unit_of(points: np.ndarray, stated: str | None, source: str) -> str:
    """The unit of points (T, K, 4), a key of `METRES`: as stated, unless people would be giants or dwarfs in it; else by their size.

    Raises:
        InputError: it is not stated, and people are not of the size of people in any unit.
    """
    size = _size(points)
    fitting = [unit for unit in _GUESSED_UNITS if _SMALLEST <= size * METRES[unit] <= _LARGEST]
    if stated is not None and (not fitting or stated in fitting or _SMALLEST <= size * METRES[stated] <= _LARGEST):
        return stated
    if stated is not None:
        warnings.warn(
            f"{source} says that its unit is {stated}, in which people are {size * METRES[stated]:.3g} m large: {fitting[0]} is used; "
            "give the unit if that is wrong.",
            InputWarning,
            stacklevel=2,
        )
    if not fitting:
        raise InputError(
            f"{source} does not say its unit, and people of size {size:.3g} are not given in m, cm or mm: give the unit"
        )
    return fitting[0]


def up_of(points: np.ndarray, layout: Layout) -> str | None:
    """The axis along which heads lie above feet, a key of `Z_UP_FROM`; None if that is not plain.

    Args:
        points: (T, K, 4) of the layout.
        layout: which points these are.
    """
    heads, feet = _mean_of(points, layout, _HEADS), _mean_of(points, layout, _FEET)
    along = heads - feet
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    known = np.isfinite(along).all(axis=-1) & (length[:, 0] > 0)
    if not known.any():
        return None
    direction = np.median(along[known] / length[known], axis=0)
    axis = int(np.argmax(np.abs(direction)))
    if abs(direction[axis]) < _MIN_COSINE:
        return None
    return ("-" if direction[axis] < 0 else "") + "xyz"[axis]


def in_world(points: np.ndarray, unit: str | None, up: str) -> np.ndarray:
    """(T, K, 4) points in metres, or in their own unit for None, with z up."""
    factor = 1.0 if unit is None else METRES[unit]
    return np.concatenate([factor * points[..., :3] @ Z_UP_FROM[up].T, points[..., 3:]], axis=-1)


def _size(points: np.ndarray) -> float:
    """Median diagonal of the box around a person of points (T, K, 4), in their unit; NaN if nobody is seen."""
    seen = np.where(points[..., 3:] > 0, points[..., :3], np.nan)
    seen = seen[np.isfinite(seen).all(axis=-1).sum(axis=-1) >= 2]
    if not len(seen):
        return np.nan
    return float(np.median(np.linalg.norm(np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1), axis=-1)))


def _mean_of(points: np.ndarray, layout: Layout, names: tuple[str, ...]) -> np.ndarray:
    """(T, 3) mean of the seen points with these names; NaN where none is."""
    rows = points[:, [k for k, name in enumerate(layout.keypoint_names) if name in names]]
    weight = (rows[..., 3:] > 0) & np.isfinite(rows[..., :3]).all(axis=-1, keepdims=True)
    total = weight.sum(axis=1)
    return np.where(total > 0, np.where(weight, rows[..., :3], 0.0).sum(axis=1) / np.maximum(total, 1), np.nan)
