"""How far a network's bodies are from the truth: from its PA-MPJPE to the standard deviation of each joint's rotation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

NETWORK_ERRORS_MM = {"hmr": 81.3, "spin": 59.2, "vibe": 56.5, "hmr2": 54.3}
"""PA-MPJPE on the test set of 3DPW, not trained on its training set. Sources: Kolotouros et al. 2019, table 2 (HMR, SPIN); Kocabas et al.
2020, table 1 (VIBE); Goel et al. 2023, table 1 (HMR 2.0b)."""

USUAL_ERROR_MM = 40.0
"""Assumed where the caller says nothing. Rather too small for the networks that people use: a fit that stays too close to a poor start is
still better than the start, but one that leaves a good start for noisy keypoints is worse."""

# Standard deviation of each number of a joint's rotation at 50 mm PA-MPJPE [rad]. Ratios between joints are those that our own network
# claims for its proposals at 2 % noise; for the trunk and the hands, where its training poses vary less than life, they are larger. The
# scale is the one at which `benchmarks.starts` finds the most accurate fits.
_STD_AT_50_MM = {
    "hip": 0.14,
    "knee": 0.13,
    "ankle": 0.14,
    "foot": 0.14,
    "spine1": 0.085,
    "spine2": 0.085,
    "spine3": 0.085,
    "neck": 0.115,
    "collar": 0.085,
    "head": 0.18,
    "shoulder": 0.215,
    "elbow": 0.17,
    "wrist": 0.235,
    "hand": 0.215,
}

STD_BETAS = 0.8
"""Of each shape coefficient that a network gives, whatever its pose error: pictures tell little about girths."""


def error_mm(error: Any, num_people: int) -> np.ndarray:
    """(B,) PA-MPJPE [mm] of the caller's bodies.

    Args:
        error: a network's name, a number [mm], or a number for each person; None for the usual error, infinity for bodies that are only
            starts.
        num_people: B.

    Raises:
        InputError: no network has that name, or a number is not positive or not one for each person.
    """
    if error is None:
        error = USUAL_ERROR_MM
    if isinstance(error, str):
        if error not in NETWORK_ERRORS_MM:
            raise InputError(
                f"init_error is {error!r}: give a number [mm], or one of {', '.join(NETWORK_ERRORS_MM)}, whose published errors are known."
            )
        error = NETWORK_ERRORS_MM[error]
    numbers = host_array(error, "init_error").astype(np.float32)
    if numbers.shape not in ((), (num_people,)):
        raise InputError(
            f"init_error has shape {numbers.shape}: expected one number, or ({num_people},), one for each person."
        )
    if not (numbers > 0).all():  # NaN too
        raise InputError("init_error holds a number that is not positive: it is the expected PA-MPJPE of init in mm.")
    return np.broadcast_to(numbers, (num_people,))


def precision_of_error(error: ArrayLike, num_joints: int, num_betas: int) -> BodyParameters:
    """Inverse variances of body_pose (B, 3 (J - 1)) [1/rad^2] and betas (B, num_betas); those of the place are zero.

    Args:
        error: (B,) PA-MPJPE [mm]; infinity gives zero.
        num_joints: J, the root included.
        num_betas: how many shape coefficients there are.
    """
    mm = np.asarray(error, np.float64)[:, None]
    std = np.array([_std_at_50_mm(name) for name in SMPL_JOINT_NAMES[1:num_joints]])
    pose = np.repeat(1.0 / std**2, 3) * (50.0 / mm) ** 2
    betas = np.repeat(np.where(np.isfinite(mm), 1.0 / STD_BETAS**2, 0.0), num_betas, axis=1)
    nothing = np.zeros(1, np.float32)
    return BodyParameters(nothing, pose.astype(np.float32), betas.astype(np.float32), nothing)


def _std_at_50_mm(joint_name: str) -> float:
    return _STD_AT_50_MM[joint_name.removeprefix("left_").removeprefix("right_")]
