"""A result as what is exported: each person's motion, or body of one moment."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.exports.amass import amass_motion
from smplify_jax.exports.formats import write_people
from smplify_jax.exports.motion import BodyMotion
from smplify_jax.geometry.frames import Frame
from smplify_jax.result.clock import clock_of
from smplify_jax.result.world import has_z_up


def export(
    result: Any,
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    times: ArrayLike | None = None,
    frame: Frame = "upright",
) -> None:
    """Write a result; see `FitResult.export`."""
    write_people(path, people_of(result, fps, times), fps=fps, frame=frame)


def to_amass(result: Any, frame_rate: float) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file for one person in T frames, see `smplify_jax.exports.amass.amass_motion`.

    Args:
        result: one person's frames. A fit to calibrated cameras, or to points in space, keeps its world frame, whose z is taken to point
            up.
        frame_rate: frames per second of the T frames.
    Raises:
        InputError: no frame has a body, there are several people, or the frames have different betas, as `fit` gives them.
    """
    if result.status.ndim > 1:
        raise InputError(
            f"This result has frames of {result.status.shape[0]} people, and AMASS a file for each: write result[0] first."
        )
    return amass_motion(_motion(result, "body", None), frame_rate)


def people_of(result: Any, fps: float | None, times: ArrayLike | None) -> list[BodyMotion]:
    """The people of a result.

    Args:
        result: as for `clock_of`.
        fps: frames per second.
        times: (T,) of the frames [s], increasing.
    Raises:
        InputError: the times do not increase, or are not those of the frames.
    """
    clock = clock_of(result, fps, times)
    if clock is None or result.status.ndim > 1:
        everybody = list(result)
        names = ["body"] if len(everybody) == 1 else [f"person_{number}" for number in range(len(everybody))]
        return [_motion(person, name, clock) for person, name in zip(everybody, names, strict=True)]
    return [_motion(result, "body", clock)]


def _motion(person: Any, name: str, times: np.ndarray | None) -> BodyMotion:
    """One person, in one moment or in T frames."""
    host = jax.tree.map(np.asarray, person)
    statuses = person.statuses()
    return BodyMotion(
        name=name,
        body=person.body,
        betas=np.atleast_2d(host.betas),
        pose=np.concatenate([np.atleast_2d(host.global_orient), np.atleast_2d(host.body_pose)], axis=1),
        transl=np.atleast_2d(host.transl),
        pelvis=host.joints.reshape(-1, *host.joints.shape[-2:])[:, 0],
        is_usable=np.array([status.is_usable for status in statuses]),
        is_fitted=np.array([status.is_fitted for status in statuses]),
        is_z_up=has_z_up(person),
        times=times,
    )
