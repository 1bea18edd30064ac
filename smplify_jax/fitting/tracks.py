"""Fit tracks of any length in windows of a few fixed sizes, with one shape for all of a track."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from smplify_jax.execution import compilation
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.finished import finished
from smplify_jax.fitting.frames import Frames, leaf, padded, rows_of
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.track_program import FittedFrames, TrackOptions, fit_window
from smplify_jax.fitting.windows import Window, windows
from smplify_jax.prior.motion import MotionPrior, load_motion_prior
from smplify_jax.solver.levenberg_marquardt import SolverOptions

WINDOW_SIZES = (1, 8, 16, 32, 48, 64, 80, 96, 112, 128)
"""Frames for which programs are compiled. Windows of long tracks have the largest."""

CONTEXT = 16
"""Frames at both ends of a window that are fitted but belong to its neighbours: frames inform others over about half a second."""

_NUM_HELD = 2
"""Frames of the window before that a window continues: they fix where its bodies come from and how fast."""

_MOTION_WEIGHT = 1.0
"""Of the pose prior's weight. With more of it bodies shake less and move less: at 1.4 they have half of the acceleration of real ones."""

_MOTION_CUTOFF = 10.0

_AT_A_TIME = 2
"""Windows that are given to a device before the first of them is waited for: one runs while the next is prepared."""


@dataclass(frozen=True)
class ShapeEvidence:
    """How many frames of a track, at most, tell of its shape as if they erred independently.

    Attributes:
        keypoints: of the frames' keypoints.
        proposals: of the frames' proposals.
    """

    keypoints: float = np.inf
    proposals: float = 10.0

    def share_of_proposals(self, num_seen: int) -> float:
        """By how much each of a track's proposals counts less than that of a single picture."""
        return min(1.0, self.proposals / num_seen)


ONE_CAMERA = ShapeEvidence(keypoints=3.0, proposals=30.0)
"""A detector repeats its errors from frame to frame, and one camera lets the shape explain them: knees that are found too low become
long thighs. Taken for independent, MediaPipe's points of the example video make a shape of two standard deviations and an MPJPE of
81 mm, against 61 mm frame by frame and 66 mm with these numbers."""

SOLVER = SolverOptions(max_steps=30, relative_gain=1e-3)
"""When a search ends: a window's, or that of a body alone."""


def fit_tracks(
    setup: TrackSetup, tracks: Sequence[Frames], evidence: ShapeEvidence = ShapeEvidence()
) -> list[dict[str, Any]]:
    """Fit tracks, each by itself.

    Args:
        setup: of the fit.
        tracks: of any lengths.
        evidence: what their frames tell of the shape.
    Returns:
        For each track the fields of a result but its body and layout, with a leading axis T.
    """
    prepared = [_with_shared_shape(frames, evidence) if frames.is_seen.any() else frames for frames in tracks]
    jobs = [
        _Job(track, window, _options(int(frames.is_seen.sum()), evidence), rows_of(frames, window.rows))
        for track, frames in enumerate(prepared)
        if frames.is_seen.any()
        for window in windows(len(frames), WINDOW_SIZES[-1], CONTEXT)
    ]
    parts: list[list[FittedFrames]] = [[] for _ in tracks]
    for job, one in zip(jobs, _fit_all(setup, jobs), strict=True):
        parts[job.track].append(one)
    parts = _joined(setup, jobs, parts)
    return [
        _finished(frames, own or [_unfitted(setup.network, frames)]) for frames, own in zip(tracks, parts, strict=True)
    ]


def _joined(setup: TrackSetup, jobs: Sequence[_Job], parts: list[list[FittedFrames]]) -> list[list[FittedFrames]]:
    """The windows of long tracks fitted again, one after the other: with the shape of the track, and each from where the last one ended.

    Fitted alone, two windows differ by a centimetre or two where they meet. Windows of different tracks run side by side.
    """
    by_track = [[job for job in jobs if job.track == track] for track in range(len(parts))]
    is_long = [len(one) > 1 for one in parts]
    betas = [_combined_betas(one) if long else np.zeros(0) for one, long in zip(parts, is_long, strict=True)]
    joined = [[] if long else one for one, long in zip(parts, is_long, strict=True)]
    for number in range(max(map(len, parts), default=0)):
        at = [track for track, one in enumerate(parts) if is_long[track] and number < len(one)]
        again = [
            _continued(by_track[track][number], parts[track][number], betas[track], joined[track][-1:]) for track in at
        ]
        for job, one in zip(again, _fit_all(setup, again), strict=True):
            window = by_track[job.track][number].window
            own = rows_of(one.described, job.window.own)
            # A window that continues another takes its end for certain, so deviations are those of the window alone.
            for name in ("joints_std", "betas_covariance"):
                own[name] = parts[job.track][number].described[name][window.own]
            joined[job.track].append(dataclasses.replace(one, described=own))
    return joined


def fit_track(setup: TrackSetup, frames: Frames) -> dict[str, Any]:
    """`fit_tracks` of one track."""
    return fit_tracks(setup, [frames])[0]


@dataclass(frozen=True)
class _Job:
    """A window of a track, to be fitted."""

    track: int
    window: Window
    options: TrackOptions
    frames: Frames


