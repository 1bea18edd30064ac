"""Results of easy_ViTPose as JSON: y comes before x.

An object with `keypoints`, a list of frames (one for a picture), each an object that has for the number of a person their list of
y, x, score [px]; and `skeleton`, the name of each keypoint by its number, by which they are placed. The person's number is
their track. The file is called after the picture or video, with `_result` behind the name.
Source: easy_ViTPose's README, "OUTPUT json format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import read_members, stream_list
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS, placed_rows
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, known_track, number_rows

_FILE_SUFFIX = "_result"


@dataclass(frozen=True)
class _Person:
    """A person's points, their number, and the number of the frame."""

    points: Any
    number: str
    frame: int


def recognises(head: FileHead) -> bool:
    """An object with `keypoints`; `skeleton` may come after more of them than are looked at."""
    return head.kind == "json object" and "keypoints" in head.names and "annotations" not in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each frame."""
    names = _names(source.path)
    path = PurePosixPath(source.name)
    image = str(path.with_name(path.stem.removesuffix(_FILE_SUFFIX) or path.stem or path.name))

    def make(position: str, person: _Person) -> FoundPerson:
        given = _rows(person.points)
        rows, layout = placed_rows(given, names, COCO_LAYOUTS, source.options.layout, "the person")
        return found_person(
            source,
            position,
            rows,
            layout,
            source_id=f"frame {person.frame}",
            image=image,
            track_id=known_track(person.number),
            frame=person.frame,
        )

    yield from rows_of(source, _people(source.path), make)


def _names(path: Path) -> tuple[str, ...]:
    """Names of the keypoints in their order; empty where the file has none.

    Raises:
        InputError: they are no names of keypoints 0, 1, 2, ...
    """
    skeleton = read_members(path, {"skeleton"}).get("skeleton")
    if isinstance(skeleton, list):
        skeleton = {str(k): name for k, name in enumerate(skeleton)}
    if not skeleton:
        return ()
    numbers = [str(k) for k in range(len(skeleton))]
    if not isinstance(skeleton, dict) or set(skeleton) != set(numbers):
        raise InputError(f"'{path}': 'skeleton' does not name keypoints 0, 1, 2 and so on")
    return tuple(str(skeleton[number]) for number in numbers)


def _people(path: Path) -> Iterator[tuple[str, _Person]]:
    for number, (position, frame) in enumerate(stream_list(path, "keypoints")):
        if isinstance(frame, dict):
            for key, points in frame.items():
                yield f"{position}.{key}", _Person(points, key, number)
        elif frame is not None:
            yield position, _Person(frame, "", number)


def _rows(points: Any) -> np.ndarray:
    """(N, 3) x, y, score of a person's y, x, score; null is NaN.

    Raises:
        InputError: they are not three numbers each.
    """
    if not isinstance(points, list) or not points or not all(isinstance(point, list) for point in points):
        raise InputError("the person has no keypoints; expected a list y, x, score for each")
    given = [[np.nan if value is None else value for value in point] for point in points]
    return number_rows(given, "the person's keypoints are not three numbers y, x, score each")[:, [1, 0, 2]]


FORMAT = KeypointFormat(
    "easy-vitpose",
    "results of easy_ViTPose, y before x",
    recognises,
    read,
    content="easy_ViTPose's results: frames of people by number, y before x, and `skeleton`",
    layouts="by the names in `skeleton`",
)
