"""Motions: a person's bodies at equal distances in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from smplify_jax.datasets.crops_of_fits import Bodies, bodies_of
from smplify_jax.datasets.exports.units import Unit
from smplify_jax.datasets.parquet import FitBatch
from smplify_jax.exports.motion import held

_DIGITS = 6
"""Of a frame rate, which is found from times that are rounded."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A person through T frames at equal distances, without a gap: frames without a body hold that of the frame before.

    Attributes:
        bodies: T bodies, all of them usable.
        is_fitted: (T,) whether the body was fitted to keypoints of that frame.
        frame_rate: [1/s].
    """

    bodies: Bodies
    is_fitted: np.ndarray
    frame_rate: float


def motions(batch: FitBatch, units: list[Unit], frame_rate: float) -> Iterator[Motion | None]:
    """The motion of each unit, None of those without any body.

    Args:
        batch: of whole units, with all columns.
        units: of the batch.
        frame_rate: [1/s] of single frames.
    """
    bodies = bodies_of(batch)
    is_fitted = bodies.is_usable & (np.array(batch.texts("status_name"), str) != "filled")
    is_of_tracks = any(unit.is_track for unit in units)
    frames, times = (batch.array(name) if is_of_tracks else np.zeros(len(batch)) for name in ("frame", "time"))
    for _, _, rows in units:
        own = _rows_of(bodies, rows)
        yield _motion(own, is_fitted[rows], frames[rows], times[rows], frame_rate) if own.is_usable.any() else None


def _motion(bodies: Bodies, is_fitted: np.ndarray, frames: np.ndarray, times: np.ndarray, rate: float) -> Motion:
    """The motion of a track, of which rows may have been left out.

    Args:
        bodies: n bodies, some of them usable.
        is_fitted: (n,) whether each was fitted to keypoints of its own.
        frames: (n,) increasing numbers of their frames.
        times: (n,) of these [s].
        rate: frames per second of a track of one frame.
    """
    numbers = frames.astype(np.int64)
    stride = int(np.gcd.reduce(np.diff(numbers))) if len(numbers) > 1 else 1
    steps = (numbers - numbers[0]) // stride
    is_usable = np.zeros(steps[-1] + 1, bool)
    is_usable[steps] = bodies.is_usable
    row_of_step = np.zeros(len(is_usable), np.int64)
    row_of_step[steps] = np.arange(len(steps))
    own = held(is_usable)
    rows, is_own = row_of_step[own], own == np.arange(len(own))
    if len(own) > 1:
        rate = round(float((len(own) - 1) / (times[-1] - times[0])), _DIGITS)
    return Motion(_rows_of(bodies, rows), is_own & is_fitted[rows], rate)


def _rows_of(bodies: Bodies, rows: slice | np.ndarray) -> Bodies:
    return Bodies(**{name: values[rows] for name, values in vars(bodies).items()})
