"""COCO's annotations, and what is written like them: PoseTrack, HALPE, COCO-WholeBody, the files that MMPose trains on.

An object with `images` (`id`, `file_name`, `width`, `height`), `annotations` (`id`, `image_id`, `keypoints`, `bbox`, for
COCO-WholeBody `foot_kpts`, `lefthand_kpts`, `righthand_kpts`) and `categories` (names of keypoints). The file is read twice: the
pictures first, which stay in memory (about 300 bytes each), then the annotations one by one.

Keypoints are placed by the names in `categories`, whatever their number and order: COCO's 17, CrowdPose's and AI Challenger's
14, MHP's 16, JHMDB's 15, PoseTrack's and Human3.6M's 17. By their count only where there are no names, as in HALPE.

A keypoint's third number is a flag: 0 not labelled, 1 hidden, 2 seen. Confidence is half of it: a hidden point is the annotator's
guess, and 0.5 gives it, in an energy weighted by the confidence squared, twice the standard deviation of a seen one. PoseTrack's and
Human3.6M's flags are 0 or 1, whole. 3, which AI Challenger's own flags have for points outside the picture, is not labelled. JHMDB
counts pixels from 1, as Matlab does; one is taken off. Annotations with no labelled keypoint (crowds, people far away) are passed
over, not rejected.

A person's track is `track_id` or `person_id` of the annotation, or of its `attributes`, where CVAT has it.

Sources: the COCO data format page, "Keypoint detection"; Jin et al., ECCV 2020 (COCO-WholeBody); the annotations of these data sets
as MMPose has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import is_number, rows_from_json
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.outside import id_key
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS, placed_rows
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    known_box,
    known_size,
    known_track,
)
from smplify_jax.keypoints.hands import Hands, check_hand, with_hands
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.point_names import point_of

_FEET = get_layout("coco23").keypoint_names[17:]
_HAND_KEYS = ("lefthand_kpts", "righthand_kpts")
_ID_WIDTH = 12
"""COCO's pictures are named by their number with this many digits."""

_OUTSIDE = 3
"""AI Challenger's flag of a point outside the picture."""


@dataclass(frozen=True)
class _Header:
    """What annotations refer to.

    Attributes:
        pictures: file name, width and height as the file says them, by id.
        keypoint_names: of each category, by id.
    """

    pictures: dict[Any, tuple[str, Any, Any]]
    keypoint_names: dict[Any, tuple[str, ...]]


def recognises(head: FileHead) -> bool:
    """A JSON object with `annotations` or `images`."""
    return head.kind == "json object" and ("annotations" in head.names or "images" in head.names)


def read(source: Source) -> Iterator[Row]:
    """A row for each annotation with a labelled keypoint."""
    header = _read_header(source.path)

    def make(position: str, annotation: Any) -> FoundPerson | None:
        return _make_row(source, position, annotation, header)

    yield from rows_of(source, stream_list(source.path, "annotations"), make)


def _read_header(path: Path) -> _Header:
    header = _Header({}, {})
    wanted = {"images", "categories"}
    try:
        with opened_json(path) as stream:
            for key in stream.members():
                if key not in wanted or stream.peek() != "[":
                    stream.skip()
                    continue
                for entry in stream.items():
                    if isinstance(entry, dict):
                        _enter(entry, key, header)
                wanted.remove(key)
                if not wanted:
                    break
    except DamagedFileError:
        pass  # the annotations before the damage count, and reading them reports it
    return header


def _enter(entry: dict[str, Any], key: str, header: _Header) -> None:
    number = id_key(entry.get("id"))
    if number is None:
        return
    if key == "images":
        name = entry.get("file_name")
        header.pictures[number] = (name if isinstance(name, str) else "", entry.get("width"), entry.get("height"))
    elif isinstance(entry.get("keypoints"), list):
        header.keypoint_names[number] = tuple(map(str, entry["keypoints"]))


def _make_row(source: Source, position: str, annotation: Any, header: _Header) -> FoundPerson | None:
    if not isinstance(annotation, dict):
        raise InputError(f"the annotation is of type {type(annotation).__name__}; expected an object")
    if "keypoints" not in annotation:  # boxes and outlines share these files
        return None
    what = "the annotation"
    rows = (
        rows_with_feet(annotation, what) if "foot_kpts" in annotation else rows_from_json(annotation["keypoints"], what)
    )
    if (rows[:, 2] == 0).all():
        return None
    names, asked = _names(annotation, header), source.options.layout
    rows, layout = placed_rows(_with_confidences(rows, names), names, COCO_LAYOUTS, asked, what)
    rows, layout = with_hands(rows, layout, _hands(annotation, names, what), asked)
    image, size = _picture(annotation, header)
    return found_person(
        source,
        position,
        rows,
        layout,
        source_id=str(number) if isinstance(number := annotation.get("id"), (int, str)) else "",
        image=image,
        image_size=size,
        box=known_box(annotation.get("bbox")),
        track_id=_track(annotation),
    )


