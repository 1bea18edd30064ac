"""Refine the proposals of tracks of any length, in windows of two fixed sizes."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from smplify_jax.execution import compilation
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.frames import rows_of
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.windows import windows
from smplify_jax.proposal.track_refinement import TRACK_REACH, refine_track

WINDOW_SIZES = (32, 128)
"""Frames for which programs are compiled. Windows of long tracks have the largest."""


def with_refined_proposals(
    setup: TrackSetup, proposed: ProposedPeople, is_focal_length_known: np.ndarray, times: np.ndarray
) -> ProposedPeople:
    """The frames (T, ...) of one track, with proposals that know the frames around them.

    Args:
        setup: of the fit.
        proposed: each frame by itself.
        is_focal_length_known: (T,) whether the camera was given rather than guessed.
        times: (T,) [s], increasing.
    """
    is_seen = np.asarray(proposed.checked.is_fittable)
    if not is_seen.any():
        return proposed
    times = (times - times[0]).astype(np.float32)
    inputs = (proposed.proposals, proposed.observations, is_focal_length_known, is_seen)
    parts = []
    for window in windows(len(times), WINDOW_SIZES[-1], TRACK_REACH):
        refined = _refined(setup, rows_of(inputs, window.rows), times[window.rows])
        parts.append(rows_of(refined, window.own))
    return dataclasses.replace(proposed, proposals=jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts))


def _refined(setup: TrackSetup, inputs: tuple, times: np.ndarray) -> Any:
    """One window, padded by frames that were not seen, on the host."""
    size = next(size for size in WINDOW_SIZES if size >= len(times))
    rows = np.minimum(np.arange(size), len(times) - 1)
    beyond = np.arange(size) - rows
    proposals, observations, is_focal_length_known, is_seen = rows_of(inputs, rows)
    track = (proposals, observations, is_focal_length_known, is_seen & (beyond == 0), times[rows] + beyond)
    solver = setup.solvers[0]
    program = _program(not setup.devices)
    return jax.device_get(program(solver.proposer, solver.scene.body, *jax.tree.map(np.asarray, track)))


@lru_cache(maxsize=2)
def _program(is_on_default_device: bool) -> Any:
    return compilation.jit(exact_products(refine_track), keeps_traces=is_on_default_device)
