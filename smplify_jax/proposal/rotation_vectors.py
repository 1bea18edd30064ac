"""Rotation matrices to rotation vectors, for rotations well short of half a turn."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from smplify_jax.rotations import quaternion_to_axis_angle


def rotation_vectors(rotations: Array) -> Array:
    """Axis-angle vectors. (..., 3, 3) -> (..., 3) [rad].

    The quaternion is taken from the largest of the four expressions for it, so half turns lose no precision.
    Source: Shepperd, Quaternion from rotation matrix, 1978.
    """
    r = rotations
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    trace = xx + yy + zz
    # Row i: the quaternion times 4 of its i-th number.
    rows = jnp.stack(
        [
            jnp.stack(
                [1 + trace, r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1
            ),
            jnp.stack(
                [
                    r[..., 2, 1] - r[..., 1, 2],
                    1 + 2 * xx - trace,
                    r[..., 0, 1] + r[..., 1, 0],
                    r[..., 0, 2] + r[..., 2, 0],
                ],
                -1,
            ),
            jnp.stack(
                [
                    r[..., 0, 2] - r[..., 2, 0],
                    r[..., 0, 1] + r[..., 1, 0],
                    1 + 2 * yy - trace,
                    r[..., 1, 2] + r[..., 2, 1],
                ],
                -1,
            ),
            jnp.stack(
                [
                    r[..., 1, 0] - r[..., 0, 1],
                    r[..., 0, 2] + r[..., 2, 0],
                    r[..., 1, 2] + r[..., 2, 1],
                    1 + 2 * zz - trace,
                ],
                -1,
            ),
        ],
        axis=-2,
    )
    largest = jnp.argmax(jnp.stack([trace, xx, yy, zz], axis=-1), axis=-1)
    return quaternion_to_axis_angle(jnp.take_along_axis(rows, largest[..., None, None], axis=-2)[..., 0, :])
