"""Poses in any form that networks give them, as SMPL's axis-angle vectors."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax import rotations
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.geometry.skeleton import NUM_SHARED_JOINTS, SMPL_JOINT_NAMES, SMPLH_JOINT_NAMES, SMPLX_JOINT_NAMES

NUM_BODY_JOINTS = len(SMPL_JOINT_NAMES) - 1
"""Joints of SMPL's body_pose."""

_NUM_JOINTS = (NUM_SHARED_JOINTS, len(SMPL_JOINT_NAMES), len(SMPLH_JOINT_NAMES), len(SMPLX_JOINT_NAMES))
"""Of whole poses: without hands, of SMPL, SMPL-H and SMPL-X."""

_MATRIX, _SIX, _QUATERNION, _AXIS_ANGLE = 9, 6, 4, 3
_FORMS = (_AXIS_ANGLE, _QUATERNION, _SIX, _MATRIX)
"""Numbers of one rotation."""

_FEWEST_ROWS = 256
"""Rotations that are converted at once, at least."""

_MAX_DEVIATION = 0.1
"""How far a matrix may be from a rotation, |R^T R - I| in any number: half precision is off by 0.002, another layout by 1."""


class RotationOrders(NamedTuple):
    """What cannot be told from the numbers.

    Attributes:
        quaternion: "wxyz" or "xyzw"; None if there are no quaternions.
        rotation_6d: "columns", "interleaved" or "rows", see `rotations.rotation_6d_to_matrix`; None if there are no six numbers.
    """

    quaternion: rotations.QuaternionOrder | None = None
    rotation_6d: rotations.Rotation6dOrder | None = None


def whole_pose(pose: ArrayLike, orders: RotationOrders, name: str = "pose") -> tuple[np.ndarray, np.ndarray]:
    """A pose with its root as `global_orient` (..., 3) and SMPL's `body_pose` (..., 69) [rad].

    Args:
        pose: (..., J, 3, 3), (..., J, n) or (..., n J), J = 22, 24, 52 or 55 joints of n = 3 (axis-angle), 4 (quaternions), 6 or 9 numbers.
        orders: of quaternions and six numbers.
        name: of the argument, for messages.

    Raises:
        InputError: another shape, matrices that are not rotations, or an order that is needed and not given.
    """
    vectors = _vectors(_by_joint(host_array(pose, name), _NUM_JOINTS, name), orders, name)
    return vectors[..., 0, :], _as_smpl(vectors[..., 1:, :])


def pose_of_body(pose: ArrayLike, orders: RotationOrders, name: str = "body_pose") -> np.ndarray:
    """A pose without its root as SMPL's `body_pose` (..., 69) [rad]; as `whole_pose`, with 21, 23, 51 or 54 joints."""
    num_joints = tuple(count - 1 for count in _NUM_JOINTS)
    return _as_smpl(_vectors(_by_joint(host_array(pose, name), num_joints, name), orders, name))


def orientation(
    orient: ArrayLike, batch: tuple[int, ...], orders: RotationOrders, name: str = "global_orient"
) -> np.ndarray:
    """The root's rotation as `global_orient` (..., 3) [rad].

    Args:
        orient: the leading axes and then (3, 3), (1, 3, 3), (n,) or (1, n).
        batch: the leading axes, those of the body's pose.
        orders: of quaternions and six numbers.
        name: of the argument, for messages.
    """
    array = host_array(orient, name)
    size = array.size // max(1, prod(batch))
    if array.shape[: len(batch)] != batch or (array.size and size not in _FORMS):
        raise InputError(
            f"{name} has shape {array.shape}: expected {(*batch, 3)}, {(*batch, 3, 3)}, or four or six numbers for each person."
        )
    last = array.shape[len(batch) :]
    return _vectors(array.reshape(*batch, size if array.size else prod(last)), orders, name)


