"""What a fitted body says about what was observed, by kind of observation. Traced by JAX, for one body."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.camera.depth import PERSON_HEIGHT, REFERENCE_HEIGHT_PX, pixel_scale
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.observation import Observation, Observed, PointsObservation, ViewsObservation
from smplify_jax.camera.pinhole import Camera, project


def describe(body: KeypointBody, given: Observed, keypoints: Array, parameters: BodyParameters) -> dict:
    """The fields of a result that compare a body with what was given, and `error_2d`, its median error in heights of the person.

    Args:
        body: the body, cut to the keypoints.
        given: as the caller gave it.
        keypoints: (K, 3) of the fitted body [m].
        parameters: of the fitted body.
    """
    keypoints = jnp.where(body.is_defined[:, None], keypoints, jnp.nan)
    if isinstance(given, Observation):
        return _in_picture(given, keypoints, parameters.transl[2])
    if isinstance(given, ViewsObservation):
        return _in_pictures(given, keypoints)
    if isinstance(given, PointsObservation):
        return _in_space(given, keypoints)
    raise TypeError(f"there is no such kind of observation: {type(given).__name__}")


def _in_picture(given: Observation, keypoints: Array, depth: Array) -> dict:
    pixels = project(keypoints, given.camera)
    errors = jnp.where(given.confidence > 0, jnp.linalg.norm(pixels - given.keypoints_px, axis=-1), jnp.nan)
    height = REFERENCE_HEIGHT_PX / pixel_scale(depth, given.camera.focal_length)
    return {
        "camera": given.camera,
        "keypoints_px": pixels,
        "reprojection_error_px": errors,
        "person_height_px": height,
        "error_2d": jnp.nanmedian(errors) / height,
    }


def _in_pictures(given: ViewsObservation, keypoints: Array) -> dict:
    def of_view(view: ViewsObservation) -> tuple[dict, Array]:
        in_camera = keypoints @ view.rotation.T + view.translation
        seen = Observation(
            jnp.asarray(view.keypoints_px), jnp.asarray(view.confidence), view.camera, jnp.asarray(view.pixel_scale)
        )
        described = _in_picture(seen, in_camera, jnp.nanmean(in_camera[:, 2]))
        return described, described["reprojection_error_px"] / described["person_height_px"]

    described, relative = jax.vmap(of_view)(given)
    return described | {
        "extrinsics": Extrinsics(given.rotation, given.translation),
        "person_height_px": jnp.asarray(jnp.nan),  # differs from picture to picture
        "error_2d": jnp.nanmedian(relative),
    }


def _in_space(given: PointsObservation, keypoints: Array) -> dict:
    errors = jnp.where(given.confidence > 0, jnp.linalg.norm(keypoints - given.points, axis=-1), jnp.nan)
    num_keypoints = len(keypoints)
    return {
        "camera": Camera(jnp.zeros((0, 2)), jnp.zeros((0, 2))),
        "keypoints_px": jnp.zeros((0, num_keypoints, 2)),
        "reprojection_error_px": jnp.zeros((0, num_keypoints)),
        "person_height_px": jnp.asarray(jnp.nan),
        "extrinsics": Extrinsics(jnp.zeros((0, 3, 3)), jnp.zeros((0, 3))),
        "point_errors": errors,
        "error_2d": jnp.nanmedian(errors) / PERSON_HEIGHT,
    }
