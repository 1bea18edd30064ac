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
from smplify_jax.keypoints.contents import JsonFile
from smplify_jax.keypoints.reading import Contents, Format, Person, json_value, layout_by_count, rows_from_json

LAYOUT_BY_COUNT = {25: "openpose25", 18: "openpose18"}
_POSE_KEYS = ("pose_keypoints_2d", "pose_keypoints")
_FILE_SUFFIX = "_keypoints"
"""What OpenPose puts between the picture's name and `.json`."""


def recognises(contents: Contents) -> bool:
    """A JSON object with `people`."""
    return isinstance(contents, JsonFile) and isinstance(contents.value, dict) and "people" in contents.value


def read_people(contents: Contents, layout: str | None = None) -> list[Person]:
    """The people of the file, none where OpenPose found none; named by the picture and their number in the list.

    Raises:
        InputError: `people` or one of them is malformed.
    """
    value = json_value(contents, FORMAT.name)
    people = value.get("people") if isinstance(value, dict) else None
    if not isinstance(people, list):
        raise InputError(
            f"'{contents.path}' is {contents.describe()}; OpenPose's JSON is an object with a list 'people'"
        )
    image_name = image_name_of(contents.path.stem)
    found = (read_person(person, layout, f"'{contents.path}': person {k}") for k, person in enumerate(people))
    return [
        Person(f"{image_name}_{k}", rows, person_layout, image_name=image_name)
        for k, (rows, person_layout) in enumerate(found)
    ]


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
    key = next((key for key in _POSE_KEYS if isinstance(person, dict) and key in person), None)
    if key is None:
        raise InputError(f"{what} has no pose_keypoints_2d; was OpenPose run without its body part?")
    return layout_by_count(rows_from_json(person[key], f"{what}, {key},"), LAYOUT_BY_COUNT, layout, what)


FORMAT = Format("openpose", "OpenPose JSON with people (BODY_25 or COCO-18)", recognises, read_people)
