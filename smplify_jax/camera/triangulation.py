"""Points in the world from their pixels in several calibrated views.

A view that sees a point X at pixel u, x = (u - c) / f, says that x (R_3 X + t_3) = R_12 X + t_12: two equations that are linear in X
(the direct linear transform). Their error is the reprojection error times the point's depth, which is in metres: how far the point lies
from the view's ray. That is the measure used throughout, as a detector misses by a share of the person, whatever the number of pixels.

    E(X) = sum_v confidence_v |depth_v (pi_v(X) - x_v)|^2

is minimised by the linear equations first, then by Gauss-Newton steps with the depths held.
Source: Hartley & Zisserman, Multiple View Geometry, 2004, sections 12.2 and 12.3; leaving out one view at a time as in its section 4.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.distortion import MAX_RADIUS
from smplify_jax.camera.observed import is_observed
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

MIN_ANGLE = np.deg2rad(0.5)
"""Between the rays of two views: of rays that are more nearly parallel, the depth is anybody's guess."""

MAX_ERROR = 0.15
"""Root mean square distance of a point from its rays [m] above which the views do not see the same point."""

_MIN_NOISE = 0.004
"""Distance from a ray [m] that good detections have, so that points without any noise have no outliers."""

_OUTLIER = 4.0
"""A view is left out if that lowers the squared error by more than this many standard deviations squared: 3 in 10,000 by chance."""

_NUM_STEPS = 4


@dataclass(frozen=True)
class _Equations:
    """Two linear equations of each view for each of N points: rows X = sides, with weights.

    Attributes:
        rows: (N, V, 2, 3).
        sides: (N, V, 2) [m].
        weight: (N, V) confidence, zero where not seen or left out.
    """

    rows: np.ndarray
    sides: np.ndarray
    weight: np.ndarray


def triangulate(keypoints: ArrayLike, cameras: Sequence[CalibratedCamera]) -> np.ndarray:
    """Triangulate keypoints, without the one view in which a point is detected in a wrong place.

    Where at least three views see a point, one that disagrees with all others is left out (of five and more, two; and so on, so that most
    views are kept). How much is a disagreement follows from the errors of the person's other points.

    Args:
        keypoints: (..., V, K, 3) x, y [px of the pinhole camera: `undistort` first], confidence; those not observed (`is_observed`)
            do not count.
        cameras: of the V views.
    Returns:
        (..., K, 4) x, y, z in the world [m] and the mean confidence of the views that were used. All zero where fewer than two views see
        the point, their rays are nearly parallel (`MIN_ANGLE`) or miss each other (`MAX_ERROR`), or it would be behind a camera.
    Raises:
        InputError: there are fewer than two cameras, or the keypoints' shape does not fit them.
    """
    rows = host_array(keypoints, "keypoints").astype(np.float64)
    if len(cameras) < 2:
        raise InputError(f"there are {len(cameras)} cameras; points are triangulated from at least 2 views")
    if rows.ndim < 3 or rows.shape[-3] != len(cameras) or rows.shape[-1] != 3:
        raise InputError(
            f"keypoints have shape {rows.shape}; expected (..., V, K, 3) with the V = {len(cameras)} views of the cameras"
        )
    *batch, num_views, num_points, _ = rows.shape
    if not rows.size:
        return np.zeros((*batch, num_points, 4))
    people = np.swapaxes(rows.reshape(-1, num_views, num_points, 3), 1, 2)
    equations = _equations(people.reshape(-1, num_views, 3), cameras)
    equations = _without_outliers(equations, num_points)
    points, is_good = _refined(equations, cameras)
    num_used = np.maximum((equations.weight > 0).sum(axis=1), 1)
    confidence = equations.weight.sum(axis=1) / num_used
    found = np.where(is_good[:, None], np.concatenate([points, confidence[:, None]], axis=1), 0.0)
    return found.reshape(*batch, num_points, 4)


