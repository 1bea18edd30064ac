"""Lens distortion: from the pixels of a picture to those of a pinhole camera, and back.

With x = (u - c) / f, r = |x| and OpenCV's coefficients, Brown and Conrady's model, as a quotient of polynomials:

    x_d = x g(r) + (2 p1 x y + p2 (r^2 + 2 x^2), p1 (r^2 + 2 y^2) + 2 p2 x y),
    g(r) = (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6).

It describes a lens only as far from the centre as r g(r) grows; beyond, two directions would fall on one pixel.
Source: Brown, Close-range camera calibration, 1971; OpenCV's documentation of calib3d.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.observed import is_observed
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

MAX_RADIUS = 20.0
"""Tangent of the largest angle from the optical axis at which a point is looked for, 87 degrees."""

_NUM_HALVINGS = 40
_NUM_NEWTON_STEPS = 10
_MAX_ERROR = 1e-7
"""In units of the focal length: under a thousandth of a pixel for any lens."""


def distort(keypoints: ArrayLike, camera: CalibratedCamera) -> np.ndarray:
    """Where the lens puts points of a pinhole camera.

    Args:
        keypoints: (..., K, 3) x, y [px of the pinhole camera], confidence.
        camera: its pinhole and distortion.
    Returns:
        (..., K, 3) x, y [px of the picture], confidence; zeros for points that were not observed (`is_observed`), or lie where the
        model describes no lens.
    Raises:
        InputError: the keypoints have another shape.
    """
    points, confidence = _parts(keypoints, camera)
    radius = largest_radius(camera.distortion)
    is_good = (confidence > 0) & (np.linalg.norm(points, axis=-1) < radius)
    return _assembled(_distorted(points, np.asarray(camera.distortion, np.float64))[0], confidence, is_good, camera)


def undistort(keypoints: ArrayLike, camera: CalibratedCamera) -> np.ndarray:
    """Where a pinhole camera would have seen the points of a picture; the inverse of `distort`.

    Args:
        keypoints: (..., K, 3) x, y [px of the picture], confidence.
        camera: its pinhole and distortion.
    Returns:
        (..., K, 3) x, y [px of the pinhole camera], confidence; zeros for points that were not observed (`is_observed`), and for
        those that no direction falls on.
    Raises:
        InputError: the keypoints have another shape.
    """
    points, confidence = _parts(keypoints, camera)
    coefficients = np.asarray(camera.distortion, np.float64)
    if not coefficients.any():
        return _assembled(points, confidence, confidence > 0, camera)
    seen = np.linalg.norm(points, axis=-1, keepdims=True)
    radius = largest_radius(coefficients)
    start = points * (_radius_seen_at(seen, coefficients, radius) / np.maximum(seen, 1e-12))
    found = _newton(start, points, coefficients)
    error, jacobian = _distorted(found, coefficients)
    determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
    with np.errstate(invalid="ignore"):
        is_good = (
            (confidence > 0)
            & (np.abs(error - points).max(axis=-1) < _MAX_ERROR)
            & (determinant > 0)
            & (np.linalg.norm(found, axis=-1) < radius)
        )
    return _assembled(found, confidence, is_good, camera)


def largest_radius(distortion: ArrayLike) -> float:
    """The radius [units of the focal length] up to which a lens is described: where r g(r) stops growing, at most MAX_RADIUS."""
    k1, k2, _, _, k3, k4, k5, k6 = np.asarray(distortion, np.float64)
    upper, lower = np.polynomial.Polynomial([1, k1, k2, k3]), np.polynomial.Polynomial([1, k4, k5, k6])
    s = np.polynomial.Polynomial([0, 1])
    # d(r u / l) / dr = ((u + 2 s u') l - 2 s u l') / l^2 with s = r^2.
    slope = (upper + 2 * s * upper.deriv()) * lower - 2 * s * upper * lower.deriv()
    # Roots q = 1 / s, so that the leading coefficient is one, and nothing overflows where the last are tiny.
    roots = np.concatenate([np.roots(slope.coef), np.roots(lower.coef)])
    is_real = np.abs(roots.imag) < 1e-9 * np.maximum(1, np.abs(roots))
    largest = roots.real[is_real].max(initial=1 / MAX_RADIUS**2)
    return float(1 / np.sqrt(largest))


def _parts(keypoints: ArrayLike, camera: CalibratedCamera) -> tuple[np.ndarray, np.ndarray]:
    """Points in units of the focal length, and their confidence, zero where they were not observed."""
    rows = host_array(keypoints, "keypoints").astype(np.float64)
    if rows.ndim < 2 or rows.shape[-1] != 3:
        raise InputError(f"keypoints have shape {rows.shape}; expected (..., K, 3): x, y, confidence")
    is_seen = np.asarray(is_observed(rows))
    rows = np.where(is_seen[..., None], rows, 0.0)
    center, focal = np.asarray(camera.camera.camera_center), np.asarray(camera.camera.focal_length)
    return (rows[..., :2] - center) / focal, rows[..., 2]


def _assembled(points: np.ndarray, confidence: np.ndarray, is_good: np.ndarray, camera: CalibratedCamera) -> np.ndarray:
    pixels = points * np.asarray(camera.camera.focal_length) + np.asarray(camera.camera.camera_center)
    rows = np.concatenate([pixels, confidence[..., None]], axis=-1)
    return np.where(is_good[..., None], rows, 0.0)


def _polynomials(s: np.ndarray, distortion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Numerator and denominator of g at s = r^2, and their derivatives."""
    k1, k2, _, _, k3, k4, k5, k6 = distortion
    upper, lower = 1 + s * (k1 + s * (k2 + s * k3)), 1 + s * (k4 + s * (k5 + s * k6))
    return upper, lower, k1 + s * (2 * k2 + 3 * s * k3), k4 + s * (2 * k5 + 3 * s * k6)


