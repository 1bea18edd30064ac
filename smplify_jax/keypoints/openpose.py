"""Reader of OpenPose's JSON: one file for each picture, with any number of people in it.

A person has `pose_keypoints_2d` (`pose_keypoints` in versions before 1.2), a flat list x, y [px], confidence; a row
of zeros means "not found". 25 keypoints are BODY_25, 18 are COCO. BODY_25B has 25 as well, in another order, and
nothing in the file
tells: name the layout `openpose25b` when reading it. Face, hands and 3D keypoints are not read.

Source: OpenPose's documentation of its output, "JSON-UI output format".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.reading import layout_by_count, rows_from_json

LAYOUT_BY_COUNT = {25: "openpose25", 18: "openpose18"}
_POSE_KEYS = ("pose_keypoints_2d", "pose_keypoints")
_FILE_SUFFIX = "_keypoints"
"""What OpenPose puts between the picture's name and `.json`."""


def image_name_of(stem: str) -> str:
    """The picture's name, without its ending, from that of the file without its own."""
    return stem.removesuffix(_FILE_SUFFIX) or stem


def read_person(person: Any, layout: str | None, what: str) -> tuple[np.ndarray, str]:
    """(K, 3) rows of one entry of `people`, and their layout.

    Args:
        person: the entry.
        layout: the layout that the caller asked for, if any.
        what: whose entry it is, for messages.

    Raises:
        InputError: the entry is malformed.
    """
    if person == {}:  # Pose2Sim keeps everybody's place in the list so, where a camera does not see them
        raise InputError(f"{what} is empty: it has no keypoints")
    key = next((key for key in _POSE_KEYS if isinstance(person, dict) and key in person), None)
    if key is None:
        raise InputError(f"{what} has no pose_keypoints_2d; was OpenPose run without its body part?")
    return layout_by_count(rows_from_json(person[key], f"{what}, {key},"), LAYOUT_BY_COUNT, layout, what)
