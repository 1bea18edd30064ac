"""COCO's results, a list of people with `image_id`, `keypoints`, `score` and `bbox`, such as detectors write for evaluation.

The pictures' sizes are not in such a list: give the folder of the pictures, whose names are their numbers with 12 digits.
Scores are confidences as they are, up to 1. The score of the whole person is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.coco import image_name_of
from smplify_jax.keypoints.formats.flat_rows import layout_by_count, rows_from_json
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import stream_list
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, known_box, known_track


def recognises(head: FileHead) -> bool:
    """A JSON list of objects with `keypoints` that hold their scores, or an empty list."""
    has_keypoints = "keypoints" in head.names and "keypoint_scores" not in head.names
    if head.kind != "json list" or head.first is None:
        return head.kind == "json list"
    return has_keypoints and not isinstance(head.first.get("keypoints"), dict)


def read(source: Source) -> Iterator[Row]:
    """A row for each result."""
    return read_results(source, COCO_LAYOUTS, "bbox")


def read_results(source: Source, layouts: dict[int, str], box_key: str) -> Iterator[Row]:
    """A row for each entry of a list of people.

    Args:
        source: the file.
        layouts: layout name by the number of keypoints.
        box_key: where a person's box is: left, top, width, height [px].
    """

    def make(position: str, result: Any) -> FoundPerson:
        if not isinstance(result, dict) or "keypoints" not in result:
            raise InputError("the result has no keypoints; expected an object with image_id and keypoints")
        what = "the result"
        given = rows_from_json(result["keypoints"], what)
        rows, layout = layout_by_count(given, layouts, source.options.layout, what)
        image = image_name_of(result.get("image_id"))
        return found_person(
            source,
            position,
            rows,
            layout,
            image=image,
            box=known_box(result.get(box_key)),
            track_id=known_track(result.get("track_id", result.get("idx"))),
        )

    return rows_of(source, stream_list(source.path), make)


FORMAT = KeypointFormat(
    "coco-results",
    "a JSON list of COCO's results",
    recognises,
    read,
    content="JSON list of results: `image_id` (a number), `keypoints`, `bbox`",
    layouts="as `coco`",
)