def _distorted(points: np.ndarray, distortion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distorted points (..., 2) and their Jacobian (..., 2, 2), in units of the focal length."""
    p1, p2 = distortion[2:4]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x, y = points[..., 0], points[..., 1]
        s = x * x + y * y
        upper, lower, upper_slope, lower_slope = _polynomials(s, distortion)
        g, slope = upper / lower, (upper_slope * lower - upper * lower_slope) / (lower * lower)
        seen = np.stack(
            [x * g + 2 * p1 * x * y + p2 * (s + 2 * x * x), y * g + p1 * (s + 2 * y * y) + 2 * p2 * x * y], axis=-1
        )
        across = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
        first = np.stack([g + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x, across], axis=-1)
        second = np.stack([across, g + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x], axis=-1)
    return seen, np.stack([first, second], axis=-2)


def _radius_seen_at(seen: np.ndarray, distortion: np.ndarray, radius: float) -> np.ndarray:
    """The r with r g(r) = seen, by halving: r g(r) grows up to `radius`."""
    low, high = np.zeros_like(seen), np.full_like(seen, radius)
    for _ in range(_NUM_HALVINGS):
        middle = (low + high) / 2
        upper, lower, *_ = _polynomials(middle * middle, distortion)
        is_low = middle * upper < seen * lower
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return (low + high) / 2


def _newton(points: np.ndarray, seen: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """Solve for the points that are distorted to `seen`; only the tangential part is left to find."""
    for _ in range(_NUM_NEWTON_STEPS):
        now, jacobian = _distorted(points, distortion)
        (a, b), (c, d) = np.moveaxis(jacobian, (-2, -1), (0, 1))
        residual = seen - now
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step = (
                np.stack(
                    [d * residual[..., 0] - b * residual[..., 1], a * residual[..., 1] - c * residual[..., 0]], axis=-1
                )
                / (a * d - b * c)[..., None]
            )
            points = np.where(np.isfinite(step), points + step, points)
    return points
