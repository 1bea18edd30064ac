"""Per-track report: a line for the terminal and an entry for summary.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.result import FitResult, FitStatus


class FramesReport:
    """What reports of one person in T frames share.

    Attributes:
        statuses: of the T frames.
        seconds: that the fit took, with compiling.
    """

    statuses: tuple[FitStatus, ...]
    seconds: float

    @property
    def has_body(self) -> bool:
        """Whether there is a body in any frame."""
        return any(status.is_usable for status in self.statuses)

    @property
    def num_fitted(self) -> int:
        """Frames with a body that was fitted to keypoints of their own."""
        return sum(status.is_fitted for status in self.statuses)

    @property
    def num_filled(self) -> int:
        """Frames with a body that was filled in from others."""
        return sum(status.is_usable for status in self.statuses) - self.num_fitted

    @property
    def num_missing(self) -> int:
        """Frames without a body."""
        return len(self.statuses) - self.num_fitted - self.num_filled


@dataclass(frozen=True)
class TrackReport(FramesReport):
    """How the fit of one person in T frames went.

    Attributes:
        track: the input.
        statuses: of the T frames.
        error_px: median distance between detected and fitted keypoints in all frames [px]; NaN without a fit.
        error_percent: the same in percent of the apparent height of a 1.7 m person.
        seconds: that the fit took, with compiling.
        betas: of the person; empty without a body.
        files: names of the written files.
        unwritten: a sentence for each export that could not be written.
    """

    track: KeypointTrack
    statuses: tuple[FitStatus, ...]
    error_px: float
    error_percent: float
    seconds: float
    betas: tuple[float, ...]
    files: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()

    @classmethod
    def of(cls, track: KeypointTrack, result: FitResult, seconds: float) -> TrackReport:
        """Measure a track's result."""
        statuses = tuple(result.statuses())
        errors = np.asarray(result.reprojection_error_px)
        is_usable = np.array([status.is_usable for status in statuses])
        betas = np.asarray(result.betas)[is_usable][:1].ravel()
        views = [result] if result.extrinsics is None else map(result.in_view, range(result.extrinsics.num_views))
        percent = np.stack(
            [100 * np.asarray(one.reprojection_error_px) / np.asarray(one.person_height_px)[:, None] for one in views]
        )
        return cls(
            track, statuses, median_of_known(errors), median_of_known(percent), seconds, tuple(map(float, betas))
        )

    def line(self) -> str:
        """Name, frames and error, for the terminal."""
        counts = f"{self.track.name}: {frames_in_words(self.num_fitted, self.num_filled, self.num_missing)}"
        if not self.has_body:
            return f"{counts}. {self.statuses[0].sentence}"
        return (
            f"{counts}. Reprojection error {self.error_px:.1f} px, {self.error_percent:.1f} % of the person's height. "
            f"{rate_in_words(len(self.statuses), self.seconds)}."
        )

    def entry(self) -> dict[str, Any]:
        """The person's part of summary.json."""
        names = [status.name.lower() for status in self.statuses]
        return {
            "name": self.track.name,
            "video": self.track.video,
            "track_id": self.track.track_id,
            "is_id_stated": self.track.is_id_stated,
            "layout": self.track.layout,
            "first_frame": int(self.track.frames[0]),
            "last_frame": int(self.track.frames[-1]),
            "num_frames": len(self.track),
            "frame_rate": self.track.frame_rate,
            "num_seen": self.track.num_seen,
            "num_fitted": self.num_fitted,
            "num_filled": self.num_filled,
            "num_missing": self.num_missing,
            "statuses": {name: names.count(name) for name in dict.fromkeys(names)},
            "reprojection_error_px": self.error_px,
            "reprojection_error_percent_of_height": self.error_percent,
            "betas": list(self.betas),
            "seconds": self.seconds,
            "files": list(self.files),
            "unwritten": list(self.unwritten),
        }


def total_line(reports: Sequence[FramesReport]) -> str:
    """All people in one line, for the terminal."""
    fitted, filled, missing = (
        sum(getattr(report, name) for report in reports) for name in ("num_fitted", "num_filled", "num_missing")
    )
    rate = rate_in_words(fitted + filled + missing, sum(report.seconds for report in reports))
    return f"{len(reports):,} people: {frames_in_words(fitted, filled, missing)}; {rate}"


def frames_in_words(fitted: int, filled: int, missing: int) -> str:
    """How many frames there are, and how many of them were fitted, filled in, or have no body."""
    total = fitted + filled + missing
    parts = [f"{fitted:,} fitted"]
    parts += [f"{filled:,} filled in"] if filled else []
    parts += [f"{missing:,} without a body"] if missing else []
    return f"{total:,} {'frame' if total == 1 else 'frames'}, {', '.join(parts)}"


def rate_in_words(num_frames: int, seconds: float) -> str:
    """Frames per second."""
    rate = num_frames / seconds
    return f"{rate:,.0f} frames/s" if rate >= 10 else f"{rate:.1f} frames/s"


def median_of_known(values: np.ndarray) -> float:
    """The median of the finite values; NaN if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan
