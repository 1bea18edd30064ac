"""Rotations in the forms that networks give: axis-angle vectors, matrices, quaternions and six numbers.

Functions take leading batch axes, and lists, NumPy or JAX arrays; they give JAX arrays, of float32 unless `jax_enable_x64` is set. They can
be traced, mapped and differentiated: gradients are finite everywhere, also at no rotation and at half turns. In float32 they are accurate
to 3e-6 (rad, or in a number of a matrix), and to 6e-6 there and back.

An axis-angle vector that comes out has an angle of at most pi. A half turn about an axis is the same as one about the opposite axis, so the
sign of a vector of length pi may change.
Source: Solà, Deray & Atchuthan, A micro Lie theory for state estimation in robotics, 2018; Zhou et al., On the continuity of rotation
representations in neural networks, CVPR 2019 (six numbers).
"""

from __future__ import annotations

from typing import Literal

import jax.numpy as jnp
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.geometry import rotations as so3
from smplify_jax.geometry.rotations import compose_axis_angle, exp_so3

__all__ = [
    "axis_angle_to_matrix",
    "axis_angle_to_quaternion",
    "axis_angle_to_rotation_6d",
    "compose_axis_angle",
    "matrix_to_axis_angle",
    "matrix_to_quaternion",
    "matrix_to_rotation_6d",
    "quaternion_to_axis_angle",
    "quaternion_to_matrix",
    "rotation_6d_to_axis_angle",
    "rotation_6d_to_matrix",
]

QuaternionOrder = Literal["wxyz", "xyzw"]
"""Where the scalar part w is: first, as in PyTorch3D, Blender and here; or last, as in SciPy, ROS and glTF."""

Rotation6dOrder = Literal["columns", "interleaved", "rows"]
"""Which numbers of a rotation matrix the six are: see `rotation_6d_to_matrix`."""


def axis_angle_to_matrix(axis_angle: ArrayLike) -> Array:
    """Rotation matrices of axis-angle vectors (Rodrigues' formula). (..., 3) [rad] -> (..., 3, 3).

    Raises:
        InputError: the last axis does not have length 3.
    """
    return exp_so3(_checked(axis_angle, (3,), "axis_angle"))


def matrix_to_axis_angle(matrix: ArrayLike) -> Array:
    """Axis-angle vectors of rotation matrices. (..., 3, 3) -> (..., 3) [rad], of angle at most pi.

    A matrix is taken to be a rotation: for others, such as the unconstrained output of a network, the result is some rotation nearby.

    Raises:
        InputError: the last axes are not (3, 3).
    """
    return so3.matrix_to_axis_angle(_checked(matrix, (3, 3), "matrix"))


def axis_angle_to_quaternion(axis_angle: ArrayLike, order: QuaternionOrder = "wxyz") -> Array:
    """Unit quaternions of axis-angle vectors. (..., 3) [rad] -> (..., 4), with w >= 0 for angles up to pi.

    Raises:
        InputError: the last axis does not have length 3, or there is no such order.
    """
    return _ordered(so3.axis_angle_to_quaternion(_checked(axis_angle, (3,), "axis_angle")), order)


def quaternion_to_axis_angle(quaternion: ArrayLike, order: QuaternionOrder = "wxyz") -> Array:
    """Axis-angle vectors of quaternions of any length. (..., 4) -> (..., 3) [rad], of angle at most pi.

    The quaternion zero, which is no rotation, gives the vector zero.

    Raises:
        InputError: the last axis does not have length 4, or there is no such order.
    """
    return so3.quaternion_to_axis_angle(_scalar_first(quaternion, order))


def matrix_to_quaternion(matrix: ArrayLike, order: QuaternionOrder = "wxyz") -> Array:
    """Unit quaternions with w >= 0 of rotation matrices. (..., 3, 3) -> (..., 4).

    Raises:
        InputError: the last axes are not (3, 3), or there is no such order.
    """
    quaternion = so3.matrix_to_quaternion(_checked(matrix, (3, 3), "matrix"))
    return _ordered(jnp.where(quaternion[..., :1] < 0, -quaternion, quaternion), order)


def quaternion_to_matrix(quaternion: ArrayLike, order: QuaternionOrder = "wxyz") -> Array:
    """Rotation matrices of quaternions of any length. (..., 4) -> (..., 3, 3); the quaternion zero gives the identity.

    Raises:
        InputError: the last axis does not have length 4, or there is no such order.
    """
    return so3.quaternion_to_matrix(_scalar_first(quaternion, order))


def matrix_to_rotation_6d(matrix: ArrayLike, order: Rotation6dOrder = "columns") -> Array:
    """Six of the numbers of rotation matrices, in one of the orders of `rotation_6d_to_matrix`. (..., 3, 3) -> (..., 6).

    Raises:
        InputError: the last axes are not (3, 3), or there is no such order.
    """
    matrix = _checked(matrix, (3, 3), "matrix")
    _check_order(order, ("columns", "interleaved", "rows"))
    pair = {
        "columns": jnp.swapaxes(matrix, -1, -2)[..., :2, :],
        "interleaved": matrix[..., :, :2],
        "rows": matrix[..., :2, :],
    }[order]
    return pair.reshape(*matrix.shape[:-2], 6)


