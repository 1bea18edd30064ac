"""The pinhole camera. Camera frame: x right, y down, z forward [m]; pixels: x right, y down, origin at the picture's top left."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.execution.traces import kept_in_traces

MIN_DEPTH = 0.05
"""Points nearer than this [m] are projected as if at this depth, so that values and derivatives stay finite."""


@kept_in_traces
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Camera:
    """Pinhole camera without distortion.

    Attributes:
        focal_length: (..., 2) [px], along x and y.
        camera_center: (..., 2) principal point [px].
    """

    focal_length: Array | np.ndarray
    camera_center: Array | np.ndarray


def project(points_cam: Array, camera: Camera) -> Array:
    """Project camera-frame points to pixels, u = f (x/z, y/z) + c.

    Args:
        points_cam: (..., N, 3) [m].
        camera: fields with the same leading axes.
    Returns:
        (..., N, 2) [px]. Points nearer than MIN_DEPTH are projected as if at MIN_DEPTH.
    Source: Hartley & Zisserman, Multiple View Geometry, 2004, section 6.1; no lens distortion.
    """
    depth = jnp.maximum(points_cam[..., 2:], MIN_DEPTH)
    focal_length, centre = jnp.asarray(camera.focal_length), jnp.asarray(camera.camera_center)
    return focal_length[..., None, :] * points_cam[..., :2] / depth + centre[..., None, :]
