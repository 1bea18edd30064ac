"""One person's landmarks as MediaPipe's users save them, placed in a layout; see `smplify_jax.keypoints.formats.mediapipe`."""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import is_number
from smplify_jax.keypoints.formats.reading import number_rows
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.point_names import place_by_name

LAYOUT = "mediapipe33"
_COUNT = get_layout(LAYOUT).num_keypoints

_NUMBER_KEYS = ("id", "index", "landmark_id", "idx")
_CONFIDENCE_KEYS = ("visibility", "presence", "score")
_NUM_COLUMNS = (2, 3, 4, 5)
"""Of a landmark that is a list: x, y, then z, visibility, presence; or x, y, visibility."""


def is_landmark(value: Any, with_lists: bool = True) -> bool:
    """Whether a JSON value is a landmark: an object with x and y, or a short list of numbers."""
    if isinstance(value, dict):
        return "x" in value and "y" in value
    is_list = with_lists and isinstance(value, list) and len(value) in _NUM_COLUMNS
    return is_list and all(number is None or is_number(number) for number in value)


def is_person(value: Any) -> bool:
    """Whether a JSON value is a list of 33 landmarks, or of their numbers."""
    if not isinstance(value, list) or not value:
        return False
    if len(value) == _COUNT:
        return is_landmark(value[0])
    return len(value) in {_COUNT * columns for columns in _NUM_COLUMNS} and is_number(value[0])


def placed_landmarks(value: Any, layout: str | None) -> tuple[np.ndarray, str]:
    """(K, 3) x, y, visibility of a person in a layout, in the units of the file, and the layout.

    Args:
        value: the person's landmarks.
        layout: that the caller asked for, for landmarks with names.

    Raises:
        InputError: they are not 33 landmarks, nor landmarks with names.
    """
    landmarks, names = _listed(value)
    if names is not None:
        placement = place_by_name(names, layout)
        return placement.place(_rows(landmarks)), placement.layout
    if len(landmarks) != _COUNT:
        raise InputError(f"the person has {len(landmarks) or 'no'} landmarks; MediaPipe's pose has {_COUNT}")
    return _rows(_in_order(landmarks)), LAYOUT


def _listed(value: Any) -> tuple[list[Any], tuple[str, ...] | None]:
    """A person's landmarks one by one, and their names if they have any."""
    if isinstance(value, dict):
        named = {name: item for name, item in value.items() if is_landmark(item)}
        numbers = sorted(named, key=len)
        if named and all(name.isdecimal() for name in numbers):
            return [named[name] for name in sorted(named, key=int)], None
        return (list(named.values()), tuple(named)) if named else ([], None)
    if not isinstance(value, list):
        return [], None
    if is_person(value) and not is_landmark(value[0]):
        columns = len(value) // _COUNT
        return [value[k : k + columns] for k in range(0, len(value), columns)], None
    if all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
        return value, tuple(item["name"] for item in value)
    return value, None


def _in_order(landmarks: list[Any]) -> list[Any]:
    """33 landmarks in the order of their numbers, which are left out of lists; as they are if they have none."""
    if all(isinstance(item, list) for item in landmarks):
        is_numbered = [item[:1] for item in landmarks] == [[k] for k in range(_COUNT)]
        return [item[1:] for item in landmarks] if is_numbered else landmarks
    if not all(isinstance(item, dict) for item in landmarks):
        return landmarks
    for key in _NUMBER_KEYS:
        by_number = {item[key]: item for item in landmarks if isinstance(item.get(key), int)}
        if sorted(by_number) == list(range(_COUNT)):
            return [by_number[k] for k in range(_COUNT)]
    return landmarks


def _rows(landmarks: list[Any]) -> np.ndarray:
    """(N, 3) x, y, visibility; null is NaN, and a landmark without visibility is seen.

    Raises:
        InputError: one of them is no landmark.
    """
    has_depth = not _have_visibility_third(landmarks)
    rows = [_row(item, has_depth) for item in landmarks]
    return number_rows(rows, "a landmark has no numbers x and y, or a visibility that is none")


def _have_visibility_third(landmarks: list[Any]) -> bool:
    """Whether lists of three end in a visibility: depths lie around that of the hips, so that some are below zero."""
    third: list[Any] = [item[2] if isinstance(item, list) and len(item) == 3 else None for item in landmarks]
    return all(is_number(value) and 0 <= value <= 1 for value in third) and any(third)


def _row(landmark: Any, has_depth: bool) -> list[Any]:
    if isinstance(landmark, dict):
        said = (landmark[key] for key in _CONFIDENCE_KEYS if landmark.get(key) is not None)
        row = [landmark.get("x"), landmark.get("y"), next(said, 1.0)]
        return [
            np.nan if value is None and key in landmark else value
            for key, value in zip(("x", "y", ""), row, strict=True)
        ]
    if not isinstance(landmark, list) or len(landmark) not in _NUM_COLUMNS:
        return []
    x, y = (np.nan if value is None else value for value in landmark[:2])
    visibility = next(iter(landmark[3 if has_depth else 2 :]), None)
    return [x, y, 1.0 if visibility is None else visibility]
