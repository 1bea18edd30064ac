"""AlphaPose's JSON, in each of its forms.

- By default a list of people like COCO's results, with the picture's name as `image_id`, the box as `box`, and `idx` for a person
  who was followed. 17 keypoints are COCO's; 26, 68 (without face) and 136 HALPE's, whose body, feet and knuckles are kept, as of
  133, COCO-WholeBody's; 16 MPII's of its first version.
- With `--format cmu`, `bodies` with `joints`; with `--format open`, `people` with `pose_keypoints_2d`: an object for each picture by
  its name, or that of one picture alone in its file. Both have 18 keypoints in OpenPose's order, whose neck is the midpoint of
  the shoulders (`openpose18`).

Its documentation gives confidences up to 1, and up to 6 for models trained on COCO, whose heat maps it sums; nothing in the
file tells which. They are cut at 1, so that a sum above 1 is what it says, surely seen.
Source: AlphaPose's documentation, "Output format" and "Multi Domain Models".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.coco_results import read_results
from smplify_jax.keypoints.formats.flat_rows import layout_by_count, rows_from_json
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import JsonStream, opened_json
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source

_LAYOUT_BY_COUNT = {**COCO_LAYOUTS, 16: "mpii16", 68: "halpe26_hands"}
_LAYOUT_OF_BODIES = {18: "openpose18"}

_KEYPOINTS = {"bodies": "joints", "people": "pose_keypoints_2d"}
"""The key of a person's keypoints, by that of the people."""


@dataclass(frozen=True)
class _Body:
    """One person of a picture, by the key of the people that they are among."""

    value: Any
    among: str
    image: str


def recognises(head: FileHead) -> bool:
    """A list of objects with `keypoints`, of pictures that have names and not numbers; or an object with `bodies`, or of such objects."""
    if head.kind == "json object":
        is_by_picture = isinstance(head.first, dict) and bool(set(_KEYPOINTS) & set(head.first))
        return "bodies" in head.names or is_by_picture
    has_keypoints = head.kind == "json list" and "keypoints" in head.names
    return has_keypoints and isinstance(head.first.get("image_id"), str)


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""
    with opened_json(source.path) as stream:
        is_list = stream.peek() == "["
    if is_list:
        return read_results(source, _LAYOUT_BY_COUNT, "box")

    def make(position: str, body: _Body) -> FoundPerson:
        key = _KEYPOINTS[body.among]
        if not isinstance(body.value, dict) or key not in body.value:
            raise InputError(f"the person has no {key}, which AlphaPose writes under {body.among}")
        given = rows_from_json(body.value[key], "the person")
        rows, layout = layout_by_count(given, _LAYOUT_OF_BODIES, source.options.layout, "the person")
        return found_person(source, position, rows, layout, image=source.image_name(body.image))

    return rows_of(source, _bodies(source.path, str(PurePosixPath(source.name).with_suffix(""))), make)


def _bodies(path: Path, image: str) -> Iterator[tuple[str, _Body]]:
    """Position and body of each person.

    Args:
        path: the file.
        image: the picture's name where the file has none, being that of one picture.
    """
    with opened_json(path) as stream:
        for key in stream.members():
            if key in _KEYPOINTS and stream.peek() == "[":
                yield from _listed(stream, key, image)
            elif stream.peek() == "{":
                yield from _of_picture(stream.value(), key)
            else:
                stream.skip()


def _listed(stream: JsonStream, key: str, image: str) -> Iterator[tuple[str, _Body]]:
    for k, person in enumerate(stream.items()):
        yield f"{key}[{k}]", _Body(person, key, image)


def _of_picture(picture: dict[str, Any], image: str) -> Iterator[tuple[str, _Body]]:
    for key in _KEYPOINTS:
        people = picture.get(key)
        if isinstance(people, list):
            for k, person in enumerate(people):
                yield f"{image}.{key}[{k}]", _Body(person, key, image)


FORMAT = KeypointFormat(
    "alphapose",
    "AlphaPose's JSON: a list whose image_id is a name, or bodies",
    recognises,
    read,
    content="AlphaPose's JSON list: `image_id` (a name), `keypoints`, `box`, `idx`; and what `--format cmu` and "
    "`open` write, one file a picture or one for all",
    layouts="as `coco`, and 16: `mpii16`, 68: `halpe26_hands`; `cmu` and `open`: `openpose18`",
)
