"""What COCO's annotations and its results have in common: counts of keypoints, names of pictures, feet.

Annotations carry a visibility: 0 not labelled, 1 labelled but hidden, 2 labelled and seen. Confidence is half of it:
a hidden point is the annotator's guess, and 0.5 gives it, in an energy weighted by the confidence squared, twice the
standard deviation of a seen one. Where COCO-WholeBody's `foot_kpts` are present the layout is coco23.

Source: the COCO data format page, "Keypoint detection"; Jin et al., ECCV 2020 (COCO-WholeBody).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.reading import is_number, rows_from_json

LAYOUT_BY_COUNT = {17: "coco17", 23: "coco23", 26: "halpe26", 133: "coco23", 136: "halpe26"}
"""Whole-body annotations list the body first, then face and hands, which are left out."""

_NUM_FEET = 6
_ID_WIDTH = 12
"""COCO's pictures are named by their number with this many digits."""


def rows_with_feet(annotation: dict[str, Any], what: str) -> np.ndarray:
    """(K, 3) rows x, y, visibility flag of an annotation, its `foot_kpts` (zeros if it has none) behind its body.

    Args:
        annotation: with `keypoints`.
        what: whose it is, for messages.

    Raises:
        InputError: one of the two is malformed.
    """
    rows = rows_from_json(annotation["keypoints"], what)
    feet = rows_from_json(annotation.get("foot_kpts", [0] * 3 * _NUM_FEET), f"{what}, foot_kpts,")
    if len(feet) != _NUM_FEET:
        raise InputError(f"{what} has {len(feet)} keypoints of the feet; expected {_NUM_FEET}")
    return np.concatenate([rows, feet])


def image_name_of(image_id: Any) -> str:
    """A picture's name from COCO's `image_id`: a name as it is, a number with 12 digits, "" for anything else."""
    if isinstance(image_id, str):
        return image_id
    return f"{image_id:0{_ID_WIDTH}d}" if is_number(image_id) and isinstance(image_id, int) else ""
