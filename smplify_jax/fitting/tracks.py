"""Fit tracks of any length in windows of a few fixed sizes, with one shape for all of a track."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from smplify_jax.execution import compilation
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.frames import Frames, leaf, padded, rows_of
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.track_program import FittedFrames, TrackOptions, fit_window
from smplify_jax.prior.motion import MotionPrior, load_motion_prior
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import MAX_ERROR_2D, FitStatus
from smplify_jax.solver.levenberg_marquardt import SolverOptions

WINDOW_SIZES = (1, 8, 16, 32, 64, 96, 128)
"""Frames for which programs are compiled. Windows of long tracks have the largest."""

CONTEXT = 16
"""Frames at both ends of a window that are fitted but belong to its neighbours: at 30 fps half a second, over which frames inform others."""

_MOTION_WEIGHT = 1.4
"""Of the pose prior's weight. Above one because errors of neighbouring frames are alike, while the objective takes them for independent."""

_MOTION_CUTOFF = 3.0

_INDEPENDENT_FRAMES = 10.0
"""How many frames' proposals of the shape count at most: those of one track err alike."""

_SOLVER = SolverOptions(max_steps=30, relative_gain=1e-4)


def fit_track(setup: Setup, frames: Frames) -> dict[str, np.ndarray | Any]:
    """Fit one track.

    Returns:
        The fields of a result but its body and layout, each with a leading axis T.
    """
    if not frames.is_seen.any():
        return _finished(frames, [_unfitted(setup, frames)])
    frames = _with_shared_shape(frames)
    options = _options(int(frames.is_seen.sum()))
    windows = list(_windows(len(frames)))
    fitted = [_fit(setup, options, rows_of(frames, slice(start, stop))) for start, stop, _, _ in windows]
    if len(windows) > 1:
        # The shape of each window comes with its covariance; their product is that of the track, with which all are fitted again.
        betas = _combined_betas(fitted)
        options = dataclasses.replace(options, frees_betas=leaf(np.float32(0.0)))
        starts = [
            _started_at(frames, one, betas, start, stop)
            for one, (start, stop, _, _) in zip(fitted, windows, strict=True)
        ]
        fitted = [_fit(setup, options, start) for start in starts]
    parts = [
        dataclasses.replace(one, described=rows_of(one.described, slice(first, last)))
        for one, (_, _, first, last) in zip(fitted, windows, strict=True)
    ]
    return _finished(frames, parts)


def _options(num_seen: int) -> TrackOptions:
    weights = DEFAULT.refine[-1].weights
    # The shape's prior counts once, not in every frame.
    weights = dataclasses.replace(weights, shape=weights.shape / num_seen**0.5, depth=None)
    return TrackOptions(
        weights=jax.tree.map(np.float32, weights),
        motion_weight=leaf(np.float32(_MOTION_WEIGHT * weights.pose_prior)),
        motion_cutoff=leaf(np.float32(_MOTION_CUTOFF)),
        solver=SolverOptions(leaf(np.int32(_SOLVER.max_steps)), leaf(np.float32(_SOLVER.relative_gain))),
        frees_betas=leaf(np.float32(1.0)),
    )


def _with_shared_shape(frames: Frames) -> Frames:
    """The frames with one shape to start from, and proposals of it that count as those of a few frames."""
    seen = frames.is_seen
    betas = np.median(np.asarray(frames.anchor.betas)[seen], axis=0)
    factor = min(1.0, _INDEPENDENT_FRAMES / seen.sum()) ** 0.5
    return dataclasses.replace(
        frames,
        start=dataclasses.replace(frames.start, betas=np.broadcast_to(betas, frames.start.betas.shape)),
        anchor=dataclasses.replace(frames.anchor, betas_scale=np.float32(factor) * frames.anchor.betas_scale),
    )


def _windows(num_frames: int) -> Iterator[tuple[int, int, int, int]]:
    """Start and stop of each window in the track, and which of its own rows it contributes."""
    largest = WINDOW_SIZES[-1]
    if num_frames <= largest:
        yield 0, num_frames, 0, num_frames
        return
    own = largest - 2 * CONTEXT
    for first in range(0, num_frames, own):
        last = min(first + own, num_frames)
        start, stop = max(0, first - CONTEXT), min(num_frames, last + CONTEXT)
        yield start, stop, first - start, last - start


def _fit(setup: Setup, options: TrackOptions, frames: Frames) -> FittedFrames:
    """Fit one window, and bring it to the host."""
    size = next(size for size in WINDOW_SIZES if size >= len(frames))
    fitted = jax.device_get(_program()(setup, _motion_prior(), options, padded(frames, size)))
    return dataclasses.replace(fitted, described=rows_of(fitted.described, slice(0, len(frames))))


