"""OpenPose's JSON: one file for each picture, with any number of people in it; and what other programs write like it.

A person has `pose_keypoints_2d` (`pose_keypoints` in versions before 1.2), a flat list x, y [px], confidence; a row of zeros
means "not found". How many there are says which they are:

- OpenPose's own 25 (BODY_25), 18 (COCO), 15 (MPI, whose chest is no point of any layout) and 135 (BODY_135, whose first 25
  are BODY_25B's). BODY_25B alone has 25 as well, in another order, and nothing in the file tells: name the layout
  `openpose25b` when reading it;
- 17, 26, 133, 134 and 136 of RTMPose and AlphaPose, as Pose2Sim and rtmlib write them: COCO's, HALPE's, COCO-WholeBody's,
  COCO-WholeBody's in OpenPose's order, and HALPE's with face and hands.

Hands are `hand_left_keypoints_2d` and `hand_right_keypoints_2d`, 21 points each, or empty where a program did not look for them or, of
ControlNet's, did not find them. The layout has their knuckles if either is there. 18 keypoints with hands are read as 25 without feet.

ControlNet's and ComfyUI's files say the picture's size, as `canvas_width` and `canvas_height`; some of them have fractions of
it in place of pixels, which their values tell. ComfyUI writes a list of such objects, one a frame. `person_id` is the person's
track where it is not -1. A person who has no keypoints (`{}` in what Pose2Sim associates: whom this camera does not see) is
rejected and keeps their place in the list. Face and 3D keypoints are not read, nor the hands among BODY_135.

OpenPose says neither the picture's size nor its ending: both are looked up in the folder of the pictures, if there is one.
Sources: OpenPose's documentation, "JSON-UI output format"; its pose parameters, and how its training made MPI's points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import layout_by_count, rows_from_json
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, fractions_to_pixels, rows_of
from smplify_jax.keypoints.formats.json_stream import JsonStream, opened_json, read_members, stream_list
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Size,
    Source,
    known_size,
    known_track,
    named_rows,
)
from smplify_jax.keypoints.hands import Hands, check_hand, hands_behind, layout_with_hands, with_hands
from smplify_jax.keypoints.layouts import get_layout

LAYOUT_BY_COUNT = {
    25: "openpose25",
    18: "openpose18",
    17: "coco17",
    26: "halpe26",
    133: "coco23_hands",
    135: "openpose25b",
    136: "halpe26_hands",
}
"""As for `layout_by_count`."""

_MPI = (
    *("head_top", "upper_neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow"),
    *("left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", ""),
)
_OPENPOSE18_AND_FEET = (*get_layout("openpose18").keypoint_names, *get_layout("coco23").keypoint_names[17:])

_NAMES_BY_COUNT: dict[int, tuple[str, tuple[str, ...]]] = {
    15: ("mpii16", _MPI),
    134: ("openpose25", _OPENPOSE18_AND_FEET),
}
"""For counts whose keypoints are in no layout's order: the layout that has most of them, and its names of the first ones."""

_POSE_KEYS = ("pose_keypoints_2d", "pose_keypoints")
_HAND_KEYS = (
    ("hand_left_keypoints_2d", "hand_left_keypoints"),
    ("hand_right_keypoints_2d", "hand_right_keypoints"),
)
_SIZE_KEYS = (("canvas_width", "canvas_height"), ("width", "height"))
_FILE_SUFFIX = "_keypoints"
"""What OpenPose puts between the picture's name and `.json`."""

_WHOLE_BYTES = 2**20
"""A picture of a hundred people has less. Reading such a file at once takes three quarters of the time."""


@dataclass(frozen=True)
class _Entry:
    """An entry of `people`, and the other members of the object that it is from."""

    person: Any
    about: dict[str, Any]
    frame: int | None = None


def recognises(head: FileHead) -> bool:
    """A JSON object with `people`, or a list of them."""
    return head.kind in ("json object", "json list") and "people" in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each picture."""
    # The picture lies in its folder as the file does in the folder of keypoints.
    path = PurePosixPath(source.name)
    image = str(path.with_name(image_name_of(path.stem)))

    def make(position: str, entry: _Entry) -> FoundPerson:
        rows, layout = read_person(entry.person, source.options.layout)
        size = _size(entry.about)
        return found_person(
            source,
            position,
            fractions_to_pixels(rows, size),
            layout,
            source_id="" if entry.frame is None else f"frame {entry.frame}",
            image=image,
            image_size=size,
            track_id=known_track(entry.person.get("person_id")),
            frame=entry.frame,
        )

    return rows_of(source, _entries(source.path), make)


def image_name_of(stem: str) -> str:
    """The picture's name, most often without its ending, from that of the file without its own."""
    return stem.removesuffix(_FILE_SUFFIX) or stem


