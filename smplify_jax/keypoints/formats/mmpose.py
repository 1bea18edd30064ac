"""Predictions of MMPose: what its inferencer writes for each picture or video, and its demos with `--save-predictions`.

- a list of people, or an object with `instance_info` and `meta_info`, whose `dataset_name` says which keypoints they are;
- of a video, a list of frames with `frame_id` and `instances`, in either place.

A person has `keypoints` (K, 2) [px], `keypoint_scores` (K,) and `bbox`, two corners, which MMPose wraps in a list of one.
The picture's name is the file's; a video's frames have no pictures, and go by the video's name and their number.
What MMPose trains on is COCO's format. Source: MMPose's documentation, "Inference with existing models".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.keypoints.coco import LAYOUT_BY_COUNT
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    is_number,
    known_box,
    layout_by_count,
    number_rows,
)

_DATASETS: dict[str, dict[int, str]] = {
    "coco": {17: "coco17"},
    "coco_wholebody": {133: "coco23"},
    "halpe": {136: "halpe26"},
    "halpe26": {26: "halpe26"},
    "mpii": {16: "mpii16"},
    "h36m": {17: "h36m17"},
}
"""Layout by the number of keypoints, for each `dataset_name` whose keypoints the library knows."""

_PREFIX = "results_"
"""What the demos put before the picture's name."""


@dataclass(frozen=True)
class _Instance:
    """One person of a prediction, and the frame of the video they are in, None in a picture."""

    value: Any
    frame: int | None = None


def recognises(head: FileHead) -> bool:
    """An object with `instance_info`, or a list of people with `keypoint_scores` or of frames with `instances`."""
    if head.kind == "json object":
        return "instance_info" in head.names or "meta_info" in head.names
    return head.kind == "json list" and ("keypoint_scores" in head.names or "instances" in head.names)


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each frame."""
    with opened_json(source.path) as stream:
        is_object = stream.peek() == "{"
    layouts = _layouts(source.path) if is_object and source.options.layout is None else LAYOUT_BY_COUNT
    stem = PurePosixPath(source.name).stem.removeprefix(_PREFIX)
    picture = str(PurePosixPath(source.name).with_name(stem or source.path.stem))

    def make(position: str, instance: _Instance) -> FoundPerson:
        rows, layout = layout_by_count(_rows(instance.value), layouts, source.options.layout, "the person")
        source_id = "" if instance.frame is None else f"frame {instance.frame}"
        return found_person(
            source, position, rows, layout, source_id=source_id, image=picture, box=_box(instance.value.get("bbox"))
        )

    yield from rows_of(source, _instances(source.path, "instance_info" if is_object else None), make)


def _instances(path: Path, key: str | None) -> Iterator[tuple[str, _Instance]]:
    for position, entry in stream_list(path, key):
        people = entry.get("instances") if isinstance(entry, dict) else None
        if not isinstance(people, list):
            yield position, _Instance(entry)
            continue
        frame = entry.get("frame_id")
        number = frame if isinstance(frame, int) else None
        for k, person in enumerate(people):
            yield f"{position}.instances[{k}]", _Instance(person, number)


def _layouts(path: Path) -> dict[int, str]:
    """Layout by count, for the keypoints that the file's `meta_info` names; COCO's and its relatives' if it has none.

    Raises:
        InputError: they are of a dataset that is none of ours, such as animals.
    """
    name = None
    try:
        with opened_json(path) as stream:
            for key in stream.members():
                if key == "instance_info":
                    break  # MMPose writes the other first
                value = stream.value()
                if key == "meta_info" and isinstance(value, dict):
                    name = value.get("dataset_name")
    except DamagedFileError:
        pass  # the people before the damage count, and reading them reports it
    if name is None:
        return LAYOUT_BY_COUNT
    if name not in _DATASETS:
        raise InputError(
            f"'{path}' has keypoints of the dataset {str(name)[:40]!r}; known are {', '.join(_DATASETS)}: name the "
            "layout when reading if it is one of the library's"
        )
    return _DATASETS[name]


def _rows(person: Any) -> np.ndarray:
    """(K, 3) x, y, score of a person.

    Raises:
        InputError: they are no object with K points and K scores.
    """
    if not isinstance(person, dict) or "keypoints" not in person or "keypoint_scores" not in person:
        raise InputError("the person has no keypoints and keypoint_scores, as MMPose writes them")
    points, scores = person["keypoints"], person["keypoint_scores"]
    if not isinstance(points, list) or not isinstance(scores, list) or len(points) != len(scores):
        raise InputError("the person's keypoints and keypoint_scores are not two lists of the same length")
    rows = [[*point, score] if isinstance(point, list) else [] for point, score in zip(points, scores, strict=True)]
    return number_rows(rows, "the person's keypoints are not numbers x, y with one score each")


def _box(value: Any) -> CropBox | None:
    corners = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(corners, list) or len(corners) != 4 or not all(map(is_number, corners)):
        return None
    left, top, right, bottom = corners
    return known_box([left, top, right - left, bottom - top])


FORMAT = KeypointFormat(
    "mmpose",
    "predictions of MMPose, with keypoint_scores",
    recognises,
    read,
    content="predictions of MMPose: lists of people with `keypoints`, `keypoint_scores`, `bbox`; "
    "of frames with `instances`; or either under `instance_info`",
    layouts="as `meta_info` says, or by the count as for `coco`",
)
