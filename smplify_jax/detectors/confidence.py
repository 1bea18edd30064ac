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
_MAX_ERROR = 5.0
"""[% of the height] A keypoint with larger errors is a guess: it counts as not observed."""


@dataclass(frozen=True)
class Calibration:
    """How large a detector's errors are by its score.

    Attributes:
        scores: S rising scores.
        errors: S standard deviations of x and of y at these scores, in percent of the person's height; between them their logarithm is
            interpolated.
        usual_error: that of a keypoint in the middle, σ₀.
    """

    scores: tuple[float, ...]
    errors: tuple[float, ...]
    usual_error: float

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """(...) float32 confidences of (...) scores, 0 for guesses and scores that are not finite."""
        values = np.asarray(scores, np.float64)
        error = np.exp(np.interp(values, self.scores, np.log(self.errors)))
        confidence = np.clip(_MIDDLE - _SLOPE * np.log(error / self.usual_error), 0.0, 1.0)
        return np.where(error <= _MAX_ERROR, confidence, 0.0).astype(np.float32)


RTMPOSE = Calibration(scores=(0.1, 0.3, 0.5, 0.7, 0.9), errors=(10.0, 5.0, 2.5, 1.7, 1.4), usual_error=1.5)
"""Not measured: assumed to fall with the score as MediaPipe's do. A score is the height of RTMPose's peak; its users hide points below 0.3
to 0.5."""

MEDIAPIPE = Calibration(
    scores=(0.07, 0.15, 0.28, 0.42, 0.8, 0.94, 0.99),
    errors=(7.5, 4.8, 3.7, 2.7, 2.6, 1.8, 1.45),
    usual_error=1.5,
)
"""By its `visibility`. Measured on COCO's annotations: MediaPipe 0.10.14 on crops around 14 people of seven pictures, four margins,
mirrored and not, 1,217 points; the error is the median distance over 1.18, which few outliers do not change, and includes that of the
annotators. The median distance by visibility, with the number of points:

    below 0.1   0.1-0.2    0.2-0.35   0.35-0.5   0.5-0.7    0.7-0.9     0.9-0.97    0.97-0.99   0.99-1
    8.9 % (9)   5.6 (20)   4.4 (42)   3.1 (41)   3.1 (83)   3.1 (132)   2.1 (134)   1.6 (97)    1.7 (659)

Fourteen people are few, and points that annotators could not see are among them where they guessed them: there the median is 13 % below
a visibility of 0.5. The fits to 41 of the crops are equally far from the annotations with these confidences and with the visibility itself
(median 2.2 % of the height, mean 3.1 %); leaving out all points below a visibility of 0.5 makes them worse (mean 3.4 %)."""
