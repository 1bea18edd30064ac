"""The observations that `solve` takes, checked and completed without looking at their numbers, which may be traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observed import is_observed
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.fitting.init_errors import error_mm, precision_of_error
from smplify_jax.fitting.initialization import check_anchor_choices
from smplify_jax.fitting.person import Person
from smplify_jax.fitting.plausibility import find_faults
from smplify_jax.fitting.problem import FitProblem
from smplify_jax.terms.anchor import Anchor


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observations:
    """People as the fit's program takes them.

    Attributes:
        people: one, or many with a leading axis in every array.
        is_batch: whether there is such an axis.
    """

    people: Person
    is_batch: bool = field(metadata={"static": True})


def observations_of(
    problem: FitProblem,
    keypoints: ArrayLike,
    *,
    camera: Camera | ArrayLike | None,
    image_size: ArrayLike | None,
    init: BodyParameters | None,
    init_error: str | float | None = None,
    init_precision: BodyParameters | ArrayLike | None,
    keypoint_weights: ArrayLike | None,
) -> Observations:
    """Arguments of `solve` as people; shapes are checked, and arrays that people share are repeated.

    Raises:
        InputError: a shape or a type is wrong.
    """
    body = problem.setup.scene.body
    rows = _numbers(keypoints, "keypoints")
    num_keypoints = len(body.weights)
    if rows.ndim not in (2, 3) or rows.shape[-2:] != (num_keypoints, 3):
        raise InputError(
            f"keypoints have shape {rows.shape}: the problem's layout needs ({num_keypoints}, 3) or (B, {num_keypoints}, 3), rows x, y "
            "[px], confidence."
        )
    batch = rows.shape[:-2]
    rows = jnp.where(is_observed(rows)[..., None], rows, 0.0)
    confidence = jnp.where(rows[..., 2:] > 1.0, 1.0, rows[..., 2:])  # jnp.minimum would halve the derivative at 1
    rows = jnp.concatenate([rows[..., :2], confidence], axis=-1)
    size = None if image_size is None else _for_each(_numbers(image_size, "image_size"), batch, (2,), "image_size")
    cameras = _camera(problem, camera, size, batch)
    sizes = jnp.full((*batch, 2), jnp.nan, rows.dtype) if size is None else size
    start = None if init is None else _start(init, batch, 3 * (body.num_joints - 1), body.num_betas)
    person = Person(
        keypoints=rows,
        camera=cameras,
        image_size=sizes,
        is_plausible=find_faults(*jax.lax.stop_gradient((rows, cameras, sizes))).is_plausible,
        is_focal_length_known=jnp.full(batch, camera is not None),
        start=start,
        anchor=_anchor(start, init_precision, init_error),
        keypoint_weights=None
        if keypoint_weights is None
        else _for_each(_numbers(keypoint_weights, "keypoint_weights"), batch, (num_keypoints,), "keypoint_weights"),
    )
    return Observations(person, is_batch=bool(batch))


def _numbers(value: ArrayLike, name: str) -> Array:
    """An array of the precision in use."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} is a {type(value).__name__} that JAX cannot read: give an array of numbers."
        ) from error
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise InputError(f"{name} has type {array.dtype}: expected real numbers.")
    return array.astype(jnp.result_type(float))


def _for_each(values: Array, batch: tuple[int, ...], shape: tuple[int, ...], name: str) -> Array:
    """(*batch, *shape) of values that are given once or for each person."""
    if values.shape not in (shape, (*batch, *shape)):
        raise InputError(f"{name} has shape {values.shape}: expected {_shapes(batch, shape)}.")
    return jnp.broadcast_to(values, (*batch, *shape))


def _shapes(batch: tuple[int, ...], shape: tuple[int, ...]) -> str:
    return f"{shape} or {(*batch, *shape)}" if batch else f"{shape}"


