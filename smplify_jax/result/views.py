"""A body in the world frame of several cameras, as one of them sees it."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from smplify_jax.camera.depth import REFERENCE_HEIGHT_PX, pixel_scale
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.geometry.rotations import compose_axis_angle, matrix_to_axis_angle


def in_view(result: Any, view: int) -> Any:
    """The result in the frame of one of its cameras; see `FitResult.in_view`."""
    if result.extrinsics is None:
        raise InputError(
            "This result has one camera and lives in its frame already: in_view is for results of several."
        )
    num_views = result.extrinsics.num_views
    if not -num_views <= view < num_views:
        raise InputError(f"There is no view {view}: this result was fitted to {num_views} cameras.")
    rotation = jnp.asarray(result.extrinsics.rotation)[..., view, :, :]
    translation = jnp.asarray(result.extrinsics.translation)[..., view, :]

    def turned(vectors: jax.Array) -> jax.Array:
        return jnp.einsum("...ij,...kj->...ki", rotation, vectors)

    joints = turned(result.joints) + translation[..., None, :]
    rest_pelvis = result.joints[..., 0, :] - result.transl
    transl = joints[..., 0, :] - rest_pelvis
    camera = Camera(
        jnp.asarray(result.camera.focal_length)[..., view, :], jnp.asarray(result.camera.camera_center)[..., view, :]
    )
    return dataclasses.replace(
        result,
        global_orient=compose_axis_angle(matrix_to_axis_angle(rotation), result.global_orient),
        transl=transl,
        joints=joints,
        # Of the covariances only the diagonals are known: this is exact if the axes of the world are uncorrelated.
        joints_std=jnp.sqrt(jnp.einsum("...ij,...kj->...ki", rotation**2, result.joints_std**2)),
        camera=camera,
        keypoints_px=result.keypoints_px[..., view, :, :],
        reprojection_error_px=result.reprojection_error_px[..., view, :],
        person_height_px=REFERENCE_HEIGHT_PX / pixel_scale(transl[..., 2], camera.focal_length),
        velocities=None if result.velocities is None else turned(result.velocities),
        extrinsics=None,
    )
