"""MediaPipe's pose landmarks as JSON.

MediaPipe itself writes no files; this is the form that is read:

    {"image": "a.jpg", "width": 640, "height": 480, "pose_landmarks": [[{"x": 0.5, "y": 0.2, "visibility": 0.99}, ...], ...]}

An object for each picture, alone in its file or in a list. `pose_landmarks` is a list of people with 33 landmarks each, as
in `PoseLandmarkerResult`; a single person's 33, and `{"landmark": [...]}` of the older `mp.solutions`, are taken too. `z` and
`presence` are not used.

x and y are fractions of the picture's width and height, so the size must be known: from the object, from the picture's
file, or from the caller. MediaPipe gives all 33 points always, and guesses those it does not see: `visibility` is the
confidence. The body becomes `coco23`, the foot's index being the big toe; mouth, fingers and corners of the eyes are left
out, small toes are not seen. Source: MediaPipe's documentation, "Pose landmark detection guide".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.reading import (
    FileHead,
    KeypointFormat,
    Row,
    Source,
    check_layout,
    known_size,
    named_rows,
    number_rows,
)

LAYOUT = "coco23"

LANDMARKS = (
    ("nose", "", "left_eye", "", "", "right_eye", "", "left_ear", "right_ear", "", "")
    + ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist")
    + ("",) * 6
    + ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
    + ("left_heel", "right_heel", "left_big_toe", "right_big_toe")
)
"""The layout's name of each of the 33 landmarks, "" for those it has not."""


@dataclass(frozen=True)
class _Landmarks:
    """One person's landmarks, and the object that they are from."""

    landmarks: Any
    record: dict[str, Any]


def recognises(head: FileHead) -> bool:
    """An object with `pose_landmarks`, or a list of them."""
    return head.kind in ("json object", "json list") and "pose_landmarks" in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each picture."""

    def make(position: str, person: _Landmarks) -> FoundPerson:
        check_layout(source, LAYOUT, "MediaPipe's landmarks")
        name = person.record.get("image")
        image = name if isinstance(name, str) else ""
        size = known_size(person.record.get("width"), person.record.get("height")) or source.image_size(image)
        if size is None:
            raise InputError(
                "the size of the picture is not known, and MediaPipe's coordinates are fractions of it; add its width "
                "and height [px], or give the folder of the pictures"
            )
        rows = named_rows(_rows(person.landmarks), LANDMARKS, LAYOUT)
        rows[:, :2] *= size
        return found_person(source, position, rows, LAYOUT, image=image, image_size=size)

    return rows_of(source, _people(source.path), make)


def _people(path: Path) -> Iterator[tuple[str, _Landmarks]]:
    for place, record in _records(path):
        if not isinstance(record, dict):
            yield place, _Landmarks(None, {})
            continue
        found = record.get("pose_landmarks")
        is_single = isinstance(found, dict) or (isinstance(found, list) and bool(found) and isinstance(found[0], dict))
        people = [found] if is_single or not isinstance(found, list) else found
        for k, person in enumerate(people):
            yield f"{place}.pose_landmarks[{k}]", _Landmarks(person, record)


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    with opened_json(path) as stream:
        if stream.peek() != "[":
            yield "", stream.value()
            return
    yield from stream_list(path)


def _rows(landmarks: Any) -> np.ndarray:
    """(33, 3) x, y, visibility.

    Raises:
        InputError: they are not 33 objects with these numbers.
    """
    if isinstance(landmarks, dict):
        landmarks = landmarks.get("landmark")
    if not isinstance(landmarks, list) or len(landmarks) != len(LANDMARKS):
        number = len(landmarks) if isinstance(landmarks, list) else "no"
        raise InputError(f"the person has {number} landmarks; MediaPipe's pose has {len(LANDMARKS)}")
    rows = [
        [landmark.get(key) for key in ("x", "y", "visibility")] if isinstance(landmark, dict) else []
        for landmark in landmarks
    ]
    return number_rows(rows, "a landmark is no object with the numbers x, y and visibility")


FORMAT = KeypointFormat(
    "mediapipe",
    "MediaPipe's pose_landmarks of each picture",
    recognises,
    read,
    content="JSON objects with `pose_landmarks`, `image`, `width`, `height`",
    layouts="`coco23`",
)
