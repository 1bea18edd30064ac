"""What every keypoint format shares: its source, how it declares itself, and how it reads what many formats say."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.keypoints.formats.flat_rows import is_number
from smplify_jax.keypoints.formats.picture_lookup import FoundPicture, find_picture, size_of_picture
from smplify_jax.keypoints.keypoint_set import is_length
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

Row = DatasetRow | RejectedRow
Size = tuple[float, float]

_MAX_TRACK_LENGTH = 100
_MAX_TRACK = 2**63

WITHOUT_KEYPOINTS, OTHER_FILE = "records without keypoints", "files of other kinds"
LINKED_AGAIN = "links to folders that were read already"
"""What is passed over."""


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
        pictures_anywhere: look also where pictures' names, or links, lead out of that folder.
        passed_over: counts what is neither a person nor rejected, by what it is, if a caller wants to know.
    """

    layout: str | None = None
    image_size: Size | None = None
    image_folder: Path | None = None
    pictures_anywhere: bool = False
    passed_over: Counter[str] | None = field(default=None, compare=False)

    def pass_over(self, what: str) -> None:
        """Count one thing that holds no person, such as `WITHOUT_KEYPOINTS`."""
        if self.passed_over is not None:
            self.passed_over[what] += 1


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
        """Size of a picture that the file gives no size for: the picture's own, else the caller's; None if neither is known.

        Raises:
            InputError: the caller gives none, and the picture's name, or a link, leads out of the folder of pictures.
        """
        found = self._found(image)
        if found is None:
            return self.options.image_size
        if found.is_outside:
            if self.options.image_size is None:
                raise InputError(_OUTSIDE)
            return self.options.image_size
        return size_of_picture(found.path)

    def image_name(self, image: str) -> str:
        """A picture's name with the ending that it has in the folder of pictures; as it is where it has one, or is not there."""
        # Not by pathlib, which interns the name of every picture.
        if self.options.image_folder is None or os.path.splitext(image)[1].lower() in IMAGE_SUFFIXES:
            return image
        found = self._found(image)
        if found is None or found.is_outside:
            return image
        return image + found.path.name.removeprefix(os.path.basename(image))

    def _found(self, image: str) -> FoundPicture | None:
        options = self.options
        return (
            None
            if options.image_folder is None
            else find_picture(options.image_folder, image, options.pictures_anywhere)
        )


_OUTSIDE = (
    "the picture's name, or a link, leads out of the folder of pictures, and its size is not said; allow that with --pictures-anywhere "
    "(ReadOptions(pictures_anywhere=True)), or give the size"
)


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
        kind: "json object", "json list", "json value", "npz", "tar", "parquet", "hdf5", "text" or "unknown".
        names: an object's keys, the keys of a list's first objects, or the arrays' names.
        first: of a list's first values the object with the most keys, or the first value that is not empty if none is an object;
            the first value of an object; the first line of a text; None elsewhere.
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


_HUGE_BOX = "the person's box holds an integer of more than 300 digits"


def known_box(values: Any) -> CropBox | None:
    """A person's box from a file's list left, top, width, height [px]; None where it is no box.

    That there is none is no reason to reject a person: a fit does without. A number that nobody could have written as a box is one,
    because it tells of a damaged record.

    Raises:
        InputError: it holds an integer that is too large for float64.
    """
    if not isinstance(values, list) or len(values) != 4 or not all(map(is_number, values)):
        return None
    try:
        left, top, width, height = map(float, values)
    except OverflowError as error:
        raise InputError(_HUGE_BOX) from error
    # Comparisons with NaN are false, and no picture is this large.
    if not (abs(left) < 1e9 and abs(top) < 1e9 and 0 < width < 1e9 and 0 < height < 1e9):
        return None
    return CropBox.from_xywh(left, top, width, height)


def known_corners(values: Any) -> CropBox | None:
    """A person's box from a file's list left, top, right, bottom [px], other numbers behind them; None where it is no box.

    Raises:
        InputError: as `known_box`.
    """
    if not isinstance(values, list) or not all(map(is_number, values[:4])) or len(values) < 4:
        return None
    left, top, right, bottom = values[:4]
    try:
        return known_box([left, top, right - left, bottom - top])
    except OverflowError as error:  # of a float and an integer
        raise InputError(_HUGE_BOX) from error


def known_track(value: Any) -> str:
    """A person's number or name in a video as `DatasetRow` has it; "" for anything else, and for -1, no track."""
    if value is None:
        return ""
    track: Any = value
    if isinstance(value, list) and len(value) == 1:  # AlphaPose's trackers write lists
        track = value[0]
    if isinstance(track, str):
        return track[:_MAX_TRACK_LENGTH]
    is_track = is_number(track) and 0 <= track < _MAX_TRACK and track % 1 == 0
    return str(int(track)) if is_track else ""


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
