"""The caller's initial parameters, such as another network's predictions, and their precision."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.init_errors import error_mm, precision_of_error
from smplify_jax.geometry.skeleton import NUM_SHARED_JOINTS, SMPL_JOINT_NAMES
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.result import FitResult
from smplify_jax.terms.anchor import Anchor

_POSE_LENGTHS = (3 * (NUM_SHARED_JOINTS - 1), 3 * (len(SMPL_JOINT_NAMES) - 1))
"""Numbers of body_pose without and with SMPL's hands."""


def start_from_init(
    init: BodyParameters | FitResult, num_people: int, num_joints: int, num_betas: int, is_single: bool
) -> PredictedBodies:
    """Check the caller's start and return it as (B, ...) float32 arrays, in the camera that it comes with or that of the fit.

    Missing betas are NaN, and the hands of a pose without them are at rest.

    Raises:
        InputError: it does not hold parameters, or a block does not have a row of the right length for each person.
    """
    if not isinstance(init, (BodyParameters, FitResult)):
        raise InputError(
            f"init is a {type(init).__name__}: give BodyParameters (global_orient, body_pose, betas, transl), a FitResult, or "
            "PredictedBodies."
        )
    lengths = {"global_orient": 3, "body_pose": 3 * (num_joints - 1), "betas": num_betas, "transl": 3}
    blocks = {}
    for name, length in lengths.items():
        block = host_array(getattr(init, name), f"init.{name}").astype(np.float32)
        block = block[None] if is_single and block.ndim == 1 else block
        if name == "betas" and block.ndim == 2:
            block = _resized(block, num_betas, np.nan)
        if name == "body_pose" and block.ndim == 2 and {block.shape[1], length} == set(_POSE_LENGTHS):
            block = _resized(block, length, 0.0)
        if block.shape != (num_people, length):
            raise InputError(
                f"init.{name} has shape {block.shape}: expected ({num_people}, {length}), a row for each person."
            )
        blocks[name] = block
    own = init if isinstance(init, PredictedBodies) else None
    focal = np.nan if own is None else own.focal_length
    center = np.nan if own is None else own.camera_center
    return PredictedBodies(
        **blocks,
        focal_length=np.broadcast_to(np.asarray(focal, np.float32), (num_people,)),
        camera_center=np.broadcast_to(np.asarray(center, np.float32), (num_people, 2)),
    )


def _resized(block: np.ndarray, length: int, missing: float) -> np.ndarray:
    """(B, length): truncated, or padded."""
    return np.pad(block[:, :length], ((0, 0), (0, max(0, length - block.shape[1]))), constant_values=missing)


def with_betas_filled(start: PredictedBodies) -> PredictedBodies:
    """The start with zero, the mean shape, for the betas that are not known."""
    return dataclasses.replace(start, betas=_filled(start.betas))


def _filled(betas: ArrayLike) -> np.ndarray:
    return np.where(np.isnan(betas), np.float32(0), betas)


def anchor_from_init(
    start: BodyParameters | None, precision: BodyParameters | ArrayLike | None, error: str | ArrayLike | None = None
) -> Anchor | None:
    """The anchor around the caller's start, (B, ...); None without a start.

    Args:
        start: from `start_from_init`.
        precision: inverse variances; None to take those of networks with this error.
        error: see `error_mm`.

    Raises:
        InputError: there is a precision or an error but no start, or both, or one is negative, not finite or of the wrong shape.
    """
    check_anchor_choices(start, precision, error)
    if start is None:
        return None
    if precision is None:
        errors = error_mm(error, len(start.transl))
        precision = precision_of_error(errors, start.body_pose.shape[1] // 3 + 1, start.betas.shape[1])
    if not isinstance(precision, BodyParameters):
        number = host_array(precision, "init_precision").astype(np.float32)
        if number.ndim != 0:
            raise InputError(
                f"init_precision has shape {number.shape}: give one number [1/rad^2] for body_pose, or BodyParameters of precisions."
            )
        blank = BodyParameters(*(np.zeros(1, np.float32),) * 4)
        precision = dataclasses.replace(blank, body_pose=number)
    return Anchor(
        body_pose=start.body_pose,
        betas=_filled(start.betas),
        pose_scale=np.sqrt(_precision(precision.body_pose, start.body_pose.shape, "body_pose")),
        betas_scale=np.sqrt(_precision(precision.betas, start.betas.shape, "betas")) * ~np.isnan(start.betas),
    )


def check_anchor_choices(start: object | None, precision: object | None, error: object | None) -> None:
    """Raise InputError for a precision or an error without a start, or for both."""
    for name, value in (("init_precision", precision), ("init_error", error)):
        if value is not None and start is None:
            raise InputError(f"{name} was given without init: give the parameters that it belongs to.")
    if precision is not None and error is not None:
        raise InputError("init_precision and init_error were both given: they say the same thing, so give one of them.")


def _precision(values: ArrayLike, shape: tuple[int, ...], name: str) -> np.ndarray:
    array = host_array(values, f"init_precision.{name}").astype(np.float32)
    try:
        array = np.broadcast_to(array, shape)
    except ValueError:
        raise InputError(
            f"init_precision.{name} has shape {array.shape}: expected {shape}, like init.{name}."
        ) from None
    if not (np.isfinite(array) & (array >= 0)).all():
        raise InputError(
            f"init_precision.{name} holds a number that is negative or not finite: precisions are inverse variances."
        )
    return array
