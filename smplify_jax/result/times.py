"""Whether a result is a motion, whose frames it has, and when they were."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.exports.motion import DEFAULT_FPS


def frame_times(result: Any, fps: float | None, times: ArrayLike | None) -> np.ndarray | None:
    """When the frames of a result were, (T,) [s]; None if it is people of one moment.

    Args:
        result: one person; people of one moment (B,); one person's frames (T,), which have velocities, or for which `fps` or `times` is
            given; or the frames of several people (B, T).
        fps: frames per second.
        times: (T,) of the frames [s], increasing.
    Raises:
        InputError: the times do not increase, or are not those of the frames, or `fps` is no positive number.
    """
    rate = DEFAULT_FPS if fps is None else fps
    if not 0 < rate < np.inf:
        raise InputError(f"fps is {rate}: give a positive number of frames per second.")
    shape = result.status.shape
    is_motion = len(shape) > 1 or result.velocities is not None or fps is not None or times is not None
    if not shape or not is_motion:
        if times is not None:
            raise InputError("times is of frames, and this result is one moment: leave it out.")
        return None
    if times is None:
        return np.arange(shape[-1]) / rate
    clock = np.asarray(times, np.float64).reshape(-1)
    if len(clock) != shape[-1] or not (np.isfinite(clock).all() and (np.diff(clock) > 0).all()):
        raise InputError(
            f"There are {len(clock)} times for {shape[-1]} frames: give a time in seconds for each frame, increasing."
        )
    return clock


def frames_by_person(result: Any, *, is_motion: bool) -> list[Any]:
    """Each person's result with a leading axis of frames (T,), as NumPy arrays; people of one moment have one frame.

    Args:
        result: as for `frame_times`.
        is_motion: whether rows (T,) are one person's frames; rows (B, T) are always those of several people.
    """
    host = jax.tree.map(np.asarray, result)
    if host.status.ndim == 1 and is_motion:
        return [host]
    people = [host[number] for number in range(len(host))]
    return [person if person.is_batched else jax.tree.map(lambda leaf: leaf[None], person) for person in people]