def _names(annotation: dict[str, Any], header: _Header) -> tuple[str, ...]:
    """The file's names of the annotation's keypoints: those of its category, or of the only one that has names."""
    category = annotation.get("category_id")
    names = header.keypoint_names.get(id_key(category))
    if names is None:
        all_names = set(header.keypoint_names.values())
        names = all_names.pop() if len(all_names) == 1 else ()
    return (*names, *_FEET) if "foot_kpts" in annotation and names else names


@dataclass(frozen=True)
class _Flags:
    """How a dataset writes its points: whether its flags are 0 or 1, and the number of the first pixel."""

    are_whole: bool
    first_pixel: float


@lru_cache(maxsize=64)
def _flags_of(names: tuple[str, ...]) -> _Flags:
    """Those of the dataset that uses these names."""
    points = set(map(point_of, names))
    is_posetrack = {"upper_neck", "head_top", "nose"} <= points and "left_eye" not in points
    is_human36m = "spine" in points
    is_jhmdb = "belly" in points
    return _Flags(is_posetrack or is_human36m, 1.0 if is_jhmdb else 0.0)


def _with_confidences(rows: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(N, 3) rows x, y, confidence from x, y, flag, which are overwritten."""
    flags = _flags_of(names)
    rows[rows[:, 2] == _OUTSIDE, 2] = 0.0
    if not flags.are_whole:
        rows[:, 2] /= 2.0
    if flags.first_pixel:
        rows[:, :2] -= flags.first_pixel
    return rows


def _track(annotation: dict[str, Any]) -> str:
    for place in (annotation, annotation.get("attributes")):
        if isinstance(place, dict):
            found = known_track(place.get("track_id")) or known_track(place.get("person_id"))
            if found:
                return found
    return ""


def rows_with_feet(annotation: dict[str, Any], what: str) -> np.ndarray:
    """(K, 3) rows x, y, visibility flag of an annotation, its `foot_kpts` (zeros if it has none) behind its body.

    Args:
        annotation: with `keypoints`.
        what: whose it is, for messages.

    Raises:
        InputError: one of the two is malformed.
    """
    rows = rows_from_json(annotation["keypoints"], what)
    feet = rows_from_json(annotation.get("foot_kpts", [0] * 3 * len(_FEET)), f"{what}, foot_kpts,")
    if len(feet) != len(_FEET):
        raise InputError(f"{what} has {len(feet)} keypoints of the feet; expected {len(_FEET)}")
    return np.concatenate([rows, feet])


def _hands(annotation: dict[str, Any], names: tuple[str, ...], what: str) -> Hands:
    """The hands in lists of their own, x, y, confidence: all zeros where nobody labelled them.

    Raises:
        InputError: one of them is malformed.
    """
    found = [rows_from_json(annotation[key], f"{what}, {key},") if annotation.get(key) else None for key in _HAND_KEYS]
    for key, rows in zip(_HAND_KEYS, found, strict=True):
        check_hand(rows, f"{what}, {key},")
    return Hands(*(None if rows is None else _with_confidences(rows, names) for rows in found))


def image_name_of(image_id: Any) -> str:
    """A picture's name from COCO's `image_id`: a name as it is, a number with 12 digits, "" for anything else."""
    if isinstance(image_id, str):
        return image_id
    return f"{image_id:0{_ID_WIDTH}d}" if is_number(image_id) and isinstance(image_id, int) else ""


def _picture(annotation: dict[str, Any], header: _Header) -> tuple[str, tuple[float, float] | None]:
    """Name and size of the annotation's picture.

    Raises:
        InputError: the file lists pictures, but not this one; or its size is none.
    """
    number = annotation.get("image_id")
    known = header.pictures.get(id_key(number))
    if known is None:
        if header.pictures:
            raise InputError(f"its image_id {str(number)[:40]!r} is not among the file's images")
        return image_name_of(number), None
    name, width, height = known
    return name or image_name_of(number), known_size(width, height)


FORMAT = KeypointFormat(
    "coco",
    "COCO's JSON with images and annotations, or one like it",
    recognises,
    read,
    content="JSON with `images`, `annotations`, `categories`: COCO, COCO-WholeBody, HALPE, PoseTrack, CrowdPose, AI "
    "Challenger, MHP, JHMDB, Human-Art, exports of CVAT and Roboflow, what MMPose trains on",
    layouts="by the [names](#names-of-keypoints) in `categories`; without names 17: `coco17`; with `foot_kpts` or "
    "23: `coco23`; with `lefthand_kpts` or `righthand_kpts`, or 133: `coco23_hands`; 26: `halpe26`; 136: `halpe26_hands`",
)