@lru_cache(maxsize=1)
def _program() -> Any:
    return compilation.jit(exact_products(fit_window), keeps_traces=True)


@lru_cache(maxsize=1)
def _motion_prior() -> MotionPrior:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), load_motion_prior())


def _combined_betas(fitted: list[FittedFrames]) -> np.ndarray:
    """(B,) the mean of the windows' shapes, weighted by their precisions."""
    betas = np.stack([np.asarray(one.described["betas"][0], np.float64) for one in fitted])
    covariances = np.stack([np.asarray(one.betas_covariance, np.float64) for one in fitted])
    is_known = np.isfinite(betas).all(axis=1) & np.isfinite(covariances).all(axis=(1, 2))
    if not is_known.any():
        return betas[0]
    precisions = np.linalg.inv(covariances[is_known])
    return np.linalg.solve(precisions.sum(axis=0), np.einsum("wij,wj->i", precisions, betas[is_known]))


def _started_at(frames: Frames, fitted: FittedFrames, betas: np.ndarray, start: int, stop: int) -> Frames:
    """The frames of a window, starting from its fit but with the track's shape."""
    window = rows_of(frames, slice(start, stop))
    moved = {name: fitted.described[name] for name in ("global_orient", "body_pose", "transl")}
    shape = np.broadcast_to(betas, window.start.betas.shape).astype(np.float32)
    return dataclasses.replace(window, start=dataclasses.replace(window.start, betas=shape, **moved))


def _unfitted(setup: Setup, frames: Frames) -> FittedFrames:
    """The shapes of a fit that has not been made: for a track that nobody saw."""
    size = next((size for size in WINDOW_SIZES if size >= len(frames)), WINDOW_SIZES[-1])
    window = padded(rows_of(frames, slice(0, min(len(frames), size))), size)
    shapes = jax.eval_shape(fit_window, setup, _motion_prior(), _options(1), window)
    described = jax.tree.map(lambda leaf: np.full((len(frames), *leaf.shape[1:]), np.nan, leaf.dtype), shapes.described)
    return FittedFrames(described, leaf(np.zeros(0)), leaf(0), leaf(False), leaf(False))


def _finished(frames: Frames, parts: list[FittedFrames]) -> dict[str, Any]:
    """The fields of a result: with statuses, velocities, and NaN where there is no body."""
    fields: dict[str, Any] = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[one.described for one in parts])
    lengths = [len(one.described["transl"]) for one in parts]
    is_converged, is_finite, num_steps = (
        np.repeat([np.asarray(getattr(one, name)) for one in parts], lengths)
        for name in ("is_converged", "is_finite", "num_steps")
    )
    error_2d = fields.pop("error_2d")
    status = np.where(is_converged, FitStatus.CONVERGED, FitStatus.STEP_LIMIT)
    status = np.where(frames.is_seen & (error_2d > MAX_ERROR_2D), FitStatus.POOR_FIT, status)
    status = np.where(frames.is_seen, status, FitStatus.FILLED)
    known = ("betas", "global_orient", "body_pose", "transl", "joints", "joints_std")
    is_finite = is_finite & np.all(
        [np.isfinite(fields[name]).reshape(len(status), -1).all(1) for name in known], axis=0
    )
    status = np.where(is_finite, status, FitStatus.NON_FINITE)
    status = np.where(frames.is_frame, status, frames.input_status).astype(np.int32)
    is_usable = np.isin(status, [one for one in FitStatus if one.is_usable])
    fields["velocities"] = _velocities(fields["joints"], leaf(frames.times), leaf(frames.is_frame))
    fields["cost"] = sum(fields["cost_by_term"].values())

    def blanked(leaf: np.ndarray) -> np.ndarray:
        return np.where(is_usable.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, np.nan).astype(leaf.dtype)

    unknown = np.full(len(status), np.nan, np.float32)
    features: dict[str, Any] = dict.fromkeys(QualityFeatures.__dataclass_fields__, unknown) | {"error_2d": error_2d}
    # The quality model is calibrated for single pictures, and a track has one start.
    fields |= {"quality": unknown, "start_margin": unknown, "quality_features": QualityFeatures(**features)}
    fields = jax.tree.map(blanked, fields)
    return fields | {"status": status, "num_steps": np.where(is_usable, num_steps, 0).astype(np.int32)}


def _velocities(joints: np.ndarray, times: np.ndarray, is_frame: np.ndarray) -> np.ndarray:
    """(T, J, 3) [m/s] central differences of the joints, one-sided at the ends of a track and of its gaps, NaN for single frames."""
    velocities = np.full_like(joints, np.nan)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], is_frame, [False]]).astype(int)))
    for start, stop in ends.reshape(-1, 2):
        if stop - start > 1:
            velocities[start:stop] = np.gradient(joints[start:stop], times[start:stop], axis=0)
    return velocities
