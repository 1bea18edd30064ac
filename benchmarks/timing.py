"""Timing of calls."""

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
"""Runs of a few milliseconds are repeated for this long, because a median of five would be too noisy."""

NUM_PEOPLE = 1024
"""Smaller batches are measured on this many people, one batch after the other: some people take five times as many steps as most, and among
64 people a single one more of these would change the result."""


def seconds(call: Callable[[], object]) -> float:
    """Duration of one call; the call must wait for its result."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def median_seconds(call: Callable[[], object], num_runs: int) -> float:
    """Median duration of `num_runs` calls, or of more if they are short. The caller must warm it up."""
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
    """`fit` with the default profile, waiting for the result."""
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
    """`ready_fit` on one batch after the other; a batch of one is a person without a leading axis, as a user gives them."""
    for first in range(0, len(keypoints), batch):
        rows = slice(first, first + batch) if batch > 1 else first
        ready_fit(keypoints[rows], focal_length[rows], layout, num_starts, devices)