def _camera(
    problem: FitProblem, camera: Camera | ArrayLike | None, size: Array | None, batch: tuple[int, ...]
) -> Camera:
    """A complete camera for each person, fields (*batch, 2)."""
    focal_length, center = None, None
    if isinstance(camera, Camera):
        focal_length, center = _numbers(camera.focal_length, "camera.focal_length"), camera.camera_center
    elif isinstance(camera, str):
        raise InputError(
            f"camera is {camera!r}: solve takes a focal length, a matrix K or a Camera; only fit can search."
        )
    elif camera is not None:
        focal_length = _numbers(camera, "camera")
        if focal_length.shape[-2:] == (3, 3):
            matrix = focal_length
            focal_length, center = jnp.diagonal(matrix, axis1=-2, axis2=-1)[..., :2], matrix[..., :2, 2]
    if focal_length is None and problem.needs_camera:
        raise InputError(
            "camera is not given: this profile guesses it from the keypoints, which solve cannot do; give it."
        )
    if focal_length is None and problem.focal_length_px is not None:
        focal_length = _numbers(problem.focal_length_px, "focal_length_px")
    if size is None and (focal_length is None or center is None):
        raise InputError("image_size is not given: give it, or a whole camera, a Camera or a matrix K.")
    if focal_length is None:
        assert size is not None
        focal_length = jnp.sqrt(jnp.sum(size**2, axis=-1, keepdims=True))
    if focal_length.shape in ((), (1,), (*batch, 1)):
        focal_length = jnp.broadcast_to(focal_length, (*focal_length.shape[:-1], 2))
    if center is None:
        assert size is not None
        center = size / 2
    return Camera(
        _for_each(focal_length, batch, (2,), "the camera's focal length"),
        _for_each(_numbers(center, "camera_center"), batch, (2,), "camera_center"),
    )


def _start(init: BodyParameters, batch: tuple[int, ...], num_pose: int, num_betas: int) -> BodyParameters:
    if not isinstance(init, BodyParameters):
        raise InputError(
            f"init is a {type(init).__name__}: give BodyParameters (global_orient, body_pose, betas, transl)."
        )
    lengths = {"global_orient": 3, "body_pose": num_pose, "betas": num_betas, "transl": 3}
    blocks = {}
    for name, length in lengths.items():
        block = _numbers(getattr(init, name), f"init.{name}")
        if block.shape != (*batch, length):
            raise InputError(f"init.{name} has shape {block.shape}: expected {(*batch, length)}.")
        blocks[name] = block
    return BodyParameters(**blocks)


def _anchor(
    start: BodyParameters | None, precision: BodyParameters | ArrayLike | None, error: str | float | None
) -> Anchor | None:
    """The anchor around the caller's start; None without a start."""
    check_anchor_choices(start, precision, error)
    if start is None:
        return None
    if precision is None:
        one = precision_of_error(error_mm(error, 1), start.body_pose.shape[-1] // 3 + 1, start.betas.shape[-1])
        precision = jax.tree.map(lambda values: values[0], one)  # of everybody
    given: Mapping[str, Any] = (
        {"body_pose": precision.body_pose, "betas": precision.betas}
        if isinstance(precision, BodyParameters)
        else {"body_pose": precision, "betas": 0.0}
    )
    scales = {}
    for name, values in given.items():
        values = _numbers(values, f"init_precision.{name}")
        shape = jnp.shape(getattr(start, name))
        try:
            scales[name] = jnp.broadcast_to(_square_root(values), shape)
        except ValueError:
            raise InputError(
                f"init_precision.{name} has shape {values.shape}: expected {shape}, like init.{name}."
            ) from None
    # What is not known is no anchor; a pose is known as a whole, as in `fit`.
    is_pose_known = jnp.all(jnp.isfinite(start.body_pose), axis=-1, keepdims=True)
    is_known = {"body_pose": is_pose_known, "betas": jnp.isfinite(start.betas)}
    blocks = {name: jnp.where(known, getattr(start, name), 0.0) for name, known in is_known.items()}
    scales = {name: jnp.where(known, scales[name], 0.0) for name, known in is_known.items()}
    return Anchor(**blocks, pose_scale=scales["body_pose"], betas_scale=scales["betas"])


def _square_root(precision: Array) -> Array:
    """Of a precision; zero, with a derivative of zero, where that is not positive."""
    is_positive = (precision > 0) & (precision < jnp.inf)
    return jnp.where(is_positive, jnp.sqrt(jnp.where(is_positive, precision, 1.0)), 0.0)
