"""From a detector's scores to the confidences that the fit expects.

The networks and the data term take a keypoint's confidence for how exact it is beside the person's other keypoints, by the rule of
`smplify_jax.keypoints.confidence`; in training, errors go up to 5 % of the person's height. A detector's score says something else, so
each detector has a table of its errors by score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.keypoints.confidence import CONFIDENCE_SLOPE, MIDDLE_CONFIDENCE


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
        confidence = np.clip(MIDDLE_CONFIDENCE - CONFIDENCE_SLOPE * np.log(error / self.usual_error), 0.0, 1.0)
        return np.where((error <= self.max_error) & (values >= 0), confidence, 0.0).astype(np.float32)


@dataclass(frozen=True)
class CalibrationByPlace:
    """A detector's calibration in the picture, and where it can only guess.

    Attributes:
        inside: of points in the picture.
        outside: of points at its edge and beyond.
        edge: how wide the edge is, over the longer side of the picture.
    """

    inside: Calibration
    outside: Calibration
    edge: float = 0.0

    def is_inside(self, places: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
        """(...) whether points (..., 2) [px] are in a picture of this width and height [px], and not at its edge."""
        edge = self.edge * max(image_size)
        return np.asarray(((places >= edge) & (places <= np.subtract(image_size, edge))).all(axis=-1))

    def with_confidences(self, rows: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
        """The points (..., 3) x, y [px], confidence.

        Args:
            rows: (..., 3) x, y [px], score.
            image_size: width and height [px].
        """
        places, scores = rows[..., :2], rows[..., 2]
        is_inside = self.is_inside(places, image_size)
        confidence = np.where(is_inside, self.inside.confidence(scores), self.outside.confidence(scores))
        return np.concatenate([places, confidence[..., None]], axis=-1)


RTMPOSE = Calibration(scores=(0.1, 0.3, 0.5, 0.7, 0.9), errors=(10.0, 5.0, 2.5, 1.7, 1.4), usual_error=1.5)
"""Not measured, for want of its models, but assumed. A score is the height of RTMPose's peak; its users hide points below 0.3 to 0.5. The
errors of both detectors that are measured fall less with the score: from 2 or 2.8 % at 0.3 to 1.5 % at 0.95. So RTMPose's may, too; a
measurement could replace 2.5 and 1.7 by 2.1 and 1.8. Fits hardly depend on that, but they do on which points are left out."""

YOLO = CalibrationByPlace(
    inside=Calibration(
        scores=(0.01, 0.035, 0.075, 0.15, 0.27, 0.6, 0.82, 0.94),
        errors=(4.4, 4.2, 3.6, 3.0, 1.95, 1.9, 1.6, 1.5),
        usual_error=1.5,
        max_error=2.5,
    ),
    outside=Calibration(
        scores=(0.01, 0.035, 0.15, 0.27, 0.43, 0.6, 0.82),
        errors=(30.0, 14.0, 12.5, 11.0, 2.3, 1.9, 1.6),
        usual_error=1.5,
        max_error=2.5,
    ),
    edge=0.02,
)
"""By the score of a point. Measured by `python -m benchmarks.detectors --detector ultralytics` with yolo11n-pose and Ultralytics 8.4.190
on 160 rendered people, on 160 in pictures cut at the thighs, and on 128 crops around 16 of COCO's annotated people. The median distance
from the truth by score, in percent of the height, with the number of points:

    score           below 0.1    0.1-0.2     0.2-0.35    0.35-0.5   0.5-0.7     0.7-0.9     0.9-0.97    0.97-0.99   above
    rendered        2.8 (113)    2.1 (74)    1.9 (60)    1.8 (66)   2.3 (120)   1.6 (255)   1.6 (457)   2.0 (492)   2.7 (1028)
    cut             3.0 (174)    2.4 (68)    2.1 (71)    1.7 (82)   2.2 (157)   1.9 (558)   1.2 (471)   1.4 (290)   2.0 (220)
    COCO            14.2 (89)    8.8 (25)    2.6 (31)    3.3 (41)   2.7 (72)    2.1 (224)   2.0 (320)   1.7 (376)   1.9 (605)
    at the edge     31.6 (502)   14.9 (85)   13.1 (14)   3.0 (8)    1.8 (2)     2.0 (17)    3.4 (1)      -           -

COCO's include the annotators' errors, but the model was trained on most of these pictures. The tables are made as MediaPipe's. Points at
the edge are those of cut pictures; above 0.35 they are few, and are taken to be about as exact as others.

Ultralytics moves points outside the picture to its border, and where the model takes them for outside, they lie up to 2 % of the longer
side within it: that is the edge. Scores below 0.2 are guesses wherever they are: fits without them are as good on rendered people (PA-MPJPE
67.4 mm, with them 67.7 mm), and better on cut ones (82.7 mm, not 86.0 mm) and on COCO's (2.9 % from the truth, not 3.3 %)."""

MEDIAPIPE = CalibrationByPlace(
    inside=Calibration(
        scores=(0.05, 0.14, 0.27, 0.43, 0.61, 0.82, 0.94),
        errors=(6.7, 4.0, 2.8, 2.3, 1.95, 1.75, 1.45),
        usual_error=1.5,
        max_error=7.0,
    ),
    outside=Calibration(
        scores=(0.05, 0.14, 0.26, 0.42, 0.6, 0.81, 0.93),
        errors=(12.5, 11.1, 9.4, 7.2, 7.0, 4.6, 3.6),
        usual_error=1.5,
        max_error=7.0,
    ),
)
"""By its `visibility`. Measured by `python -m benchmarks.detectors` with MediaPipe 0.10.14 on 147 rendered people, on 157 in pictures cut
at the thighs, and on 101 crops around 15 of COCO's annotated people. The median distance from the truth by visibility, in percent of the
height, with the number of points:

    visibility     below 0.1    0.1-0.2      0.2-0.35     0.35-0.5    0.5-0.7     0.7-0.9     0.9-0.97    0.97-0.99   above
    rendered       5.6 (172)    4.5 (69)     2.6 (52)     2.5 (80)    1.9 (202)   1.6 (475)   1.4 (632)   1.2 (554)   1.7 (1717)
    cut            8.0 (217)    4.0 (70)     3.6 (105)    2.1 (54)    1.8 (141)   1.5 (365)   1.5 (439)   1.9 (425)   1.7 (1100)
    COCO           11.1 (9)     5.7 (15)     4.0 (51)     3.6 (46)    3.7 (78)    3.6 (172)   2.3 (163)   1.7 (117)   1.8 (764)
    cut, outside   14.7 (354)   13.1 (217)   11.1 (251)   8.5 (167)   8.3 (163)   5.4 (127)   4.2 (30)    2.7 (14)

COCO's include the annotators' errors. The table of the points inside is the geometric mean of the three, never rising, over 1.18, which
turns a median distance in the plane into a standard deviation of x and of y; few outliers change it little.

Hidden points are guesses, but are kept: on the rendered people, fits without those below a visibility of 0.14 are worse (PA-MPJPE 50.8 mm,
not 48.9 mm; hands 98 mm, not 92 mm). Guesses outside the picture are not: with them, PA-MPJPE is 92 mm, not 88 mm, on half of the people in
cut pictures."""