def _by_joint(array: np.ndarray, counts: tuple[int, ...], name: str) -> np.ndarray:
    """(..., J, n) from any of the shapes; the numbers of joints and of a rotation tell them apart."""
    shape = array.shape
    if len(shape) >= 3 and shape[-2:] == (3, 3) and shape[-3] in counts:
        return array.reshape(*shape[:-2], _MATRIX)
    if len(shape) >= 2 and shape[-2] in counts and shape[-1] in _FORMS:
        return array
    for count in counts:
        for form in _FORMS:
            if shape[-1:] == (count * form,):
                return array.reshape(*shape[:-1], count, form)
    lengths = " or ".join(str(3 * count) for count in counts[:2])
    raise InputError(
        f"{name} has shape {shape}: expected (..., {lengths}) numbers of axis-angle vectors, (..., {counts[1]}, 3, 3) matrices, or four or "
        f"six numbers for each of {', '.join(map(str, counts))} joints."
    )


def _vectors(numbers: np.ndarray, orders: RotationOrders, name: str) -> np.ndarray:
    """(..., 3) axis-angle from the n numbers of rotations (..., n); NaN where a number is not finite."""
    form = numbers.shape[-1]
    if form == _AXIS_ANGLE:
        return numbers.astype(np.float32)
    is_known = np.isfinite(numbers).all(axis=-1, keepdims=True)
    filled = np.where(is_known, numbers, _NO_ROTATION[form]).astype(np.float32)
    order = None
    if form == _MATRIX:
        _check_matrices(filled.reshape(*filled.shape[:-1], 3, 3), name)
    elif form == _QUATERNION:
        order = orders.quaternion
        if order is None:
            raise InputError(f"{name} holds quaternions: say in which order, with quaternion_order='wxyz' or 'xyzw'.")
    else:
        order = orders.rotation_6d
        if order is None:
            raise InputError(
                f"{name} holds six numbers for each rotation: say which, with rotation_6d_order='interleaved' (SPIN, VIBE), 'columns' "
                "(4D-Humans) or 'rows' (PyTorch3D)."
            )
    return np.where(is_known, _converted(filled, order), np.nan).astype(np.float32)


def _converted(numbers: np.ndarray, order: str | None) -> np.ndarray:
    """(..., 3) axis-angle from (..., n), in a few sizes, so that it is compiled only for these."""
    flat = numbers.reshape(-1, numbers.shape[-1])
    size = max(_FEWEST_ROWS, 1 << max(0, len(flat) - 1).bit_length())
    found = np.asarray(_convert(np.pad(flat, ((0, size - len(flat)), (0, 0))), order))
    return found[: len(flat)].reshape(*numbers.shape[:-1], 3)


@partial(jax.jit, static_argnums=1)
def _convert(numbers: jax.Array, order: Any) -> jax.Array:
    form = numbers.shape[-1]
    if form == _MATRIX:
        return rotations.matrix_to_axis_angle(numbers.reshape(-1, 3, 3))
    if form == _QUATERNION:
        return rotations.quaternion_to_axis_angle(numbers, order)
    return rotations.rotation_6d_to_axis_angle(numbers, order)


_NO_ROTATION = {_QUATERNION: np.eye(4)[0], _SIX: np.zeros(6), _MATRIX: np.eye(3).ravel()}
"""Stands in for numbers that are not known, so that nothing is NaN on the way."""


def _check_matrices(matrices: np.ndarray, name: str) -> None:
    """Raise InputError for matrices that are no rotations."""
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = np.abs(np.swapaxes(matrices, -1, -2) @ matrices - np.eye(3)).max(initial=0.0)
        is_mirrored = (np.linalg.det(matrices) < 0).any()
    if not deviation < _MAX_DEVIATION or is_mirrored:
        raise InputError(
            f"{name} holds 3x3 matrices that are not rotations: their columns must be orthogonal, of length one and not mirrored."
        )


def _as_smpl(vectors: np.ndarray) -> np.ndarray:
    """(..., 69) from (..., J - 1, 3): the 21 joints that all bodies share; SMPL's two hands stay straight unless the pose is SMPL's."""
    count = vectors.shape[-2]
    if count != NUM_BODY_JOINTS:
        shared = vectors[..., : NUM_SHARED_JOINTS - 1, :]
        hands = np.zeros((*shared.shape[:-2], NUM_BODY_JOINTS + 1 - NUM_SHARED_JOINTS, 3), np.float32)
        vectors = np.concatenate([shared, hands], axis=-2)
    return vectors.reshape(*vectors.shape[:-2], 3 * NUM_BODY_JOINTS)
