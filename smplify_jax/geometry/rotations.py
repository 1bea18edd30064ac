"""Rotations as axis-angle vectors [rad]: the maps a kinematic chain and its derivatives need, finite everywhere.

All functions take leading batch axes and keep their input's dtype.
Source: Solà, Deray & Atchuthan, A micro Lie theory for state estimation in robotics, 2018 (exp: eq. 132, left Jacobian: eq. 145).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

# Below this squared angle two or three terms of the Taylor series are exact to float32, and above it the closed forms are.
_SMALL_SQUARED_ANGLE = 0.01


_LEVI_CIVITA = np.zeros((3, 3, 3), np.float32)
_LEVI_CIVITA[[2, 0, 1], [1, 2, 0], [0, 1, 2]] = 1.0
_LEVI_CIVITA[[1, 2, 0], [2, 0, 1], [0, 1, 2]] = -1.0


def skew(vector: Array | np.ndarray) -> Array:
    """Cross-product matrix: skew(a) @ b = a x b. (..., 3) -> (..., 3, 3)."""
    return jnp.moveaxis(_skew_first(jnp.moveaxis(vector, -1, 0)), (0, 1), (-2, -1))


def _skew_first(vector: Array) -> Array:
    """`skew` with the vector's axis first: (3, ...) -> (3, 3, ...). A sum with signs, because stacked entries are copied one by one."""
    signs = jnp.asarray(_LEVI_CIVITA, vector.dtype).reshape(3, 3, 3, *[1] * (vector.ndim - 1))
    return signs[:, :, 0] * vector[0] + signs[:, :, 1] * vector[1] + signs[:, :, 2] * vector[2]


def _sinc_coefficients(squared_angle: Array) -> tuple[Array, Array, Array]:
    """The three functions of the angle t that exp and its Jacobian share: sin t / t, (1 - cos t) / t^2, (t - sin t) / t^3."""
    is_small = squared_angle < _SMALL_SQUARED_ANGLE
    s = jnp.where(is_small, squared_angle, 0.0)
    # The double `where` keeps the unused branch finite, so that derivatives are finite too.
    t2 = jnp.where(is_small, 1.0, squared_angle)
    t = jnp.sqrt(t2)
    sin_t, half_chord = jnp.sin(t), jnp.sin(0.5 * t)
    return (
        jnp.where(is_small, 1 - s / 6 * (1 - s / 20), sin_t / t),
        jnp.where(is_small, 0.5 - s / 24 * (1 - s / 30), 2 * half_chord**2 / t2),  # 1 - cos t without its cancellation
        jnp.where(is_small, 1 / 6 - s / 120 * (1 - s / 42), (t - sin_t) / (t2 * t)),
    )


def exp_so3(axis_angle: Array | np.ndarray) -> Array:
    """Rotation matrix of an axis-angle vector (Rodrigues). (..., 3) [rad] -> (..., 3, 3)."""
    return exp_and_left_jacobian(axis_angle)[0]


def exp_and_left_jacobian(axis_angle: Array | np.ndarray, axis: int = -1) -> tuple[Array, Array]:
    """Rotation matrix R(t) and left Jacobian J(t), which share their trigonometry.

    J maps changes of the vector to changes of the rotation: R(t + d) = exp(J(t) d) R(t) to first order in d, the rotation vector J d being
    given in the frame that R maps to.

    Args:
        axis_angle: (..., 3) [rad]; the three numbers may lie along another axis.
        axis: that axis.
    Returns:
        Both (..., 3, 3), the rows taking the place of `axis` and the columns following.
    """
    vector = jnp.moveaxis(jnp.asarray(axis_angle), axis, 0)
    squared = jnp.sum(vector**2, axis=0)
    a, b, c = _sinc_coefficients(squared)
    cross = _skew_first(vector)
    identity = jnp.eye(3, dtype=vector.dtype).reshape(3, 3, *[1] * squared.ndim)
    # [t]x^2 = t t^T - |t|^2 I, which saves a matrix product.
    cross_squared = vector[:, None] * vector[None, :] - squared * identity
    place = axis % jnp.ndim(axis_angle)
    rotation, jacobian = identity + a * cross + b * cross_squared, identity + b * cross + c * cross_squared
    return jnp.moveaxis(rotation, (0, 1), (place, place + 1)), jnp.moveaxis(jacobian, (0, 1), (place, place + 1))


def inverse_left_jacobian(axis_angle: Array | np.ndarray) -> Array:
    """Inverse of the left Jacobian, by which the logarithm of exp(d) R(t) changes with d: log(exp(d) R(t)) = t + J^-1(t) d to first order.

    Args:
        axis_angle: (..., 3) [rad], of angle below a full turn.
    Returns:
        (..., 3, 3)
    Source: Solà et al. 2018, eq. 146.
    """
    vector = jnp.asarray(axis_angle)
    squared = jnp.sum(vector**2, axis=-1)[..., None, None]
    is_small = squared < _SMALL_SQUARED_ANGLE
    s, t2 = jnp.where(is_small, squared, 0.0), jnp.where(is_small, 1.0, squared)
    half = 0.5 * jnp.sqrt(t2)
    factor = jnp.where(is_small, 1 / 12 + s / 720 * (1 + s / 42), (1 - half * jnp.cos(half) / jnp.sin(half)) / t2)
    identity = jnp.eye(3, dtype=vector.dtype)
    cross_squared = vector[..., :, None] * vector[..., None, :] - squared * identity
    return identity - 0.5 * skew(vector) + factor * cross_squared


