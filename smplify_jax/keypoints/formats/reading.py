"""What every keypoint format shares: its source, how it declares itself, and how it reads what many formats say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.files.images import read_image_size
from smplify_jax.keypoints.keypoint_set import is_length
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

Row = DatasetRow | RejectedRow
Size = tuple[float, float]

_NUMBER_OR_NULL = {int, float, type(None)}
"""What JSON gives for numbers and null; true and false are none."""

_PICTURE_ENDINGS = ("", ".jpg", ".jpeg", ".png")
"""Tried in turn where a format names pictures without an ending."""


class DamagedFileError(InputError):
    """A file whose rest cannot be read; what came before it counts.

    Attributes:
        position: the place in the file.
    """

    def __init__(self, message: str, position: str = "") -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class ReadOptions:
    """What a caller knows that the files do not say.

    Attributes:
        layout: read the keypoints as this layout, in place of the one that the file says or that its count implies.
        image_size: width and height [px] of pictures whose size is said nowhere else.
        image_folder: where the pictures are, to look up sizes that the files do not say; or the one picture.
    """

    layout: str | None = None
    image_size: Size | None = None
    image_folder: Path | None = None


@dataclass(frozen=True)
class Source:
    """A file of a dataset.

    Attributes:
        path: where it is.
        name: its path from the dataset's folder on, with "/" between: the same on every machine.
        options: what the caller knows.
    """

    path: Path
    name: str
    options: ReadOptions = field(default_factory=ReadOptions)

    def image_size(self, image: str) -> Size | None:
        """Size of a picture that the file gives no size for: the picture's own, else the caller's; None if neither is known."""
        if self.options.image_folder is not None:
            found = _size_in_folder(self.options.image_folder, image)
            if found is not None:
                return found
        return self.options.image_size


class ArrayHead(NamedTuple):
    """What an array's header says.

    Attributes:
        shape: of the array.
        kind: of its numbers, as `numpy.dtype.kind` has it.
    """

    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class FileHead:
    """The beginning of a file, by which its format is recognised.

    Attributes:
        kind: "json object", "json list", "json value", "npz", "tar", "parquet" or "unknown".
        names: an object's keys, the keys of a list's first objects, or the arrays' names.
        first: of a list's first objects the one with the most keys, the list's first value if there is none; None elsewhere.
        arrays: shape and type of an .npz's arrays, as far as they can be read.
        damage: what is broken, as the end of a sentence about the file ("is empty"); "" as far as the beginning shows nothing.
    """

    kind: str
    names: tuple[str, ...] = ()
    first: Any = None
    arrays: Mapping[str, ArrayHead] = field(default_factory=dict)
    damage: str = ""


@dataclass(frozen=True)
class KeypointFormat:
    """A format of keypoint files.

    Attributes:
        name: what users call it.
        description: what such a file holds, for messages.
        recognises: whether a file that begins so has this format; never raises.
        read: the rows of a file, in its order. Raises InputError where nothing of the file can be read.
        content: what such a file holds, in Markdown, for the table of formats; by default the description.
        layouts: which layouts its keypoints have, in Markdown, for the same table.
        endings: of the names of files that are tried when a folder is read.
    """

    name: str
    description: str
    recognises: Callable[[FileHead], bool]
    read: Callable[[Source], Iterator[Row]]
    content: str = ""
    layouts: str = ""
    endings: tuple[str, ...] = (".json",)


def check_layout(source: Source, layout: str, whose: str) -> None:
    """Check that the caller asks for no other layout than the one that a format's keypoints are read as.

    Args:
        source: the file.
        layout: that the keypoints are read as.
        whose: keypoints they are, for the message.

    Raises:
        InputError: they do.
    """
    if source.options.layout not in (None, layout):
        raise InputError(f"{whose} are read as {layout}, not as {source.options.layout}")


def rows_from_json(values: Any, what: str) -> np.ndarray:
    """(K, 3) float64 rows from a flat JSON list x, y, confidence, x, y, confidence, ...; null becomes NaN.

    Args:
        values: what the JSON holds.
        what: whose keypoints they are, for messages.

    Raises:
        InputError: no list, other things than numbers in it, or not three for each keypoint.
    """
    if not isinstance(values, list):
        raise InputError(f"{what} is of type {type(values).__name__}; expected a list of numbers x, y, confidence")
    if not set(map(type, values)) <= _NUMBER_OR_NULL:  # much faster than a look at each, for datasets of millions
        wrong = next(value for value in values if type(value) not in _NUMBER_OR_NULL)
        raise InputError(f"{what} holds {_short(wrong)}; expected a flat list of numbers x, y, confidence")
    if len(values) % 3:
        raise InputError(f"{what} has {len(values)} numbers; expected three for each keypoint: x, y, confidence")
    try:
        return np.array(values, dtype=np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise InputError(f"{what} holds an integer of more than 300 digits; expected pixels") from error


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number: true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def layout_by_count(rows: np.ndarray, layouts: dict[int, str], layout: str | None, what: str) -> tuple[np.ndarray, str]:
    """Rows of the body's keypoints and their layout, told from how many rows there are.

    Args:
        rows: (N, 3) rows of a file.
        layouts: layout name by N; a layout with fewer than N keypoints takes the first ones.
        layout: the layout the caller asked for, in place of the table.
        what: whose keypoints they are, for messages.

    Raises:
        InputError: no layout has that count, or not the layout asked for.
    """
    num_rows = len(rows)
    if layout is not None:
        check_count(num_rows, layout, what)
        return rows, layout
    if num_rows not in layouts:
        known = ", ".join(f"{count} ({name})" for count, name in layouts.items())
        raise InputError(f"{what} has {num_rows} keypoints; known counts are {known}")
    name = layouts[num_rows]
    return rows[: get_layout(name).num_keypoints], name


def check_count(num_keypoints: int, layout: str, what: str) -> None:
    """Check a count against a layout.

    Raises:
        InputError: the layout is unknown or has another number of keypoints.
    """
    expected = get_layout(layout).num_keypoints
    if num_keypoints != expected:
        raise InputError(
            f"{what} has {num_keypoints} keypoints, but layout {layout} has {expected}; name another layout"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def number_rows(rows: list[list[Any]], complaint: str) -> np.ndarray:
    """(K, 3) float64 rows from K lists of JSON values.

    Raises:
        InputError: the complaint, if they are not three numbers each; or a number is too large for float64.
    """
    if not all(len(row) == 3 and all(map(is_number, row)) for row in rows):
        raise InputError(complaint)
    try:
        return np.array(rows, np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise InputError("a keypoint holds an integer of more than 300 digits") from error


def known_size(width: Any, height: Any) -> Size | None:
    """A picture's size from what a file says of it; None where it says nothing.

    Raises:
        InputError: one of them is missing, or is no length in pixels.
    """
    if (width, height) == (None, None):
        return None
    if not (is_number(width) and is_number(height) and is_length(width) and is_length(height)):
        raise InputError(f"the picture has width {width!r} and height {height!r}; expected pixels, or neither of them")
    return float(width), float(height)


def known_box(values: Any) -> CropBox | None:
    """A person's box from a file's list left, top, width, height [px]; None where it is no box.

    Boxes are no reason to reject a person: a fit does without.
    """
    if not isinstance(values, list) or len(values) != 4 or not all(map(is_number, values)):
        return None
    left, top, width, height = map(float, values)
    # Comparisons with NaN are false, and no picture is this large.
    if not (abs(left) < 1e9 and abs(top) < 1e9 and 0 < width < 1e9 and 0 < height < 1e9):
        return None
    return CropBox.from_xywh(left, top, width, height)


def known_id(value: Any) -> str:
    """What a file calls a record or a person: a whole number or a text, alone or in a list of one; "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, float) and value.is_integer():  # AlphaPose writes 3 as [3.0]
        value = int(value)
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""