def read_person(person: Any, layout: str | None) -> tuple[np.ndarray, str]:
    """(K, 3) rows of one entry of `people`, and their layout.

    Args:
        person: the entry.
        layout: the layout that the caller asked for, if any.

    Raises:
        InputError: the entry is malformed, or has no keypoints.
    """
    if not isinstance(person, dict):
        raise InputError(f"the person is of type {type(person).__name__}; expected an object with pose_keypoints_2d")
    key = next((key for key in _POSE_KEYS if person.get(key)), None)
    if key is None:
        raise InputError("the person has no keypoints: pose_keypoints_2d is missing or empty")
    rows = rows_from_json(_flat(person[key]), f"the person's {key}")
    return with_hands(*_body(rows, layout), _hands(person), layout)


def _body(rows: np.ndarray, layout: str | None) -> tuple[np.ndarray, str]:
    """Rows (K, 3) of the keypoints, with hands if they are among them, and their layout."""
    named = _NAMES_BY_COUNT.get(len(rows))
    if named is None or layout not in (None, named[0], layout_with_hands(named[0])):
        return layout_by_count(rows, LAYOUT_BY_COUNT, layout, "the person")
    found, names = named
    return with_hands(named_rows(rows[: len(names)], names, found), found, hands_behind(rows), layout)


def _hands(person: dict[str, Any]) -> Hands:
    """The hands in lists of their own.

    Raises:
        InputError: one of them is malformed.
    """
    found = []
    for keys in _HAND_KEYS:
        key = next((key for key in keys if person.get(key)), None)
        found.append(None if key is None else rows_from_json(_flat(person[key]), f"the person's {key}"))
        check_hand(found[-1], f"the person's {key}")
    return Hands(*found)


def _flat(values: Any) -> Any:
    """Keypoints as one list of numbers: some programs write a list of three for each."""
    if isinstance(values, list) and all(isinstance(point, list) and len(point) == 3 for point in values):
        return [number for point in values for number in point]
    return values


def _size(about: dict[str, Any]) -> Size | None:
    """Size of the picture as the file says it; None where it does not, or no more of it than zeros."""
    for width, height in _SIZE_KEYS:
        if about.get(width) or about.get(height):
            return known_size(about.get(width), about.get(height))
    return None


def _entries(path: Path) -> Iterator[tuple[str, _Entry]]:
    with opened_json(path) as stream:
        is_list = stream.peek() == "["
        picture = None if is_list else _whole(stream, path)
    if picture is not None:
        for k, person in enumerate(picture["people"]):
            yield f"people[{k}]", _Entry(person, picture)
        return
    if not is_list:
        about = read_members(path, {key for keys in _SIZE_KEYS for key in keys})
        for position, person in stream_list(path, "people"):
            yield position, _Entry(person, about)
        return
    for number, (position, frame) in enumerate(stream_list(path)):
        people = frame.get("people", ()) if isinstance(frame, dict) else ()
        if not isinstance(people, list | None):
            yield position, _Entry(frame, {}, number)
            continue
        for k, person in enumerate(people or []):
            yield f"{position}.people[{k}]", _Entry(person, frame, number)


def _whole(stream: JsonStream, path: Path) -> dict[str, Any] | None:
    """The object of a small file, read once; None where it is large or damaged, to be read person by person."""
    if path.stat().st_size > _WHOLE_BYTES:
        return None
    try:
        value = stream.value()
    except DamagedFileError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("people"), list) else None


FORMAT = KeypointFormat(
    "openpose",
    "OpenPose's JSON files, with people, and lists of them",
    recognises,
    read,
    content="OpenPose's JSON, one file a picture: `people` with `pose_keypoints_2d`; of Pose2Sim, rtmlib, ControlNet; "
    "ComfyUI's lists of them",
    layouts="25: `openpose25`; 18: `openpose18`; 17: `coco17`; 26: `halpe26`; any of them with `hand_left_keypoints_2d` or "
    "`hand_right_keypoints_2d`: `openpose25_hands`, `coco23_hands`, `halpe26_hands`; 133: `coco23_hands`; 134: `openpose25_hands`; "
    "135: `openpose25b`; 136: `halpe26_hands`; 15: `mpii16`",
)