def directions(keypoints: np.ndarray, cameras: Sequence[CalibratedCamera]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (..., V, 3) in units of the focal length (..., V, 2), and their confidence (..., V).

    The confidence is at most one, and zero where the point was not observed or no camera could have seen it.
    """
    focal = np.array([camera.camera.focal_length for camera in cameras], np.float64)
    center = np.array([camera.camera.camera_center for camera in cameras], np.float64)
    is_seen = np.asarray(is_observed(keypoints))
    keypoints = np.where(is_seen[..., None], keypoints, 0.0)
    seen = (keypoints[..., :2] - center) / focal
    is_seen &= (np.abs(seen) < MAX_RADIUS).all(axis=-1)
    return np.where(is_seen[..., None], seen, 0.0), np.clip(keypoints[..., 2], 0.0, 1.0) * is_seen


def _equations(keypoints: np.ndarray, cameras: Sequence[CalibratedCamera]) -> _Equations:
    """Of keypoints (N, V, 3)."""
    seen, weight = directions(keypoints, cameras)
    rotations = np.array([camera.rotation for camera in cameras], np.float64)
    translations = np.array([camera.translation for camera in cameras], np.float64)
    rows = rotations[:, :2] - seen[..., None] * rotations[:, 2:]
    return _Equations(rows, seen * translations[:, 2:] - translations[:, :2], weight)


def _normal_equations(equations: _Equations) -> tuple[np.ndarray, np.ndarray]:
    """Each view's share of them, (N, V, 3, 3) and (N, V, 3)."""
    weighted = equations.weight[..., None, None] * equations.rows
    return (
        np.einsum("nvri,nvrj->nvij", weighted, equations.rows),
        np.einsum("nvri,nvr->nvi", weighted, equations.sides),
    )


def _solved(matrix: np.ndarray, vector: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (..., 3), and whether their rays are far enough from parallel.

    Two rays at an angle a leave 1 - cos(a) of a view's weight along the direction in which they say least.
    """
    is_good = np.linalg.eigvalsh(matrix)[..., 0] > (1 - np.cos(MIN_ANGLE)) * weight
    safe = np.where(is_good[..., None, None], matrix, np.eye(3))
    return np.linalg.solve(safe, vector[..., None])[..., 0], is_good


def _squared_errors(equations: _Equations, points: np.ndarray) -> np.ndarray:
    """(N, ..., V) squared distances from the rays [m^2] of points (N, ..., 3)."""
    extra = points.ndim - 2
    shape = (len(points), *[1] * extra, *equations.rows.shape[1:])
    errors = np.einsum("n...vri,n...i->n...vr", equations.rows.reshape(shape), points)
    return np.square(errors - equations.sides.reshape(shape[:-1])).sum(axis=-1)


def _without_outliers(equations: _Equations, num_points: int) -> _Equations:
    """Weights of zero for views that disagree; the points are those of people, `num_points` each."""
    weight = equations.weight
    for _ in range((weight.shape[1] - 1) // 2):
        now = _Equations(equations.rows, equations.sides, weight)
        dropped = _outliers(now, num_points)
        if not dropped.any():
            break
        weight = np.where(dropped, 0.0, weight)
    return _Equations(equations.rows, equations.sides, weight)


def _outliers(equations: _Equations, num_points: int) -> np.ndarray:
    """(N, V) at most one view for each point, whose absence makes all others agree."""
    weight = equations.weight
    num_seen = (weight > 0).sum(axis=1)
    matrices, vectors = _normal_equations(equations)
    matrix, vector = matrices.sum(axis=1), vectors.sum(axis=1)
    total = np.maximum(weight.max(axis=1, initial=0.0), 1e-12)
    points, is_good = _solved(matrix, vector, total)
    squared = _squared_errors(equations, points)
    # A point fitted to n views has 2 n - 3 errors left of 2 n.
    shares = 1 - 1.5 / np.maximum(num_seen, 2)
    noise = _noise(squared / shares[:, None], (weight > 0) & is_good[:, None], num_points)
    # In units of a view's mean confidence, so that the errors compare with the noise.
    relative = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12) * num_seen[:, None]
    error = (relative * squared).sum(axis=1)
    dropped = np.zeros(weight.shape, bool)
    which = np.flatnonzero((num_seen >= 3) & (error > _OUTLIER**2 * noise))
    if not len(which):
        return dropped
    some = _Equations(equations.rows[which], equations.sides[which], weight[which])
    others, are_good = _solved(
        matrix[which, None] - matrices[which], vector[which, None] - vectors[which], total[which, None]
    )
    kept = relative[which, None] * ~np.eye(weight.shape[1], dtype=bool)
    errors = np.where(are_good & (some.weight > 0), (kept * _squared_errors(some, others)).sum(axis=-1), np.inf)
    best = errors.argmin(axis=1)
    lowest = errors[np.arange(len(which)), best]
    is_outlier = error[which] - lowest > _OUTLIER**2 * noise[which]
    dropped[which[is_outlier], best[is_outlier]] = True
    return dropped


def _noise(squared: np.ndarray, is_seen: np.ndarray, num_points: int) -> np.ndarray:
    """(N,) the variance [m^2] along one axis of each point's person: from the median over all its points and views."""
    by_person = np.where(is_seen, squared, np.nan).reshape(-1, num_points * squared.shape[1])
    known = ~np.isnan(by_person).all(axis=1)
    median = np.zeros(len(by_person))
    if known.any():
        median[known] = np.nanmedian(by_person[known], axis=1)
    # The median of the squared length of a vector of two normal numbers is 2 log 2 times their variance.
    return np.repeat(np.maximum(median / (2 * np.log(2)), _MIN_NOISE**2), num_points)


def _refined(equations: _Equations, cameras: Sequence[CalibratedCamera]) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) of least reprojection error, and whether they can be trusted."""
    weight = equations.weight
    matrices, vectors = _normal_equations(equations)
    total = np.maximum(weight.max(axis=1, initial=0.0), 1e-12)
    points, is_good = _solved(matrices.sum(axis=1), vectors.sum(axis=1), total)
    is_good &= (weight > 0).sum(axis=1) >= 2
    depth_axes = np.array([camera.rotation for camera in cameras], np.float64)[:, 2]
    depth_offsets = np.array([camera.translation for camera in cameras], np.float64)[:, 2]
    for _ in range(_NUM_STEPS):
        depths = np.maximum(points @ depth_axes.T + depth_offsets, 1e-3)
        # d (pi(X) - x) / dX = (R_12 - pi(X) R_3) / depth, and R_12 - pi R_3 = rows - (pi - x) R_3.
        errors = np.einsum("nvri,ni->nvr", equations.rows, points) - equations.sides
        slopes = equations.rows - (errors / depths[..., None])[..., None] * depth_axes[:, None]
        step = _Equations(slopes, -errors, weight)
        matrices, vectors = _normal_equations(step)
        change, is_solved = _solved(matrices.sum(axis=1), vectors.sum(axis=1), total)
        points = points + np.where((is_solved & is_good)[:, None], change, 0.0)
    is_used = weight > 0
    is_good &= (~is_used | (points @ depth_axes.T + depth_offsets > 0)).all(axis=1)
    squared = (weight * _squared_errors(equations, points)).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    return points, is_good & (squared < MAX_ERROR**2)
