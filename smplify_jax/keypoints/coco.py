"""Reader of COCO keypoint JSON: annotations (an object with `images` and `annotations`) and results (a list of people).

Annotations carry a visibility: 0 not labelled, 1 labelled but hidden, 2 labelled and seen. Confidence is half of it:
a hidden point is the annotator's guess, and 0.5 gives it, in an energy weighted by the confidence squared, twice the
standard deviation of a seen one. People without any labelled point (crowds, people far away) are left out. Where
COCO-WholeBody's `foot_kpts` are present the layout is coco23.

Results carry a score, taken as it is: in [0, 1] for most detectors, higher for some (see `clean_keypoints`). The
score of the whole person is not used. AlphaPose writes the same list with picture names in place of numbers.

Source: the COCO data format page, "Keypoint detection"; Jin et al., ECCV 2020 (COCO-WholeBody).
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.contents import JsonFile
from smplify_jax.keypoints.keypoint_set import is_length
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.reading import (
    UNKNOWN_SIZE,
    Contents,
    Format,
    Person,
    is_number,
    json_value,
    layout_by_count,
    rows_from_json,
)

LAYOUT_BY_COUNT = {17: "coco17", 23: "coco23", 26: "halpe26", 133: "coco23", 136: "halpe26"}
"""Whole-body annotations list the body first, then face and hands, which are left out."""

_NUM_FEET = 6
_ID_WIDTH = 12
"""COCO's pictures are named by their number with this many digits."""


def recognises(contents: Contents) -> bool:
    """An object with `annotations`, or a list of objects with `keypoints`."""
    if not isinstance(contents, JsonFile):
        return False
    value = contents.value
    if isinstance(value, list):
        return all(isinstance(entry, dict) and "keypoints" in entry for entry in value[:1])
    return isinstance(value, dict) and "annotations" in value


def read_people(contents: Contents, layout: str | None = None) -> list[Person]:
    """The people of the file, one for each annotation with a labelled point or for each result.

    Their names are the picture's and the annotation's number, or the place among the picture's results.

    Raises:
        InputError: the JSON is neither annotations nor results, or one of its entries is malformed.
    """
    value = json_value(contents, FORMAT.name)
    if isinstance(value, list):
        return _read_results(value, contents, layout)
    if isinstance(value, dict) and isinstance(value.get("annotations"), list):
        return _read_annotations(value, contents, layout)
    raise InputError(
        f"'{contents.path}' is {contents.describe()}; COCO's JSON is an object with a list 'annotations', or a list of "
        "results with image_id and keypoints"
    )


def _read_results(entries: list[Any], contents: Contents, layout: str | None) -> list[Person]:
    num_in_image: Counter[str] = Counter()
    people = []
    for k, entry in enumerate(entries):
        what = f"'{contents.path}': result {k}"
        if not isinstance(entry, dict) or "keypoints" not in entry:
            raise InputError(f"{what} has no keypoints; expected objects with image_id and keypoints")
        rows, person_layout = layout_by_count(rows_from_json(entry["keypoints"], what), LAYOUT_BY_COUNT, layout, what)
        image_id = entry.get("image_id")
        image = _image_stem(image_id, contents)
        image_name = PurePath(image_id).name if isinstance(image_id, str) else None
        people.append(Person(f"{image}_{num_in_image[image]}", rows, person_layout, image_name=image_name))
        num_in_image[image] += 1
    return people


def _read_annotations(value: dict[str, Any], contents: Contents, layout: str | None) -> list[Person]:
    annotations = _objects(value, "annotations", contents)
    images = {_key(image.get("id")): image for image in _objects(value, "images", contents)}
    has_feet = any("foot_kpts" in annotation for annotation in annotations)
    people = []
    for k, annotation in enumerate(annotations):
        if "keypoints" not in annotation:  # boxes and outlines share these files
            continue
        number = annotation.get("id", k)
        what = f"'{contents.path}': annotation {number}"
        rows = rows_with_feet(annotation, what) if has_feet else rows_from_json(annotation["keypoints"], what)
        if not (rows[:, 2] > 0).any():
            continue
        rows[:, 2] /= 2.0
        rows, person_layout = layout_by_count(rows, LAYOUT_BY_COUNT, layout, what)
        if layout is None:
            _check_names(value, annotation, person_layout, contents)
        image = images.get(_key(annotation.get("image_id")), {})
        file_name = image.get("file_name")
        image_name = PurePath(file_name).name if isinstance(file_name, str) else None
        stem = PurePath(image_name).stem if image_name else _image_stem(annotation.get("image_id"), contents)
        people.append(Person(f"{stem}_{number}", rows, person_layout, _image_size(image, contents), image_name))
    return people


def rows_with_feet(annotation: dict[str, Any], what: str) -> np.ndarray:
    """(K, 3) rows x, y, visibility flag of an annotation, its `foot_kpts` (zeros if it has none) behind its body.

    Args:
        annotation: with `keypoints`.
        what: whose it is, for messages.

    Raises:
        InputError: one of the two is malformed.
    """
    rows = rows_from_json(annotation["keypoints"], what)
    feet = rows_from_json(annotation.get("foot_kpts", [0] * 3 * _NUM_FEET), f"{what}, foot_kpts,")
    if len(feet) != _NUM_FEET:
        raise InputError(f"{what} has {len(feet)} keypoints of the feet; expected {_NUM_FEET}")
    return np.concatenate([rows, feet])


def _check_names(value: dict[str, Any], annotation: dict[str, Any], layout: str, contents: Contents) -> None:
    """Refuse files whose names of keypoints are not those of the layout with that count: other orders, animals."""
    for category in _objects(value, "categories", contents):
        names = category.get("keypoints")
        if category.get("id") != annotation.get("category_id") or not isinstance(names, list):
            continue
        expected = get_layout(layout).keypoint_names
        for given, name in zip(names, expected, strict=False):
            if str(given).strip().lower().replace(" ", "_").replace("-", "_") != name:
                raise InputError(
                    f"'{contents.path}' calls a keypoint {given!r} where layout {layout} has '{name}'; name the layout "
                    "when reading if it is one of the known ones"
                )


def _image_size(image: dict[str, Any], contents: Contents) -> tuple[float, float]:
    width, height = image.get("width"), image.get("height")
    if width is None or height is None:
        return UNKNOWN_SIZE
    if not (is_number(width) and is_number(height) and is_length(width) and is_length(height)):
        raise InputError(
            f"'{contents.path}': image {image.get('id')} has width {width!r} and height {height!r}; expected "
            "pixels, or neither of them"
        )
    return float(width), float(height)


def _image_stem(image_id: Any, contents: Contents) -> str:
    """The picture's name without an ending; the file's own where it has none."""
    return PurePath(image_name_of(image_id)).stem or contents.path.stem


def image_name_of(image_id: Any) -> str:
    """A picture's name from COCO's `image_id`: a name as it is, a number with 12 digits, "" for anything else."""
    if isinstance(image_id, str):
        return image_id
    return f"{image_id:0{_ID_WIDTH}d}" if is_number(image_id) and isinstance(image_id, int) else ""


def _objects(value: dict[str, Any], key: str, contents: Contents) -> list[dict[str, Any]]:
    """The list of objects under a key, empty where the key is absent."""
    entries = value.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"'{contents.path}': '{key}' must be a list of objects, as in COCO's JSON")
    return entries


def _key(number: Any) -> int | str | None:
    """A picture's number or name as a dictionary key; None for anything else."""
    return number if isinstance(number, (int, str)) else None


FORMAT = Format("coco", "COCO JSON with annotations, or a list of results", recognises, read_people)
