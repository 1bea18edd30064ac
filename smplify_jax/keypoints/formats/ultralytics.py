"""Results of Ultralytics' YOLO-pose as JSON: `results[0].to_json()` (`tojson`, `summary`), and what its web API answers.

A person is an object with `keypoints`: three lists `x`, `y` and `visible`, the scores, which models without them leave out;
`box`: two corners `x1`, `y1`, `x2`, `y2`; and, of a tracker, `track_id`. A picture is a list of people, alone or under
`results`; a video is a list of pictures. The web API writes `{"images": [{"results": [...], "shape": [height, width]}]}`.

Coordinates are pixels, or with `normalize=True` fractions of the picture, which their values tell; the picture's size must then
be known. Keypoints that are not found are (0, 0), whatever their score. The picture's name is the file's.
Source: Ultralytics' documentation, "Results" and "Inference API".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import is_number, layout_by_count
from smplify_jax.keypoints.formats.found import MAX_FRACTION, FoundPerson, found_person, fractions_to_pixels, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Size,
    Source,
    known_corners,
    known_size,
    known_track,
    number_rows,
)

_LIST_KEYS = ("results", "images", "data")
_SIZE_KEYS = ("shape", "orig_shape")
_CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class _Result:
    """One person, what is said of their picture, and the number of its frame, None of a single picture."""

    person: Any
    picture: dict[str, Any]
    frame: int | None = None


def recognises(head: FileHead) -> bool:
    """A list of such people or of pictures with `results`, or an object with one of these lists."""
    if head.kind == "json object":
        is_of_api = {"images", "metadata"} <= set(head.names) or {"data", "success"} <= set(head.names)
        return "results" in head.names or (is_of_api and "annotations" not in head.names)
    if head.kind != "json list":
        return False
    first = next((item for item in head.first if item), None) if isinstance(head.first, list) else head.first
    return _is_person(first) or (isinstance(first, dict) and "results" in first)


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each picture."""
    path = PurePosixPath(source.name)
    picture = str(path.with_name(path.stem or path.name))

    def make(position: str, result: _Result) -> FoundPerson:
        rows, layout = layout_by_count(_rows(result.person), COCO_LAYOUTS, source.options.layout, "the person")
        size = _size(result.picture) or source.image_size(picture)
        return found_person(
            source,
            position,
            fractions_to_pixels(rows, size),
            layout,
            source_id="" if result.frame is None else f"frame {result.frame}",
            image=picture,
            image_size=size,
            box=_box(result.person.get("box"), size),
            track_id=known_track(result.person.get("track_id")),
            frame=result.frame,
        )

    return rows_of(source, _results(source.path), make)


def _is_person(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    keypoints, box = value.get("keypoints"), value.get("box")
    return (isinstance(keypoints, dict) and "x" in keypoints) or (isinstance(box, dict) and "class" in value)


def _results(path: Path) -> Iterator[tuple[str, _Result]]:
    with opened_json(path) as stream:
        key = None if stream.peek() == "[" else _list_key(path)
    for number, (place, item) in enumerate(stream_list(path, key)):
        people, inner, picture = item, place, {}
        if isinstance(item, dict) and "results" in item:
            people, inner, picture = item["results"], f"{place}.results", item
        if people is None:
            continue
        if not isinstance(people, list):
            yield place, _Result(item, {})
            continue
        for k, person in enumerate(people):
            yield f"{inner}[{k}]", _Result(person, picture, number)


def _list_key(path: Path) -> str:
    """The key under which an object has its people or pictures.

    Raises:
        InputError: it has none, or is damaged before it.
    """
    try:
        with opened_json(path) as stream:
            for key in stream.members():
                if key in _LIST_KEYS:
                    return key
                stream.skip()
    except DamagedFileError as error:
        raise InputError(f"'{path}': {error}") from error
    raise InputError(f"'{path}' has no list of people; expected one under {', '.join(_LIST_KEYS)}")


def _rows(person: Any) -> np.ndarray:
    """(K, 3) x, y, score of a person.

    Raises:
        InputError: they have no keypoints, or not as many x as y and scores.
    """
    keypoints = person.get("keypoints") if isinstance(person, dict) else None
    if not isinstance(keypoints, dict) or not keypoints.get("x"):
        raise InputError("the person has no keypoints with x and y; was a model for poses used?")
    x, y, scores = keypoints["x"], keypoints.get("y"), keypoints.get("visible")
    if scores is None and isinstance(x, list):
        scores = [1.0] * len(x)
    if not (
        isinstance(x, list) and isinstance(y, list) and isinstance(scores, list) and len(x) == len(y) == len(scores)
    ):
        raise InputError("the person's keypoints are not lists x, y and visible of one length")
    rows = [[np.nan if value is None else value for value in point] for point in zip(x, y, scores, strict=True)]
    return number_rows(rows, "the person's keypoints are not numbers x, y and visible")


def _size(picture: dict[str, Any]) -> Size | None:
    """Size of a picture from its height and width, in this order; None where it is not said."""
    shape = next((picture[key] for key in _SIZE_KEYS if picture.get(key)), None)
    if not isinstance(shape, list) or len(shape) < 2:
        return None
    return known_size(shape[1], shape[0])


def _box(box: Any, size: Size | None) -> CropBox | None:
    corners: list[Any] = [box.get(key) for key in _CORNERS] if isinstance(box, dict) else []
    if not all(map(is_number, corners)):
        return None
    if all(abs(corner) <= MAX_FRACTION for corner in corners):
        if size is None:
            return None
        corners = [corner * length for corner, length in zip(corners, 2 * size, strict=False)]
    return known_corners(corners)


FORMAT = KeypointFormat(
    "ultralytics",
    "results of Ultralytics' YOLO-pose as JSON",
    recognises,
    read,
    content="YOLO-pose's results: lists of people with `keypoints` {`x`, `y`, `visible`} and `box`, "
    "of pictures or frames of them, under `results` or the web API's `images`",
    layouts="as `coco`",
)
