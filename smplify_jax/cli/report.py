"""What a run says about each person: one line for people, one entry for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.result import FitResult, FitStatus


@dataclass(frozen=True)
class PersonReport:
    """How one person's fit went.

    Attributes:
        person: what was fitted.
        status: how it ended.
        error_px: mean distance between detected and fitted keypoints [px]; NaN without a fit.
        error_percent: the same in percent of how tall a 1.7 m person appears at the fitted depth.
        fitted: one person's result.
        files: names of the written files.
    """

    person: PersonInput
    status: FitStatus
    error_px: float
    error_percent: float
    fitted: FitResult
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, person: PersonInput, fitted: FitResult) -> PersonReport:
        """Measure one person's result, which has no leading axis."""
        errors = np.asarray(fitted.reprojection_error_px)
        errors = errors[np.isfinite(errors)]
        error = float(errors.mean()) if len(errors) else np.nan
        percent = 100 * error / float(fitted.person_height_px)
        return cls(person, FitStatus(int(fitted.status)), error, percent, fitted)

    def line(self) -> str:
        """Name, status and error, for the terminal."""
        if not self.status.is_usable:
            return f"{self.person.name}: {self.status.sentence}"
        quality = float(self.fitted.quality)
        quality_text = "" if np.isnan(quality) else f" Quality {quality:.2f}."
        return (
            f"{self.person.name}: {self.status.sentence} Reprojection error {self.error_px:.1f} px, "
            f"{self.error_percent:.1f} % of the person's height.{quality_text}"
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
            "quality": float(result.quality),
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
        }
