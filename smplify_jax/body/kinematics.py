"""The kinematic tree: forward kinematics, one tree level at a time.

Shapes are written (J, 3, 3, ...): the dots are the batch axis, if there is one (see `execution.batch_axis`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.errors import InputError


@lru_cache
def tree_levels(parents: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Joints by their distance from the root, the root's level first."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(max(depth) + 1))


@lru_cache
def ancestors_or_self(parents: tuple[int, ...]) -> np.ndarray:
    """(J, J) float32 matrix A with A[j, i] = 1 where i is j or an ancestor of j."""
    matrix = np.eye(len(parents), dtype=np.float32)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            matrix[joint] += matrix[parent]
    matrix.setflags(write=False)
    return matrix


def sum_over_axes(term: Callable[[int], Array]) -> Array:
    """Sum of term(0), term(1) and term(2): a product of 3x3 matrices or of a matrix and a vector, as fused multiply-adds.

    XLA's CPU backend runs a batched 3x3 `dot` as a library call per matrix, and does not vectorise a reduction over so short an axis;
    written out it becomes one vectorised loop.
    """
    return term(0) + term(1) + term(2)


def matmul3(a: Array, b: Array) -> Array:
    """Products of 3x3 matrices: (J, 3, 3, ...) and (J, 3, 3, ...) to (J, 3, 3, ...)."""
    return sum_over_axes(lambda k: a[:, :, k, None] * b[:, None, k])


def turned(rotations: Array, vectors: Array) -> Array:
    """R v: (J, 3, 3, ...) and (J, 3, ...) to (J, 3, ...)."""
    return sum_over_axes(lambda k: rotations[:, :, k] * vectors[:, None, k])


def full_joint_pose(pose: Array, num_joints: int) -> Array:
    """Axis-angle vectors of all joints, zero for those that `pose` leaves out. (..., 3 m) [rad] -> (..., num_joints, 3)."""
    num_given, rest = divmod(pose.shape[-1], 3)
    if rest or num_given > num_joints:
        raise InputError(
            f"A pose of {pose.shape[-1]} numbers (root included) was given: expected 3 for each of at most {num_joints} joints."
        )
    padded = jnp.concatenate([pose, jnp.zeros((*pose.shape[:-1], 3 * (num_joints - num_given)), pose.dtype)], axis=-1)
    return padded.reshape(*pose.shape[:-1], num_joints, 3)


def forward_kinematics(local_rotations: Array, rest_joints: Array, parents: tuple[int, ...]) -> tuple[Array, Array]:
    """World rotation and position of each joint; here batch axes lead.

    Args:
        local_rotations: (..., J, 3, 3) relative to the parent.
        rest_joints: (..., J, 3) [m]; the root stays where it is at rest.
        parents: parent of each joint, parents before children.
    Returns:
        rotations (..., J, 3, 3) and joints (..., J, 3) [m].
    """
    batch = jnp.broadcast_shapes(local_rotations.shape[:-3], rest_joints.shape[:-2])
    local = jnp.broadcast_to(local_rotations, (*batch, *local_rotations.shape[-3:]))
    rest = jnp.broadcast_to(rest_joints, (*batch, *rest_joints.shape[-2:]))
    local, rest = jnp.moveaxis(local, (-3, -2, -1), (0, 1, 2)), jnp.moveaxis(rest, (-2, -1), (0, 1))
    rotations, parent_rotations = global_rotations(local, parents)
    joints = joint_positions(parent_rotations, rest, parents)
    return jnp.moveaxis(rotations, (0, 1, 2), (-3, -2, -1)), jnp.moveaxis(joints, (0, 1), (-2, -1))


def global_rotations(local_rotations: Array, parents: tuple[int, ...]) -> tuple[Array, Array]:
    """Rotation of each joint relative to the world, and of its parent (the identity for the root).

    (J, 3, 3, ...) -> (J, 3, 3, ...), (J, 3, 3, ...).
    """
    levels = tree_levels(parents)
    identity = jnp.eye(3, dtype=local_rotations.dtype).reshape(1, 3, 3, *[1] * (local_rotations.ndim - 3))
    by_level = [rows(local_rotations, levels[0])]
    parent_rotations = [jnp.broadcast_to(identity, by_level[0].shape)]
    for above, level in pairwise(levels):
        parent_rotations.append(rows(by_level[-1], [above.index(parents[j]) for j in level]))
        by_level.append(matmul3(parent_rotations[-1], rows(local_rotations, level)))
    order = np.argsort(np.concatenate([np.asarray(level) for level in levels]))
    return rows(jnp.concatenate(by_level), order), rows(jnp.concatenate(parent_rotations), order)


def rows(array: Array, indices: Sequence[int] | np.ndarray) -> Array:
    """array[indices], as a slice where possible: a slice costs nothing, and a gather is a loop of its own."""
    first, count = int(indices[0]), len(indices)
    if list(indices) == list(range(first, first + count)):
        return array[first : first + count]
    return jnp.concatenate([array[int(i) : int(i) + 1] for i in indices])


def joint_positions(parent_rotations: Array, rest_joints: Array, parents: tuple[int, ...]) -> Array:
    """Joint positions: each is the sum of the turned bones on its path from the root, so one product with a constant matrix.

    Args:
        parent_rotations: (J, 3, 3, ...) of each joint's parent.
        rest_joints: (J, 3, ...) [m].
        parents: parent of each joint.
    Returns:
        (J, 3, ...) [m].
    """
    bones = jnp.einsum("ji,i...->j...", child_minus_parent(parents), rest_joints)
    return jnp.einsum("ji,ic...->jc...", ancestors_or_self(parents), turned(parent_rotations, bones))


@lru_cache
def child_minus_parent(parents: tuple[int, ...]) -> np.ndarray:
    """Offset of each joint from its parent, of the root from the origin, as a matrix of the joints. (J, J) float32."""
    matrix = np.eye(len(parents), dtype=np.float32)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            matrix[joint, parent] = -1.0
    matrix.setflags(write=False)
    return matrix
