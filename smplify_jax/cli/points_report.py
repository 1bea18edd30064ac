"""Per-person report of points in space: a line for the terminal and an entry for summary.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.cli.track_report import FramesReport, frames_in_words, median_of_known, rate_in_words
from smplify_jax.keypoints.points3d.load import PointTrack
from smplify_jax.result import FitResult, FitStatus


@dataclass(frozen=True)
class PointReport(FramesReport):
    """How the fit of one person to points in space went.

    Attributes:
        name: of the person.
        source: the path on the command line.
        track: the input.
        layout: of the points, or the name of the correspondence.
        statuses: of the T frames.
        error_mm: median distance of the points from the body's [mm]; NaN without a fit.
        scale: by which the points were multiplied.
        seconds: that the fit took, with compiling; of people who were fitted together, their share.
        betas: of the person; empty without a body.
        files: names of the written files.
        unwritten: a sentence for each export that could not be written.
    """

    name: str
    source: Path
    track: PointTrack
    layout: str
    statuses: tuple[FitStatus, ...]
    error_mm: float
    scale: float
    seconds: float
    betas: tuple[float, ...]
    files: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, source: Path, track: PointTrack, result: FitResult, seconds: float) -> PointReport:
        """Measure one person's result, of one moment or of T frames."""
        statuses = tuple(result.statuses())
        is_usable = np.array([status.is_usable for status in statuses])
        betas = np.atleast_2d(np.asarray(result.betas))[is_usable][:1].ravel()
        error, scale = (median_of_known(np.asarray(array)) for array in (result.point_errors, result.point_scale))
        return cls(name, source, track, result.layout, statuses, 1000 * error, scale, seconds, tuple(map(float, betas)))

    def line(self) -> str:
        """Name, frames and error, for the terminal."""
        if len(self.statuses) == 1:
            counts = f"{self.name}: {self.statuses[0].sentence}"
        else:
            counts = f"{self.name}: {frames_in_words(self.num_fitted, self.num_filled, self.num_missing)}."
        if not self.has_body:
            return counts if len(self.statuses) == 1 else f"{counts} {self.statuses[0].sentence}"
        scale = f" The points were multiplied by {self.scale:.4g}." if self.scale != 1 else ""
        rate = f" {rate_in_words(len(self.statuses), self.seconds)}." if len(self.statuses) > 1 else ""
        return f"{counts} Points {self.error_mm:.1f} mm from those of the body.{scale}{rate}"

    def entry(self) -> dict[str, Any]:
        """The person's part of summary.json."""
        names = [status.name.lower() for status in self.statuses]
        return {
            "name": self.name,
            "input": str(self.source),
            "layout": self.layout,
            "unit": self.track.unit,
            "up": self.track.up,
            "is_up_known": self.track.is_up_known,
            "num_frames": len(names),
            "num_fitted": self.num_fitted,
            "num_filled": self.num_filled,
            "num_missing": self.num_missing,
            "statuses": {name: names.count(name) for name in dict.fromkeys(names)},
            "point_error_mm": self.error_mm,
            "point_scale": self.scale,
            "betas": list(self.betas),
            "seconds": self.seconds,
            "files": list(self.files),
            "unwritten": list(self.unwritten),
        }