def known_gender(value: object) -> str | None:
    """A gender as `DatasetRow` has it from what a dataset writes ("f", "m", "n", ...); None for anything else."""
    return _GENDERS.get(str(value).strip().lower())


_GENDERS: Mapping[str, str] = {
    spelling: gender for gender in ("female", "male", "neutral") for spelling in (gender, gender[0])
}


def named_rows(rows: np.ndarray, names: tuple[str, ...], layout: str) -> np.ndarray:
    """(K, 3) rows in the order of a layout: those of other points are left out, and points without a row are zeros.

    Args:
        rows: (N, 3) x, y, confidence.
        names: N names of keypoints in the layout's words, "" for those it has not.
        layout: name of the layout.
    """
    ordered = np.zeros((get_layout(layout).num_keypoints, 3), rows.dtype)
    for row, name in zip(rows, names, strict=True):
        if name:
            ordered[get_layout(layout).index(name)] = row
    return ordered


@lru_cache(maxsize=4096)  # the people of a picture follow each other
def _size_in_folder(folder: Path, image: str) -> Size | None:
    for path in _candidates(folder, image):
        if os.path.isfile(path):
            width, height = read_image_size(path)
            return float(width), float(height)
    return None


def _candidates(folder: Path, image: str) -> Iterator[Path]:
    """Where a picture may be: in the folder as the format names it, or directly; or it is the only one."""
    if folder.is_file():
        if PurePath(image).name in ("", folder.name, folder.stem):
            yield folder
        return
    for name in dict.fromkeys((image, PurePath(image).name)):
        for ending in _PICTURE_ENDINGS:
            yield folder / f"{name}{ending}"