def rotation_6d_to_matrix(rotation_6d: ArrayLike, order: Rotation6dOrder = "columns") -> Array:
    """Rotation matrices of six numbers each, by Gram and Schmidt. (..., 6) -> (..., 3, 3).

    The two vectors need not be of length one nor orthogonal: the first keeps its direction, the second its half-plane. Where they determine
    no rotation (zero or parallel vectors) another is put in their place, so that the result is a rotation and gradients are finite.

    Args:
        rotation_6d: (..., 6).
        order: which numbers of the matrix R they are.

            - "columns": the first column and then the second, R00 R10 R20 R01 R11 R21, as Zhou et al. wrote it and 4D-Humans (HMR2) does.
            - "interleaved": the first two columns, row by row, R00 R01 R10 R11 R20 R21, as SPIN, VIBE and most of their successors have it.
            - "rows": the first row and then the second, R00 R01 R02 R10 R11 R12, as PyTorch3D has it.

    Raises:
        InputError: the last axis does not have length 6, or there is no such order.
    Source: Zhou et al. 2019, equation 15.
    """
    six = _checked(rotation_6d, (6,), "rotation_6d")
    _check_order(order, ("columns", "interleaved", "rows"))
    pair = six.reshape(*six.shape[:-1], 3, 2) if order == "interleaved" else six.reshape(*six.shape[:-1], 2, 3)
    first, second = (pair[..., 0], pair[..., 1]) if order == "interleaved" else (pair[..., 0, :], pair[..., 1, :])
    x = _unit(first, jnp.array([1.0, 0.0, 0.0], six.dtype))
    # Any axis that x is far from stands in for a second vector that is parallel to x.
    other = jnp.where(jnp.abs(x[..., :1]) > 0.9, jnp.array([0.0, 1.0, 0.0]), jnp.array([1.0, 0.0, 0.0])).astype(
        six.dtype
    )
    second = _unit(second, other)
    # Where little is left of a vector, much of it is rounding: taken off twice, nothing of x is left in y.
    y = _unit(_without(second, x), _unit(_without(other, x), other), least=1e-5)
    y = _unit(_without(y, x), y)
    matrix = jnp.stack([x, y, jnp.cross(x, y)], axis=-1)
    return jnp.swapaxes(matrix, -1, -2) if order == "rows" else matrix


def axis_angle_to_rotation_6d(axis_angle: ArrayLike, order: Rotation6dOrder = "columns") -> Array:
    """`matrix_to_rotation_6d` of `axis_angle_to_matrix`. (..., 3) [rad] -> (..., 6)."""
    return matrix_to_rotation_6d(axis_angle_to_matrix(axis_angle), order)


def rotation_6d_to_axis_angle(rotation_6d: ArrayLike, order: Rotation6dOrder = "columns") -> Array:
    """`matrix_to_axis_angle` of `rotation_6d_to_matrix`. (..., 6) -> (..., 3) [rad], of angle at most pi."""
    return matrix_to_axis_angle(rotation_6d_to_matrix(rotation_6d, order))


def _checked(value: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    """The argument as a JAX array of floating-point numbers."""
    array = jnp.asarray(value)
    if array.shape[-len(shape) :] != shape:
        expected = ", ".join(map(str, ("...", *shape)))
        raise InputError(f"{name} has shape {array.shape}: expected ({expected}).")
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def _check_order(order: str, orders: tuple[str, ...]) -> None:
    if order not in orders:
        raise InputError(f"order is {order!r}: expected one of {', '.join(orders)}.")


def _ordered(quaternion: Array, order: str) -> Array:
    """(w, x, y, z) in the given order."""
    _check_order(order, ("wxyz", "xyzw"))
    return quaternion if order == "wxyz" else jnp.roll(quaternion, -1, axis=-1)


def _scalar_first(quaternion: ArrayLike, order: str) -> Array:
    """(w, x, y, z) from the given order; zero becomes no rotation."""
    quaternion = _checked(quaternion, (4,), "quaternion")
    _check_order(order, ("wxyz", "xyzw"))
    quaternion = quaternion if order == "wxyz" else jnp.roll(quaternion, 1, axis=-1)
    # In units of the largest number, so that neither tiny nor huge quaternions leave the range of float32 when they are squared.
    largest = jnp.max(jnp.abs(quaternion), axis=-1, keepdims=True)
    is_zero = largest == 0
    identity = jnp.array([1.0, 0.0, 0.0, 0.0], quaternion.dtype)
    return jnp.where(is_zero, identity, quaternion / jnp.where(is_zero, 1.0, largest))


def _without(vector: Array, axis: Array) -> Array:
    """The part of a vector that is orthogonal to an axis of length one."""
    return vector - jnp.sum(vector * axis, axis=-1, keepdims=True) * axis


def _unit(vector: Array, otherwise: Array, least: float = 1e-30) -> Array:
    """The vector with length one; another where no number of it is larger than `least`. The double `where` keeps derivatives finite."""
    largest = jnp.max(jnp.abs(vector), axis=-1, keepdims=True)
    is_long = largest > least
    vector = jnp.where(is_long, vector, 1.0) / jnp.where(
        is_long, largest, 1.0
    )  # so that squares neither vanish nor overflow
    return jnp.where(is_long, vector / jnp.sqrt(jnp.sum(vector**2, axis=-1, keepdims=True)), otherwise)
