"""Per-person report: a line for the terminal and an entry for summary.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import WriteOptions
from smplify_jax.result import FitResult, FitStatus


@dataclass(frozen=True)
class PersonReport:
    """How one person's fit went.

    Attributes:
        person: the input.
        status: how the fit ended.
        error_px: median distance between detected and fitted keypoints [px], robust to a few outliers; NaN without a fit.
        error_percent: the same in percent of the apparent height of a 1.7 m person at the fitted depth; it decides whether a fit is poor.
        fitted: one person's result.
        files: names of the written files.
        unwritten: a sentence for each export that could not be written.
        left_out: why a person with a fitted body got no files; "" otherwise.
    """

    person: PersonInput
    status: FitStatus
    error_px: float
    error_percent: float
    fitted: FitResult
    files: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    left_out: str = ""

    @classmethod
    def of(cls, person: PersonInput, fitted: FitResult) -> PersonReport:
        """Measure one person's result, which has no batch axis."""
        errors = np.asarray(fitted.reprojection_error_px)
        errors = errors[np.isfinite(errors)]
        error = float(np.median(errors)) if len(errors) else np.nan
        percent = 100 * error / float(fitted.person_height_px)
        return cls(person, FitStatus(int(fitted.status)), error, percent, fitted)

    @property
    def quality(self) -> float:
        """Probability of a good fit; NaN where it is not known."""
        return float(self.fitted.quality)

    def with_limits(self, options: WriteOptions) -> PersonReport:
        """The report with `left_out` set if the fit fails the limits in the options."""
        reasons = []
        if options.min_quality is not None and not self.quality >= options.min_quality:
            reasons.append(f"its quality is below --min-quality {options.min_quality:g} or not known")
        if options.max_error is not None and self.error_percent > options.max_error:
            reasons.append(f"its error is over --max-error {options.max_error:g} %")
        return replace(self, left_out=" and ".join(reasons))

    def line(self) -> str:
        """Name, status and error, for the terminal."""
        if not self.status.is_usable:
            return f"{self.person.name}: {self.status.sentence}"
        details = "" if np.isnan(self.quality) else f" Quality {self.quality:.2f}."
        details += f" Left out: {self.left_out}." if self.left_out else ""
        return (
            f"{self.person.name}: {self.status.sentence} Reprojection error {self.error_px:.1f} px, "
            f"{self.error_percent:.1f} % of the person's height.{details}"
        )

    def entry(self) -> dict[str, Any]:
        """The person's part of summary.json."""
        result = self.fitted
        return {
            "name": self.person.name,
            "input": str(self.person.source),
            "image": None if self.person.image_path is None else str(self.person.image_path),
            "file": self.person.row.file,
            "position": self.person.row.position,
            "source_id": self.person.row.source_id or None,
            "track_id": self.person.row.track_id or None,
            "layout": self.person.layout,
            "status": self.status.name.lower(),
            "sentence": self.status.sentence,
            "num_keypoints": int((self.person.keypoints[:, 2] > 0).sum()),
            "reprojection_error_px": self.error_px,
            "reprojection_error_percent_of_height": self.error_percent,
            "quality": self.quality,
            "quality_features": {name: float(value) for name, value in vars(result.quality_features).items()},
            "person_height_px": float(result.person_height_px),
            "depth_m": float(result.transl[2]),
            "focal_length_px": [float(number) for number in result.camera.focal_length],
            "camera_center_px": [float(number) for number in result.camera.camera_center],
            "betas": [float(number) for number in result.betas],
            "cost": float(result.cost),
            "cost_by_term": {name: float(value) for name, value in result.cost_by_term.items()},
            "num_steps": int(result.num_steps),
            "files": list(self.files),
            "unwritten": list(self.unwritten),
            "left_out": self.left_out or None,
        }


def count_statuses(reports: Sequence[PersonReport]) -> dict[str, int]:
    """Number of fits by the name of their status, in the order of the status codes."""
    names = [report.status.name.lower() for report in reports]
    return {status.name.lower(): names.count(status.name.lower()) for status in FitStatus}


def total_line(reports: Sequence[PersonReport]) -> str:
    """All people in one line, for the terminal."""
    counts = [f"{count:,} {name}" for name, count in count_statuses(reports).items() if count]
    num_left_out = sum(bool(report.left_out) for report in reports)
    left_out = f"; {num_left_out:,} left out" if num_left_out else ""
    return f"{len(reports):,} people: {', '.join(counts)}{left_out}"
