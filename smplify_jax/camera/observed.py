"""Which keypoints were observed: `is_observed` knows every mark that detectors and files use for "not found"."""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_COORDINATE = 1e6
"""[px] No picture is that wide: a larger coordinate is a sentinel or a damaged number."""


def is_observed(keypoints: Any) -> Any:
    """Which keypoints were found.

    There are many marks for "not found": a confidence of 0 or less (COCO's visibility 0), any NaN, both coordinates 0 (YOLO-pose keeps its
    score beside them, other programs a visibility), both coordinates -1, and coordinates beyond any picture. None of these may pull the
    body towards the picture's corner. A keypoint on the picture's edge, with only one coordinate 0, was found.

    Args:
        keypoints: (..., 3) rows x, y [px], confidence; an array of NumPy or of JAX, traced or not.
    Returns:
        (...,) bool.
    """
    x, y, confidence = keypoints[..., 0], keypoints[..., 1], keypoints[..., 2]
    with np.errstate(invalid="ignore"):
        is_somewhere = (abs(x) <= MAX_COORDINATE) & (abs(y) <= MAX_COORDINATE)
        is_marked = ((x == 0) & (y == 0)) | ((x == -1) & (y == -1))
        return is_somewhere & ~is_marked & (confidence > 0) & (confidence < np.inf)
