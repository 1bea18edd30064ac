"""From a detector's scores to the confidences that the fit expects.

The network and the data term take a keypoint's confidence for how exact it is beside the person's other keypoints. In training, a keypoint
whose error has standard deviation σ, on a person whose keypoints have σ₀ in the middle, has confidence

    c = 0.8 - 0.3 log(σ / σ₀),   from 0.2 to 1

(`smplify_jax.learn.proposal.detections`). A detector's score says something else, so each has a table of how large its errors are by score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MIDDLE, _SLOPE = 0.8, 0.3
_LOWEST = 0.2


@dataclass(frozen=True)
class Calibration:
    """How large a detector's errors are by its score.

    Attributes:
        scores: S rising scores.
        errors: S errors at these scores, in percent of the person's height; between them log(error) is interpolated.
        usual_error: the error σ₀ of a keypoint in plain sight.
        lowest_score: keypoints below it are guesses: they count as not observed.
    """

    scores: tuple[float, ...]
    errors: tuple[float, ...]
    usual_error: float
    lowest_score: float

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """(...) confidences, 0 where not observed, of (...) scores."""
        values = np.asarray(scores, np.float64)
        error = np.interp(values, self.scores, np.log(self.errors))
        confidence = np.clip(_MIDDLE - _SLOPE * (error - np.log(self.usual_error)), _LOWEST, 1.0)
        return np.where(values >= self.lowest_score, confidence, 0.0).astype(np.float32)


MEDIAPIPE = Calibration(scores=(0.0, 1.0), errors=(4.0, 1.0), usual_error=1.0, lowest_score=0.1)