def _options(num_seen: int, evidence: ShapeEvidence) -> TrackOptions:
    weights = DEFAULT.refine[-1].weights
    assert weights.measurements is not None
    weights = dataclasses.replace(
        weights,
        # The shape's prior counts once for all frames that err independently, not in every frame.
        shape=weights.shape / min(num_seen, evidence.keypoints) ** 0.5,
        # Known measurements count as often as the proposals, which would outvote them: of 100 tracks of eight frames, 82 % of the
        # intervals of a known stature held it when it counted once as the prior does, and with the mass 74 %.
        measurements=weights.measurements * evidence.share_of_proposals(num_seen) ** 0.5,
        depth=None,
    )
    return TrackOptions(
        weights=jax.tree.map(np.float32, weights),
        motion_weight=leaf(np.float32(_MOTION_WEIGHT * weights.pose_prior)),
        motion_cutoff=leaf(np.float32(_MOTION_CUTOFF)),
        solver=SolverOptions(leaf(np.int32(SOLVER.max_steps)), leaf(np.float32(SOLVER.relative_gain))),
        frees_betas=leaf(np.float32(1.0)),
    )


def _with_shared_shape(frames: Frames, evidence: ShapeEvidence) -> Frames:
    """The frames with one shape to start from, and proposals of it that count as often as they tell something new."""
    seen = frames.is_seen
    betas = np.median(np.asarray(frames.anchor.betas)[seen], axis=0)
    factor = evidence.share_of_proposals(int(seen.sum())) ** 0.5
    return dataclasses.replace(
        frames,
        start=dataclasses.replace(frames.start, betas=np.broadcast_to(betas, frames.start.betas.shape)),
        anchor=dataclasses.replace(frames.anchor, betas_scale=np.float32(factor) * frames.anchor.betas_scale),
    )


def _fit_all(setup: TrackSetup, jobs: Sequence[_Job]) -> list[FittedFrames]:
    """Fit windows, dealt out to the devices; a few are under way at a time."""
    program = _program(not setup.devices)
    fitted, waiting = [], deque()
    for number, job in enumerate(jobs):
        if len(waiting) >= _AT_A_TIME * len(setup.solvers):
            fitted.append(_on_host(*waiting.popleft()))
        size = next(size for size in WINDOW_SIZES if size >= len(job.frames))
        solver = setup.solvers[number % len(setup.solvers)]
        waiting.append((job, program(solver, _motion_prior(), job.options, padded(job.frames, size))))
    return fitted + [_on_host(*one) for one in waiting]


def _on_host(job: _Job, fitted: FittedFrames) -> FittedFrames:
    """A fitted window without its padding."""
    fitted = jax.device_get(fitted)
    return dataclasses.replace(fitted, described=rows_of(fitted.described, slice(0, len(job.frames))))


@lru_cache(maxsize=2)
def _program(is_on_default_device: bool) -> Any:
    return compilation.jit(exact_products(fit_window), keeps_traces=is_on_default_device)


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


def _continued(job: _Job, fitted: FittedFrames, betas: np.ndarray, before: list[FittedFrames]) -> _Job:
    """A window to be fitted again with the track's shape, held to the last frames of the window before it, if there is one."""
    window, num_held = job.window, min(_NUM_HELD, job.window.first) if before else 0
    kept = slice(window.first - num_held, len(job.frames))
    frames = rows_of(job.frames, kept)
    moved = {name: np.array(fitted.described[name][kept]) for name in ("global_orient", "body_pose", "transl")}
    for name in moved if before else ():
        moved[name][:num_held] = before[0].described[name][-num_held:]
    shape = np.broadcast_to(betas, frames.start.betas.shape).astype(np.float32)
    frames = dataclasses.replace(
        frames,
        start=dataclasses.replace(frames.start, betas=shape, **moved),
        is_fixed=np.arange(len(frames)) < num_held,
    )
    options = dataclasses.replace(job.options, frees_betas=leaf(np.float32(0.0)))
    own = Window(window.start + kept.start, window.stop, num_held, num_held + window.last - window.first)
    return _Job(job.track, own, options, frames)


def _unfitted(setup: Setup, frames: Frames) -> FittedFrames:
    """The shapes of a fit that has not been made: for a track that nobody saw."""
    size = next((size for size in WINDOW_SIZES if size >= len(frames)), WINDOW_SIZES[-1])
    window = padded(rows_of(frames, slice(0, min(len(frames), size))), size)
    shapes = jax.eval_shape(fit_window, setup, _motion_prior(), _options(1, ShapeEvidence()), window)
    described = jax.tree.map(lambda leaf: np.full((len(frames), *leaf.shape[1:]), np.nan, leaf.dtype), shapes.described)
    return FittedFrames(described, leaf(np.zeros(0)), leaf(0), leaf(False), leaf(False))


def _finished(frames: Frames, parts: list[FittedFrames]) -> dict[str, Any]:
    """The fields of a result, of the windows of a track."""
    fields: dict[str, Any] = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[one.described for one in parts])
    lengths = [len(one.described["transl"]) for one in parts]
    is_converged, is_finite, num_steps = (
        np.repeat([np.asarray(getattr(one, name)) for one in parts], lengths)
        for name in ("is_converged", "is_finite", "num_steps")
    )
    fields["velocities"] = _velocities(fields["joints"], leaf(frames.times), leaf(frames.is_frame))
    return finished(frames, fields, num_steps=num_steps, is_converged=is_converged, is_finite=is_finite)


def _velocities(joints: np.ndarray, times: np.ndarray, is_frame: np.ndarray) -> np.ndarray:
    """(T, J, 3) [m/s] central differences of the joints, one-sided at the ends of a track and of its gaps, NaN for single frames."""
    velocities = np.full_like(joints, np.nan)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], is_frame, [False]]).astype(int)))
    for start, stop in ends.reshape(-1, 2):
        if stop - start > 1:
            velocities[start:stop] = np.gradient(joints[start:stop], times[start:stop], axis=0)
    return velocities
