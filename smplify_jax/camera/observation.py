"""What was observed of one body: keypoints in one picture or in several, or points in space.

All kinds of observation are compared with the body in the same way. `measure` gives the differences between the body's keypoints and
what was observed, in reference pixels, and how each difference changes when a keypoint moves; so one data term and one solver serve all
kinds.

Shapes are written (K, 2, ...): the dots are the batch axis, if there is one (see `execution.batch_axis`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.depth import PERSON_HEIGHT, REFERENCE_HEIGHT_PX
from smplify_jax.camera.pinhole import MIN_DEPTH, Camera


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Measurement:
    """D numbers for each keypoint that the data term compares with zero.

    Attributes:
        differences: (K, D, ...) body minus observation [reference px].
        directions: (K, D, 3, ...) their derivatives by the keypoint's position [reference px / m].
        confidence: (K, D, ...), or (K, 1, ...) for the same confidence in all D.
    """

    differences: Array
    directions: Array
    confidence: Array


class Observed(Protocol):
    """Any kind of observation."""

    @property
    def confidence(self) -> Array | np.ndarray:
        """Zero for what was not observed."""
        ...

    def measure(self, points: Array) -> Measurement:
        """Compare the body's keypoints (K, 3, ...) [m] with the observation."""
        ...


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """The keypoints of one person (or of many, with leading batch axes) in one picture; the body is in that camera's frame.

    Attributes:
        keypoints_px: (..., K, 2) [px], finite everywhere.
        confidence: (..., K), zero for keypoints that were not observed.
        camera: of that person's picture.
        pixel_scale: (...,) reference pixels per pixel. Every constant of the objective refers to a person who appears 300 px tall;
            multiplying pixel differences by this makes the fit independent of the picture's resolution.
    """

    keypoints_px: Array
    confidence: Array
    camera: Camera
    pixel_scale: Array

    def measure(self, points: Array) -> Measurement:
        """Differences along x and y of the picture."""
        in_view, depth = _in_view(points)
        pixels = self.camera.focal_length * in_view + self.camera.camera_center
        per_metre = self.pixel_scale * self.camera.focal_length / depth
        return Measurement(
            differences=self.pixel_scale * (pixels - self.keypoints_px),
            directions=_gradients(points, in_view, per_metre),
            confidence=jnp.asarray(self.confidence)[:, None],
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ViewsObservation:
    """The keypoints of one person in V pictures taken at the same moment; the body is in the world frame that the cameras share.

    Attributes:
        keypoints_px: (..., V, K, 2) [px], finite everywhere.
        confidence: (..., V, K), zero for keypoints that a camera did not observe.
        camera: fields (..., V, 2).
        rotation: (..., V, 3, 3) world to camera, x_cam = R X + t.
        translation: (..., V, 3) [m].
        pixel_scale: (..., V) reference pixels per pixel, see `Observation`.
    """

    keypoints_px: Array
    confidence: Array
    camera: Camera
    rotation: Array
    translation: Array
    pixel_scale: Array

    def measure(self, points: Array) -> Measurement:
        """Differences along x and y of each picture, D = 2 V."""
        one_by_one = [self._measure_view(points, view) for view in range(len(self.confidence))]
        return Measurement(
            differences=jnp.concatenate([one.differences for one in one_by_one], axis=1),
            directions=jnp.concatenate([one.directions for one in one_by_one], axis=1),
            confidence=jnp.concatenate([jnp.repeat(one.confidence, 2, axis=1) for one in one_by_one], axis=1),
        )

    def _measure_view(self, points: Array, view: int) -> Measurement:
        rotation, translation = jnp.asarray(self.rotation)[view], jnp.asarray(self.translation)[view]
        camera = Camera(jnp.asarray(self.camera.focal_length)[view], jnp.asarray(self.camera.camera_center)[view])
        seen = Observation(self.keypoints_px[view], self.confidence[view], camera, self.pixel_scale[view])
        in_camera = seen.measure(jnp.einsum("ij...,kj...->ki...", rotation, points) + translation)
        return Measurement(
            in_camera.differences,
            jnp.einsum("kdi...,ij...->kdj...", in_camera.directions, rotation),
            in_camera.confidence,
        )


REFERENCE_PX_PER_M = REFERENCE_HEIGHT_PX / PERSON_HEIGHT
"""Reference pixels per metre at the body."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PointsObservation:
    """Points in space: triangulated, from a depth camera, or from another program; the body is in their frame.

    Attributes:
        points: (..., K, 3) [m], finite everywhere.
        confidence: (..., K), zero for points that were not observed.
    """

    points: Array | np.ndarray
    confidence: Array | np.ndarray

    def measure(self, points: Array) -> Measurement:
        """Differences along x, y and z, as large as a camera in front of the person would see them."""
        axes = REFERENCE_PX_PER_M * jnp.eye(3, dtype=points.dtype).reshape(1, 3, 3, *[1] * (points.ndim - 2))
        return Measurement(
            differences=REFERENCE_PX_PER_M * (points - self.points),
            directions=jnp.broadcast_to(axes, (len(points), 3, *points.shape[1:])),
            confidence=jnp.asarray(self.confidence)[:, None],
        )


def _in_view(points_cam: Array) -> tuple[Array, Array]:
    """(K, 2, ...) x/z and y/z, and the depth (K, 1, ...) by which they are divided [m]; see `camera.project`."""
    depth = jnp.maximum(points_cam[:, 2:], MIN_DEPTH)
    return points_cam[:, :2] / depth, depth


def _gradients(points_cam: Array, in_view: Array, per_metre: Array) -> Array:
    """(K, 2, 3, ...) derivatives of both pixel coordinates; they change along the gradient of the projection."""
    along_z = jnp.where(points_cam[:, 2:] > MIN_DEPTH, -in_view * per_metre, 0.0)
    zero = jnp.zeros_like(along_z[:, 0])
    along_x, along_y = (
        jnp.stack([per_metre[:, 0], zero, along_z[:, 0]], axis=1),
        jnp.stack([zero, per_metre[:, 1], along_z[:, 1]], axis=1),
    )
    return jnp.stack([along_x, along_y], axis=1)
