"""How a fit ended."""

from __future__ import annotations

import enum


class FitStatus(enum.IntEnum):
    """How one person's fit ended; `sentence` says it in words."""

    CONVERGED = 0
    STEP_LIMIT = 1
    TOO_FEW_KEYPOINTS = 2
    NON_FINITE = 3
    IMPLAUSIBLE = 4
    POOR_FIT = 5
    FILLED = 6

    @property
    def sentence(self) -> str:
        """The status in words, for users."""
        return _SENTENCES[self]

    @property
    def is_usable(self) -> bool:
        """Whether there is a body; if not, all its numbers are NaN."""
        return self in (FitStatus.CONVERGED, FitStatus.STEP_LIMIT, FitStatus.POOR_FIT, FitStatus.FILLED)

    @property
    def is_fitted(self) -> bool:
        """Whether the body was fitted to keypoints of its own, and not filled in from other frames of its track."""
        return self in (FitStatus.CONVERGED, FitStatus.STEP_LIMIT, FitStatus.POOR_FIT)


MAX_ERROR_2D = 0.1
"""Median distance of the fitted keypoints from the detected ones, in units of the person's height, beyond which a fit is poor."""

MIN_KEYPOINTS = 4
"""The fewest observed keypoints that are fitted: three fix the place of a rigid body, one more says something about its pose."""

_SENTENCES = {
    FitStatus.CONVERGED: "Converged.",
    FitStatus.STEP_LIMIT: "Stopped at the step limit before it converged; the body is usable.",
    FitStatus.TOO_FEW_KEYPOINTS: f"Not fitted: fewer than {MIN_KEYPOINTS} keypoints at different places were observed.",
    FitStatus.NON_FINITE: "Not fitted: the camera, the start or the fit itself has numbers that are not finite or not positive.",
    FitStatus.IMPLAUSIBLE: (
        "Not fitted: the keypoints or the camera are not plausible in pixels, such as fractions, or a focal length in millimetres."
    ),
    FitStatus.POOR_FIT: (
        f"Poor fit: half of the keypoints are missed by more than {100 * MAX_ERROR_2D:.0f} % of the person's height, or the body is "
        "outside the picture; the body is usable with care."
    ),
    FitStatus.FILLED: "Not observed in this frame: filled in from the frames before and after it.",
}
