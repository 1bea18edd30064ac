"""YOLO-pose's text files: labels to train on, and what Ultralytics writes with `save_txt`.

A file for each picture, a line for each person: the class, the box (centre, width, height), then the keypoints x, y, v or x, y,
and where predictions are saved with them, the score of the person and the number of their track. The numbers are separated
by spaces and are fractions of the picture, whose size must be known: pictures lie in a folder `images` as the files do in
`labels`, and have their names. An empty file is a picture without people.

v is a score, or in a file that has a 2 COCO's flag, of which half counts (see `smplify_jax.keypoints.formats.coco`): 0 not
labelled, 1 hidden, 2 seen. Not found is also (0, 0). 17 keypoints are COCO's, 23 also with feet, 26 and 136 HALPE's, 133 COCO-WholeBody's;
without v only 17 are told by their number, because lines of others could be taken for these.
Source: Ultralytics' documentation, "Pose Estimation Datasets Overview".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.files.plain import opened_text
from smplify_jax.keypoints.formats.flat_rows import layout_by_count
from smplify_jax.keypoints.formats.found import (
    MAX_FRACTION,
    FoundPerson,
    are_fractions,
    found_person,
    fractions_to_pixels,
    rows_of,
)
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Size,
    Source,
    known_box,
    known_track,
)
from smplify_jax.keypoints.layouts import HAND_LAYOUTS, get_layout

_NUM_BEFORE = 5
"""Numbers before the keypoints: class and box."""

_NUM_BEHIND = (0, 1, 2)
"""Numbers behind the keypoints: score and track, or one of them."""

_MAX_LINE = 2**16
"""Characters; what is longer is no line of numbers."""


@dataclass(frozen=True)
class _Line:
    """The numbers of a line, by what they mean; keypoints (K, 3), without v with ones for it."""

    box: list[float]
    keypoints: np.ndarray
    layout: str
    track_id: str


def recognises(head: FileHead) -> bool:
    """A text whose first line is a class and at least a box, all numbers with spaces between them; or an empty text."""
    if head.kind != "text":
        return False
    words = head.first.split()
    return not words or (len(words) >= _NUM_BEFORE and words[0].isdecimal() and all(map(_is_number, words)))


def read(source: Source) -> Iterator[Row]:
    """A row for each line."""
    image = _image_name(PurePosixPath(source.name))
    has_flags = _has_flags(source)

    def make(position: str, text: str) -> FoundPerson | None:
        if not text.strip():
            return None
        line = _parsed(text, source.options.layout)
        if has_flags:
            line.keypoints[:, 2] /= 2.0
        size = source.image_size(image)
        if size is None and are_fractions(line.keypoints):
            raise InputError(
                "the size of the picture is not known, and YOLO's coordinates are fractions of it; give the folder of "
                "the pictures, or their size"
            )
        return found_person(
            source,
            position,
            fractions_to_pixels(line.keypoints, size),
            line.layout,
            image=image,
            image_size=size,
            box=_box(line.box, size),
            track_id=line.track_id,
        )

    return rows_of(source, _lines(source.path), make)


def _image_name(file: PurePosixPath) -> str:
    """The picture's name without its ending: the file's from the folder `labels` on, if there is one."""
    folders = file.parts[:-1]
    start = max((k + 1 for k, folder in enumerate(folders) if folder == "labels"), default=0)
    return str(PurePosixPath(*folders[start:], file.stem))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    number = 0
    try:
        with opened_text(path) as file:
            while text := file.readline(_MAX_LINE):
                number += 1
                if len(text) == _MAX_LINE:
                    raise DamagedFileError(f"the line is longer than {_MAX_LINE} characters", f"line {number}")
                yield f"line {number}", text
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"damaged text ({error}); nothing after it is read", f"line {number + 1}") from error


def _has_flags(source: Source) -> bool:
    """Whether v is a flag in this file: a whole number everywhere, and somewhere 2."""
    values: set[float] = set()
    try:
        for _, text in _lines(source.path):
            try:
                values |= set(_parsed(text, source.options.layout).keypoints[:, 2].tolist())
            except InputError:
                continue  # reading it again says so
    except DamagedFileError:
        pass
    return 2.0 in values and values <= {0.0, 1.0, 2.0}


def _parsed(text: str, layout: str | None) -> _Line:
    """What the words of a line mean.

    Raises:
        InputError: they are no numbers, or not as many as a known number of keypoints needs.
    """
    words = text.split()
    if not all(map(_is_number, words)):
        raise InputError("the line holds other words than numbers")
    num_rest = len(words) - _NUM_BEFORE
    if num_rest <= 1:
        raise InputError(
            f"the line has {len(words)} numbers, a class and a box without keypoints; were poses labelled?"
        )
    fitting = (form for form in _forms(layout) if num_rest - form[0] * form[1] in _NUM_BEHIND)
    form = next(fitting, None)
    if form is None:
        known = layout or ", ".join(map(str, COCO_LAYOUTS))
        raise InputError(
            f"the line has {num_rest} numbers behind its box; expected x, y, v of {known} keypoints, or x, y of "
            f"{layout or 17}, and up to two more"
        )
    num_keypoints, num_columns = form
    end = _NUM_BEFORE + num_keypoints * num_columns
    keypoints = np.array([float(word) for word in words[_NUM_BEFORE:end]]).reshape(num_keypoints, num_columns)
    if num_columns == 2:
        keypoints = np.concatenate([keypoints, np.ones((num_keypoints, 1))], axis=1)
    box = [float(word) for word in words[1:_NUM_BEFORE]]
    keypoints, name = layout_by_count(keypoints, COCO_LAYOUTS, layout, "the line")
    return _Line(box, keypoints, name, _track(words[end:]))


def _forms(layout: str | None) -> Iterator[tuple[int, int]]:
    """Number of keypoints, and numbers of each, in the order in which they are tried."""
    if layout is None:
        yield from ((count, 3) for count in COCO_LAYOUTS)
        yield 17, 2
        return
    with_hands = [count for count, name in COCO_LAYOUTS.items() if layout in (name, *HAND_LAYOUTS.get(name, ())[:1])]
    yield from product(dict.fromkeys([get_layout(layout).num_keypoints, *with_hands]), (3, 2))


def _track(words: list[str]) -> str:
    """The track that the last word is: of one alone, only where it is a whole number, and no score."""
    if len(words) == 2 or (words and words[0].isdecimal()):
        return known_track(float(words[-1]))
    return ""


def _box(values: list[float], size: Size | None) -> CropBox | None:
    x, y, width, height = values
    if max(map(abs, values)) <= MAX_FRACTION:
        if size is None:
            return None
        x, y, width, height = x * size[0], y * size[1], width * size[0], height * size[1]
    return known_box([x - width / 2, y - height / 2, width, height])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


FORMAT = KeypointFormat(
    "yolo",
    "YOLO-pose's text files, a line a person",
    recognises,
    read,
    content="YOLO-pose's `.txt`, a line a person: class, box, keypoints with or without v, score, track",
    layouts="as `coco`; without v 17: `coco17`",
    endings=(".txt",),
)
