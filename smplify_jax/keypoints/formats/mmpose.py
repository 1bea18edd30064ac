"""Predictions of MMPose: what its inferencer writes for each picture or video, and its demos with `--save-predictions`.

- a list of people, or an object with `instance_info` and `meta_info`, which says what the keypoints are: by their names in
  `keypoint_id2name`, else by `dataset_name`;
- of a video, a list of frames with `frame_id` and `instances`, in either place;
- what the inferencer returns, saved as it is: `predictions`, a list of people for each picture, or that list alone.

A person has `keypoints` (K, 2) [px], `keypoint_scores` (K,), `bbox`, two corners, and `track_id` where they were followed. MMPose
wraps boxes, and some versions all of it, in a list of one. Up to version 0.x the score is the third number of a keypoint, and the
fifth of the box. The picture's name is the file's; a video's frames have no pictures, and go by the video's name and their number.
What MMPose trains on is COCO's format. Source: MMPose's documentation, "Inference with existing models", and its descriptions of data
sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import is_number
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS, placed_rows
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    known_corners,
    known_track,
    number_rows,
)
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.point_names import are_names, place_by_name

_LAYOUTS: dict[str, dict[int, str]] = {
    "coco": {17: "coco17"},
    "humanart": {17: "coco17"},
    "ochuman": {17: "coco17"},
    "cocowholebody": {133: "coco23_hands"},
    "ubody": {133: "coco23_hands"},
    "halpe": {136: "halpe26_hands"},
    "halpe26": {26: "halpe26"},
    "mpii": {16: "mpii16"},
    "mhp": {16: "mpii16"},
    "h36m": {17: "h36m17"},
}
"""Layout by the number of keypoints, for each `dataset_name` (in small letters and digits) whose order is a layout's."""

