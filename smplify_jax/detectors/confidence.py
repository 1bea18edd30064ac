"""From a detector's scores to the confidences that the fit expects.

The network and the data term take a keypoint's confidence for how exact it is beside the person's other keypoints. In training, a keypoint
whose error has standard deviation σ, on a person whose keypoints have σ₀ in the middle, has confidence

    c = 0.8 - 0.3 log(σ / σ₀),   from 0.2 to 1

(`smplify_jax.learn.proposal.detections`; σ goes up to 5 % of the person's height there). A detector's score says something else, so each
detector has a table of its errors by score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MIDDLE, _SLOPE = 0.8, 0.3


@dataclass(frozen=True)
class Calibration:
    """How large a detector's errors are by its score.

    Attributes:
        scores: S rising scores.
        errors: S standard deviations of x and of y at these scores, in percent of the person's height; between them their logarithm is
            interpolated.
        usual_error: that of a keypoint in the middle, σ₀.
        max_error: a keypoint with larger errors is a guess: it counts as not observed.
    """

    scores: tuple[float, ...]
    errors: tuple[float, ...]
    usual_error: float
    max_error: float = 5.0

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """(...) float32 confidences of (...) scores, 0 for guesses and scores that are not finite or negative."""
        values = np.asarray(scores, np.float64)
        error = np.exp(np.interp(values, self.scores, np.log(self.errors)))
        confidence = np.clip(_MIDDLE - _SLOPE * np.log(error / self.usual_error), 0.0, 1.0)
        return np.where((error <= self.max_error) & (values >= 0), confidence, 0.0).astype(np.float32)


RTMPOSE = Calibration(scores=(0.1, 0.3, 0.5, 0.7, 0.9), errors=(10.0, 5.0, 2.5, 1.7, 1.4), usual_error=1.5)
"""Not measured: assumed to fall with the score as MediaPipe's do. A score is the height of RTMPose's peak; its users hide points below 0.3
to 0.5."""

YOLO = Calibration(scores=(0.1, 0.3, 0.5, 0.8, 0.95), errors=(10.0, 5.0, 3.0, 2.0, 1.6), usual_error=1.8)
"""Not measured, but assumed as RTMPose's: a score is the model's probability that the point can be seen; Ultralytics hides points below
0.5."""

MEDIAPIPE = Calibration(
    scores=(0.05, 0.14, 0.27, 0.43, 0.61, 0.82, 0.94),
    errors=(6.7, 4.0, 3.1, 2.3, 1.95, 1.75, 1.45),
    usual_error=1.5,
    max_error=8.0,
)
"""By its `visibility`, of points in the picture. Measured by `python -m benchmarks.detectors` with MediaPipe 0.10.14 on 147 rendered
people, on 79 of them in pictures cut above the knees, and on 101 crops around 15 of COCO's annotated people. The median distance from the
truth by visibility, in percent of the height, with the number of points:

    visibility   below 0.1    0.1-0.2     0.2-0.35   0.35-0.5   0.5-0.7     0.7-0.9     0.9-0.97    0.97-0.99   above
    rendered     5.6 (172)    4.5 (69)    2.6 (52)   2.5 (80)   1.9 (202)   1.6 (476)   1.4 (634)   1.2 (556)   1.7 (1728)
    cut          8.0 (94)     4.1 (37)    4.9 (63)   2.2 (26)   from 0.5 to 0.9: 1.7 (281), above: 1.6 (971)
    COCO         11.1 (9)     5.7 (15)    4.0 (51)   3.6 (46)   3.8 (81)    3.6 (172)   2.3 (164)   1.7 (117)   1.8 (764)

COCO's include the annotators' errors. The table is the geometric mean of the three, never rising, over 1.18, which makes a median distance
in the plane a standard deviation of x and of y, and lets few outliers change nothing.

Hidden points are kept, although they are guesses: on the rendered people, fits without those below a visibility of 0.14 are worse (PA-MPJPE
50.8 mm, not 48.9 mm; hands 98 mm, not 92 mm)."""

MEDIAPIPE_OUTSIDE = Calibration(
    scores=(0.05, 0.15, 0.27, 0.42, 0.7, 0.95),
    errors=(12.1, 10.5, 9.1, 8.7, 6.1, 2.6),
    usual_error=MEDIAPIPE.usual_error,
    max_error=MEDIAPIPE.max_error,
)
"""The same of points outside the picture, which MediaPipe guesses: of the people in pictures cut above the knees, 661 points. The median
distances are 14.3 % (173), 12.4 (89), 10.7 (133), 10.3 (94), 7.2 (159, from 0.5 to 0.9) and 3.1 (13)."""
