"""The kinematic tree: forward kinematics, one tree level at a time."""

from __future__ import annotations

import operator
from functools import lru_cache, reduce
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
from jax import Array


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


def matmul3(a: Array, b: Array) -> Array:
    """Product of small matrices as fused multiply-adds.

    XLA's CPU backend runs a batched 3x3 `dot` as a library call per matrix, and does not vectorise a reduction over so short an axis;
    written out over k it becomes one vectorised loop.

    Args:
        a: (..., m, k).
        b: (..., k, n).
    Returns:
        (..., m, n).
    """
    products = (a[..., :, k, None] * b[..., None, k, :] for k in range(a.shape[-1]))
    return reduce(operator.add, products)


def forward_kinematics(local_rotations: Array, rest_joints: Array, parents: tuple[int, ...]) -> tuple[Array, Array]:
    """World rotation and position of each joint.

    Args:
        local_rotations: (..., J, 3, 3) relative to the parent.
        rest_joints: (..., J, 3) [m]; the root stays where it is at rest.
        parents: parent of each joint, parents before children.
    Returns:
        rotations (..., J, 3, 3) and joints (..., J, 3) [m].
    """
    rotations = global_rotations(local_rotations, parents)
    return rotations, joint_positions(rotations, rest_joints, parents)


def global_rotations(local_rotations: Array, parents: tuple[int, ...]) -> Array:
    """Rotation of each joint relative to the world. (..., J, 3, 3) -> (..., J, 3, 3)."""
    levels = tree_levels(parents)
    by_level = [local_rotations[..., levels[0], :, :]]
    for above, level in pairwise(levels):
        from_parent = by_level[-1][..., [above.index(parents[j]) for j in level], :, :]
        by_level.append(matmul3(from_parent, local_rotations[..., level, :, :]))
    order = np.argsort(np.concatenate([np.asarray(level) for level in levels]))
    return jnp.concatenate(by_level, axis=-3)[..., order, :, :]


def joint_positions(rotations: Array, rest_joints: Array, parents: tuple[int, ...]) -> Array:
    """Joint positions: each is the sum of the turned bones on its path from the root, so one product with a constant matrix.

    Args:
        rotations: (..., J, 3, 3) relative to the world.
        rest_joints: (..., J, 3) [m] (or, for the derivative by the betas, (..., J, 3) per beta as leading axis).
        parents: parent of each joint.
    Returns:
        (..., J, 3) [m].
    """
    turned = matmul3(parent_rotations(rotations, parents), bones(rest_joints, parents)[..., None])[..., 0]
    return jnp.einsum("ji,...ic->...jc", ancestors_or_self(parents), turned)


def bones(rest_joints: Array, parents: tuple[int, ...]) -> Array:
    """Offset of each joint from its parent; of the root from the origin. (..., J, 3) -> (..., J, 3)."""
    from_parents = rest_joints[..., [max(p, 0) for p in parents], :]
    is_root = np.asarray([p < 0 for p in parents])[:, None]
    return rest_joints - jnp.where(is_root, 0.0, from_parents)


def parent_rotations(rotations: Array, parents: tuple[int, ...]) -> Array:
    """World rotation of each joint's parent, the identity for the root. (..., J, 3, 3) -> (..., J, 3, 3)."""
    from_parents = rotations[..., [max(p, 0) for p in parents], :, :]
    is_root = np.asarray([p < 0 for p in parents])[:, None, None]
    return jnp.where(is_root, jnp.eye(3, dtype=rotations.dtype), from_parents)
