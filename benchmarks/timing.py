"""Stop watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import jax
import numpy as np
from numpy.typing import ArrayLike

from benchmarks.draw import IMAGE_SIZE
from smplify_jax import FitResult, fit
from smplify_jax.execution.devices import Device

MIN_SECONDS = 0.5
"""Runs of a few milliseconds are repeated for this long: a median of five would be the machine's mood."""

NUM_PEOPLE = 1024
"""Smaller batches are measured on as many people, one after the other: some take five times the steps of most, and of 64 people one more
of these would be felt."""


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes; what it returns must be ready."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def median_seconds(call: Callable[[], object], num_runs: int) -> float:
    """The median of `num_runs` calls, or of more where they are short. The caller has warmed it up."""
    times: list[float] = []
    while len(times) < num_runs or sum(times) < MIN_SECONDS:
        times.append(seconds(call))
    return median(times)


def ready_fit(
    keypoints: np.ndarray,
    focal_length: ArrayLike,
    layout: str,
    num_starts: int | None,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """`fit` by its default profile, waited for."""
    result = fit(
        keypoints,
        layout=layout,
        image_size=IMAGE_SIZE,
        camera=focal_length,
        num_starts=num_starts,
        devices=devices,
    )
    return jax.block_until_ready(result)


def fit_in_turn(
    keypoints: np.ndarray,
    focal_length: np.ndarray,
    layout: str,
    batch: int,
    num_starts: int | None = None,
    devices: Sequence[Device] | None = None,
) -> None:
    """`ready_fit` of one batch after the other."""
    for first in range(0, len(keypoints), batch):
        rows = slice(first, first + batch)
        ready_fit(keypoints[rows], focal_length[rows], layout, num_starts, devices)