def axis_angle_to_quaternion(axis_angle: Array | np.ndarray) -> Array:
    """Unit quaternion (w, x, y, z). (..., 3) [rad] -> (..., 4)."""
    half = 0.5 * axis_angle
    sinc, versine, _ = _sinc_coefficients(jnp.sum(half**2, axis=-1, keepdims=True))
    cosine = 1 - jnp.sum(half**2, axis=-1, keepdims=True) * versine
    return jnp.concatenate([cosine, sinc * half], axis=-1)


def quaternion_to_axis_angle(quaternion: Array) -> Array:
    """Axis-angle vector of angle at most pi. (..., 4) (w, x, y, z), of any length but zero -> (..., 3) [rad]."""
    quaternion = jnp.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, vector = quaternion[..., :1], quaternion[..., 1:]
    squared = jnp.sum(vector**2, axis=-1, keepdims=True)
    # For a small vector part, angle / sin(angle / 2) -> 2 / w; atan2 keeps full precision for all others, half turns included.
    is_small = squared < 1e-8 * w**2
    norm = jnp.sqrt(jnp.where(is_small, 1.0, squared))
    return jnp.where(is_small, 2.0 / jnp.where(is_small, w, 1.0), 2.0 * jnp.arctan2(norm, w) / norm) * vector


def matrix_to_axis_angle(rotation: Array) -> Array:
    """Axis-angle vector of a rotation matrix, of angle at most pi. (..., 3, 3) -> (..., 3) [rad]."""
    return quaternion_to_axis_angle(_scaled_quaternion(rotation))


def matrix_to_quaternion(rotation: Array) -> Array:
    """Unit quaternion (w, x, y, z) of a rotation matrix, of either sign. (..., 3, 3) -> (..., 4)."""
    scaled = _scaled_quaternion(rotation)
    return scaled / jnp.sqrt(jnp.sum(scaled**2, axis=-1, keepdims=True))


def quaternion_to_matrix(quaternion: Array) -> Array:
    """Rotation matrix of a quaternion (w, x, y, z), of any length but zero. (..., 4) -> (..., 3, 3).

    Source: Solà et al. 2018, after eq. 163: R = I + 2 w [v]x + 2 [v]x^2 for length one.
    """
    twice = 2.0 / jnp.sum(quaternion**2, axis=-1)[..., None, None]
    w, vector = quaternion[..., :1, None], quaternion[..., 1:]
    identity = jnp.eye(3, dtype=quaternion.dtype)
    cross_squared = (
        vector[..., :, None] * vector[..., None, :] - jnp.sum(vector**2, axis=-1)[..., None, None] * identity
    )
    return identity + twice * (w * skew(vector) + cross_squared)


def _scaled_quaternion(rotation: Array) -> Array:
    """The quaternion of a rotation matrix times four times its largest number. (..., 3, 3) -> (..., 4).

    Row i of the table below is the quaternion times four times its i-th number; the row of the largest number is taken, so half turns lose
    no precision.
    Source: Shepperd, Quaternion from rotation matrix, 1978.
    """
    r = [[rotation[..., i, j] for j in range(3)] for i in range(3)]
    trace = r[0][0] + r[1][1] + r[2][2]
    wx, wy, wz = r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]
    xy, xz, yz = r[0][1] + r[1][0], r[0][2] + r[2][0], r[1][2] + r[2][1]
    ww, xx, yy, zz = 1 + trace, *(1 + 2 * r[i][i] - trace for i in range(3))
    table = [[ww, wx, wy, wz], [wx, xx, xy, xz], [wy, xy, yy, yz], [wz, xz, yz, zz]]
    rows = jnp.stack([jnp.stack(row, axis=-1) for row in table], axis=-2)
    largest = jnp.argmax(jnp.stack([ww, xx, yy, zz], axis=-1), axis=-1)
    return jnp.take_along_axis(rows, largest[..., None, None], axis=-2)[..., 0, :]


def quaternion_multiply(first: Array, second: Array) -> Array:
    """Hamilton product: the rotation `second` followed by `first`. (..., 4), (..., 4) -> (..., 4).

    Written by components: as a cross product of 3-vectors, XLA's CPU backend rounded the first and the last people of a batch differently.
    """
    (w1, x1, y1, z1), (w2, x2, y2, z2) = (jnp.moveaxis(quaternion, -1, 0) for quaternion in (first, second))
    return jnp.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        axis=-1,
    )


def compose_axis_angle(first: Array | np.ndarray, second: Array | np.ndarray) -> Array:
    """Axis-angle vector of the rotation `second` followed by `first`: log(exp(first) exp(second)).

    It goes through quaternions because the logarithm of a matrix loses its axis near half turns, and a person who stands in front of a
    camera is exactly half a turn away from SMPL's rest frame.

    Args:
        first: (..., 3) [rad].
        second: (..., 3) [rad].
    Returns:
        (..., 3) [rad], of angle at most pi.
    """
    both = axis_angle_to_quaternion(jnp.stack(jnp.broadcast_arrays(first, second)))  # at once: half as many kernels
    return quaternion_to_axis_angle(quaternion_multiply(both[0], both[1]))
