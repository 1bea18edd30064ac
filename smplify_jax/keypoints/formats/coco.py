"""COCO's annotations, and what is written like them: PoseTrack, HALPE, COCO-WholeBody, the files that MMPose trains on.

An object with `images` (`id`, `file_name`, `width`, `height`), `annotations` (`id`, `image_id`, `keypoints`, `bbox`, for
COCO-WholeBody `foot_kpts`) and `categories` (names of keypoints). The file is read twice: the pictures first, which stay in
memory (about 300 bytes each), then the annotations one by one.

A keypoint's third number is a flag: 0 not labelled, 1 hidden, 2 seen, of which half is the confidence (see
`smplify_jax.keypoints.coco`). PoseTrack's is 0 or 1, whole. Its 17 keypoints are others than COCO's, with `head_bottom` (the
upper neck) and `head_top` in place of the eyes, and are told from COCO's by their names; they become `openpose25b`, which has
all of them. Annotations with no labelled keypoint (crowds, people far away) are passed over, not rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.coco import LAYOUT_BY_COUNT, image_name_of, rows_with_feet
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, stream_list
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    known_box,
    known_id,
    known_size,
    layout_by_count,
    named_rows,
    rows_from_json,
)
from smplify_jax.keypoints.layouts import get_layout

_COCO_NAMES = get_layout("coco17").keypoint_names
_POSETRACK_NAMES = ("nose", "head_bottom", "head_top", *_COCO_NAMES[3:])
_POSETRACK_IN_LAYOUT = ("nose", "upper_neck", "head_top", *_COCO_NAMES[3:])
_POSETRACK_LAYOUT = "openpose25b"


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
    number = entry.get("id")
    if not isinstance(number, (int, str)):
        return
    if key == "images":
        name = entry.get("file_name")
        header.pictures[number] = (name if isinstance(name, str) else "", entry.get("width"), entry.get("height"))
    elif isinstance(entry.get("keypoints"), list):
        names = (str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in entry["keypoints"])
        header.keypoint_names[number] = tuple(names)


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
    rows, layout = _placed(rows, _names(annotation, header), source.options.layout)
    image, size = _picture(annotation, header)
    return found_person(
        source,
        position,
        rows,
        layout,
        source_id=known_id(annotation.get("id")),
        image=image,
        image_size=size,
        box=known_box(annotation.get("bbox")),
        track_id=known_id(annotation.get("track_id")),
    )


def _names(annotation: dict[str, Any], header: _Header) -> tuple[str, ...]:
    category = annotation.get("category_id")
    return header.keypoint_names.get(category, ()) if isinstance(category, (int, str)) else ()


def _placed(rows: np.ndarray, names: tuple[str, ...], layout: str | None) -> tuple[np.ndarray, str]:
    """Rows with confidences for flags, and their layout.

    Raises:
        InputError: no layout has that count, or the keypoints have other names than the layout's.
    """
    if layout is None and len(rows) == len(names) and names == _POSETRACK_NAMES:
        return named_rows(rows, _POSETRACK_IN_LAYOUT, _POSETRACK_LAYOUT), _POSETRACK_LAYOUT
    rows[:, 2] /= 2.0
    rows, found = layout_by_count(rows, LAYOUT_BY_COUNT, layout, "the annotation")
    if layout is None:
        # What follows the first 17 is told by the count, and has many spellings.
        for given, name in zip(names, _COCO_NAMES, strict=False):
            if given != name:
                raise InputError(
                    f"the file calls a keypoint {given!r} where layout {found} has '{name}'; name the layout when "
                    "reading if it is one of the known ones"
                )
    return rows, found


def _picture(annotation: dict[str, Any], header: _Header) -> tuple[str, tuple[float, float] | None]:
    """Name and size of the annotation's picture.

    Raises:
        InputError: the file lists pictures, but not this one; or its size is none.
    """
    number = annotation.get("image_id")
    known = header.pictures.get(number) if isinstance(number, (int, str)) else None
    if known is None:
        if header.pictures:
            raise InputError(f"its image_id {str(number)[:40]!r} is not among the file's images")
        return image_name_of(number), None
    name, width, height = known
    return name or image_name_of(number), known_size(width, height)


FORMAT = KeypointFormat(
    "coco",
    "COCO's or PoseTrack's JSON with images and annotations",
    recognises,
    read,
    content="JSON with `images`, `annotations`, `categories`: COCO, COCO-WholeBody, HALPE, PoseTrack, what MMPose trains on",
    layouts="17: `coco17`; with `foot_kpts`, 23 or 133: `coco23`; 26 and 136: `halpe26`; PoseTrack's 17: `openpose25b`",
)