_LIMBS_BY_PAIRS = get_layout("coco17").keypoint_names[5:]
_NAMES: dict[str, tuple[str, ...]] = {
    "posetrack18": ("nose", "head_bottom", "head_top", "left_ear", "right_ear", *_LIMBS_BY_PAIRS),
    "crowdpose": (*_LIMBS_BY_PAIRS, "head_top", "neck"),
    "exlpose": (*_LIMBS_BY_PAIRS, "head_top", "neck"),
    "aic": (
        *("right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
        *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "head_top", "neck"),
    ),
    "jhmdb": (
        *("neck", "belly", "head", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow"),
        *("left_elbow", "right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle"),
    ),
}
"""Names of the keypoints of the other data sets, for files that say no more than `dataset_name`."""

_PREFIX = "results_"
"""What the demos put before the picture's name."""

_PEOPLE_KEYS = ("instance_info", "predictions")


@dataclass(frozen=True)
class _Instance:
    """One person of a prediction, and the frame of the video they are in, None in a picture."""

    value: Any
    frame: int | None = None


@dataclass(frozen=True)
class _Keypoints:
    """What a file says of its keypoints: their names, or the layout by their number."""

    names: tuple[str, ...]
    layouts: dict[int, str]


def recognises(head: FileHead) -> bool:
    """An object with `instance_info` or `predictions`, or a list of people, of lists of them, or of frames with `instances`.

    The people of version 0.x have their keypoints in lists of three numbers, where COCO's results have one list for all.
    """
    if head.kind == "json object":
        return bool({*_PEOPLE_KEYS, "meta_info"} & set(head.names))
    first = head.first
    if head.kind != "json list" or not isinstance(first, (dict, list)):
        return False
    if isinstance(first, list):
        return bool(first) and isinstance(first[0], dict) and "keypoints" in first[0]
    keypoints = first.get("keypoints")
    is_nested = isinstance(keypoints, list) and bool(keypoints) and isinstance(keypoints[0], list)
    return is_nested or "keypoint_scores" in first or "instances" in first


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each frame."""
    people_key, meta = _header(source.path)
    meant = _keypoints(source, meta)
    stem = PurePosixPath(source.name).stem.removeprefix(_PREFIX)
    picture = str(PurePosixPath(source.name).with_name(stem or source.path.stem))

    def make(position: str, instance: _Instance) -> FoundPerson:
        person = instance.value
        rows, layout = placed_rows(_rows(person), meant.names, meant.layouts, source.options.layout, "the person")
        return found_person(
            source,
            position,
            rows,
            layout,
            source_id="" if instance.frame is None else f"frame {instance.frame}",
            image=picture,
            box=_box(person.get("bbox")),
            track_id=known_track(person.get("track_id")),
            frame=instance.frame,
        )

    yield from rows_of(source, _instances(source.path, people_key), make)


def _header(path: Path) -> tuple[str | None, dict[str, Any]]:
    """The key of the people, None in a list, and `meta_info`."""
    people_key, meta = None, {}
    try:
        with opened_json(path) as stream:
            if stream.peek() != "{":
                return None, {}
            for key in stream.members():
                if key == "meta_info":
                    value = stream.value()
                    meta = value if isinstance(value, dict) else {}
                else:
                    stream.skip()
                if key in _PEOPLE_KEYS:
                    people_key = key
                elif people_key or key == "meta_info":
                    people_key = people_key or _PEOPLE_KEYS[0]
                    break  # MMPose writes the people last
    except DamagedFileError:
        pass  # the people before the damage count, and reading them reports it
    return people_key or _PEOPLE_KEYS[0], meta


def _instances(path: Path, key: str | None) -> Iterator[tuple[str, _Instance]]:
    for position, entry in stream_list(path, key):
        if isinstance(entry, list):
            for k, person in enumerate(entry):
                yield f"{position}[{k}]", _Instance(person)
            continue
        people = entry.get("instances") if isinstance(entry, dict) else None
        if not isinstance(people, list):
            yield position, _Instance(entry)
            continue
        frame = entry.get("frame_id")
        number = frame if isinstance(frame, int) else None
        for k, person in enumerate(people):
            yield f"{position}.instances[{k}]", _Instance(person, number)


def _keypoints(source: Source, meta: dict[str, Any]) -> _Keypoints:
    """What the keypoints are, as `meta_info` says; COCO's and its relatives' if there is none.

    Raises:
        InputError: they are of a dataset that is none of ours, such as animals.
    """
    names = _names_of(meta)
    if are_names(names):
        if source.options.layout is None:
            place_by_name(names)  # a file of animals is refused once, not person by person
        return _Keypoints(names, {})
    dataset = meta.get("dataset_name")
    if dataset is None or source.options.layout is not None:
        return _Keypoints((), COCO_LAYOUTS)
    known = re.sub("[^a-z0-9]", "", str(dataset).lower())
    if known not in _LAYOUTS and known not in _NAMES:
        raise InputError(
            f"'{source.path}' has keypoints of the dataset {str(dataset)[:40]!r}; known are "
            f"{', '.join((*_LAYOUTS, *_NAMES))}: name the layout when reading if it is one of the library's"
        )
    return _Keypoints(_NAMES.get(known, ()), _LAYOUTS.get(known, {}))


def _names_of(meta: dict[str, Any]) -> tuple[str, ...]:
    """The names of keypoints 0, 1, ..., from name by number or number by name; none if either has gaps."""
    by_number, by_name = meta.get("keypoint_id2name"), meta.get("keypoint_name2id")
    if isinstance(by_number, dict):
        pairs = by_number
    elif isinstance(by_name, dict):
        pairs = {str(number): name for name, number in by_name.items()}
    else:
        return ()
    names = [pairs.get(str(number)) for number in range(len(pairs))]
    return tuple(str(name) for name in names) if all(isinstance(name, str) for name in names) else ()


def _rows(person: Any) -> np.ndarray:
    """(K, 3) x, y, score of a person.

    Raises:
        InputError: they are no object with K points and K scores.
    """
    if not isinstance(person, dict) or "keypoints" not in person:
        raise InputError("the person has no keypoints and keypoint_scores, as MMPose writes them")
    points = _unwrapped(person["keypoints"], depth=2)
    complaint = "the person's keypoints are not numbers x, y with one score each"
    if "keypoint_scores" not in person:
        if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
            raise InputError("the person has no keypoint_scores, as MMPose writes them")
        return number_rows(points, complaint)
    scores = _unwrapped(person["keypoint_scores"], depth=1)
    if not isinstance(points, list) or not isinstance(scores, list) or len(points) != len(scores):
        raise InputError("the person's keypoints and keypoint_scores are not two lists of the same length")
    rows = [[*point, score] if isinstance(point, list) else [] for point, score in zip(points, scores, strict=True)]
    return number_rows(rows, complaint)


def _unwrapped(value: Any, depth: int) -> Any:
    """What is in a list of one, as long as there are more lists in each other than the depth."""
    inner = value
    for _ in range(depth):
        inner = inner[0] if isinstance(inner, list) and inner else None
    return value[0] if isinstance(inner, list) and len(value) == 1 else value


def _box(value: Any) -> CropBox | None:
    """A box from two corners, in a list of one or not, a score behind them or not."""
    corners = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(corners, list) or len(corners) not in (4, 5) or not all(map(is_number, corners)):
        return None
    return known_corners(corners)


FORMAT = KeypointFormat(
    "mmpose",
    "predictions of MMPose, with keypoint_scores",
    recognises,
    read,
    content="predictions of MMPose: lists of people with `keypoints`, `keypoint_scores`, `bbox`; of frames with "
    "`instances`; or either under `instance_info` or `predictions`; version 0.x, too",
    layouts="by the names in `meta_info`, else by its `dataset_name`, else by the count as for `coco`",
)
