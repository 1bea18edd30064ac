"""EasyMocap's annotations, its folder `annots`: a JSON file for each picture of each camera.

An object with `filename`, `width`, `height` of the picture and `annots`, a list of people (or that list alone): `keypoints` (or
`keypoints2d`), a list x, y, confidence for each; `bbox`, two corners and a score; `personID`, the person's track, -1 for none. 25
keypoints are OpenPose's BODY_25, also with hands and face behind them, 15 its first ones, 17 COCO's. Hands of their own are `handl2d` and
`handr2d`; faces are not read. Source: EasyMocap's documentation, "Dataset".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import layout_by_count
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, read_members, stream_list
from smplify_jax.keypoints.formats.reading import (
    FileHead,
    KeypointFormat,
    Row,
    Source,
    known_corners,
    known_size,
    known_track,
    named_rows,
    number_rows,
)
from smplify_jax.keypoints.hands import Hands, check_hand, with_hands
from smplify_jax.keypoints.layouts import get_layout

LAYOUT_BY_COUNT = {25: "openpose25", 17: "coco17", 67: "openpose25_hands", 137: "openpose25_hands"}

_NUM_BODY15 = 15
_POINT_KEYS = ("keypoints", "keypoints2d")
_HAND_KEYS = ("handl2d", "handr2d")
_TRACK_KEYS = ("personID", "id")


def recognises(head: FileHead) -> bool:
    """An object with `annots`, or a list of people with `personID` or `keypoints2d`."""
    if head.kind == "json object":
        return "annots" in head.names
    return head.kind == "json list" and not {"personID", "keypoints2d"}.isdisjoint(head.names)


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""
    picture = _picture(source.path)
    name = picture.get("filename")
    image = name if isinstance(name, str) and name else str(PurePosixPath(source.name).with_suffix(""))

    def make(position: str, person: Any) -> FoundPerson:
        asked = source.options.layout
        rows, layout = with_hands(*_placed(_rows(person), asked), _hands(person), asked)
        return found_person(
            source,
            position,
            rows,
            layout,
            image=image,
            image_size=known_size(picture.get("width"), picture.get("height")),
            box=known_corners(person.get("bbox")),
            track_id=next((known_track(person[key]) for key in _TRACK_KEYS if key in person), ""),
        )

    yield from rows_of(source, stream_list(source.path, "annots" if _is_object(source.path) else None), make)


def _is_object(path: Path) -> bool:
    with opened_json(path) as stream:
        return stream.peek() == "{"


def _picture(path: Path) -> dict[str, Any]:
    """What the file says about its picture; nothing if it is a list."""
    return read_members(path, {"filename", "width", "height"}) if _is_object(path) else {}


def _rows(person: Any) -> np.ndarray:
    """(N, 3) x, y, confidence of a person; null is NaN.

    Raises:
        InputError: they have no keypoints, or other things than three numbers each.
    """
    key = next((key for key in _POINT_KEYS if isinstance(person, dict) and person.get(key)), None)
    if key is None:
        raise InputError("the person has no keypoints; was only their box found?")
    return _points(person[key], "keypoints")


def _hands(person: Any) -> Hands:
    """The person's hands, those that were found.

    Raises:
        InputError: they are other things than 21 points.
    """
    found = [_points(person[key], key) if person.get(key) else None for key in _HAND_KEYS]
    for key, points in zip(_HAND_KEYS, found, strict=True):
        check_hand(points, f"the person's {key}")
    return Hands(*found)


def _points(points: Any, key: str) -> np.ndarray:
    if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
        raise InputError(f"the person's {key} are no list of x, y, confidence for each")
    rows = [[np.nan if value is None else value for value in point] for point in points]
    return number_rows(rows, f"the person's {key} are not three numbers x, y, confidence each")


def _placed(rows: np.ndarray, layout: str | None) -> tuple[np.ndarray, str]:
    if len(rows) == _NUM_BODY15 and layout in (None, "openpose25"):
        return named_rows(rows, get_layout("openpose25").keypoint_names[:_NUM_BODY15], "openpose25"), "openpose25"
    return layout_by_count(rows, LAYOUT_BY_COUNT, layout, "the person")


FORMAT = KeypointFormat(
    "easymocap",
    "EasyMocap's annots of each picture",
    recognises,
    read,
    content="EasyMocap's `annots`: `filename`, `width`, `height`, people with `keypoints`, `bbox`, `personID`",
    layouts="25, 15: `openpose25`; 67, 137 and with `handl2d`, `handr2d`: `openpose25_hands`; 17: `coco17`",
)
