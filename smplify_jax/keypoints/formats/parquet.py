"""Parquet, our format for datasets of any size: one row a person.

| column | type | |
|---|---|---|
| `keypoints` | list of 3 K numbers, or of K lists of 3 | x, y [px], confidence; a fixed-size list is the smallest |
| `layout` | text | may be left out where the caller names one |
| `id` | text or integer | optional; becomes `source_id` |
| `image` | text | optional: the picture's name |
| `image_width`, `image_height` | number | optional [px] |
| `focal_length` | number | optional [px] |
| `camera_center` | list of 2 numbers | optional [px] |
| `box` | list of 4 numbers | optional: left, top, width, height [px] |
| `gender` | text | optional |
| `track_id` | text or integer | optional: the person through the frames of a video |
| `frame` | integer | optional: the number of the frame in its video |

Nulls are unknown. Other columns are not read. It needs the package pyarrow, of the extra `datasets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.parquet import MAX_TEXT_BYTES, DamagedParquetError, open_parquet
from smplify_jax.keypoints.formats.flat_rows import is_number
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    known_box,
    known_gender,
    known_size,
    known_track,
)
from smplify_jax.keypoints.layouts import get_layout

COLUMNS = (
    "keypoints",
    "layout",
    "id",
    "image",
    "image_width",
    "image_height",
    "focal_length",
    "camera_center",
    "box",
    "gender",
    "track_id",
    "frame",
)

BATCH_ROWS = 512
"""Rows read at a time."""


def recognises(head: FileHead) -> bool:
    """A Parquet file."""
    return head.kind == "parquet"


def read(source: Source) -> Iterator[Row]:
    """A row for each of the file's."""

    def make(position: str, person: dict[str, Any] | InputError) -> FoundPerson:
        if isinstance(person, InputError):
            raise person
        layout = source.options.layout or person.get("layout")
        if not isinstance(layout, str):
            raise InputError("the row does not say its layout; add a column 'layout' or name the layout when reading")
        get_layout(layout)
        center = person.get("camera_center")
        return found_person(
            source,
            position,
            _rows(person["keypoints"]),
            layout,
            source_id="" if (own_id := person.get("id")) is None else str(own_id),
            image=person.get("image") or "",
            image_size=known_size(person.get("image_width"), person.get("image_height")),
            focal_length=_length(person.get("focal_length")),
            camera_center=None if center is None else _point(center),
            box=known_box(person.get("box")),
            gender=known_gender(person.get("gender")),
            track_id=known_track(person.get("track_id")),
            frame=person.get("frame"),
        )

    return rows_of(source, _people(source.path), make)


def _people(path: Path) -> Iterator[tuple[str, dict[str, Any] | InputError]]:
    row = 0
    try:
        with open_parquet(path) as file:
            if "keypoints" not in file.schema.names:
                raise InputError(
                    f"'{path}' has the columns {', '.join(file.schema.names[:8])}; expected a column 'keypoints'"
                )
            for rows in file.batches(BATCH_ROWS, COLUMNS):
                complaints = {
                    number: f"the row's {name!r} has more than {MAX_TEXT_BYTES} bytes; expected a name"
                    for name, numbers in rows.too_long.items()
                    for number in numbers.tolist()
                }
                for number, person in enumerate(_people_of(rows.records)):
                    yield f"[{row}]", InputError(complaints[number]) if number in complaints else person
                    row += 1
    except DamagedParquetError as error:
        raise DamagedFileError(f"{error}; nothing after it is read", f"[{row}]") from error


def _people_of(batch: Any) -> list[dict[str, Any] | InputError]:
    """The rows of a batch; in place of one that holds text that is none, what to say of it."""
    try:
        return batch.to_pylist()
    except UnicodeDecodeError as error:
        if len(batch) == 1:
            return [InputError(f"the row holds text that is not UTF-8 ({error.reason})")]
        return [person for k in range(len(batch)) for person in _people_of(batch.slice(k, 1))]


def _rows(keypoints: Any) -> np.ndarray:
    """(K, 3) rows of a list of numbers, or of lists of three.

    Raises:
        InputError: it is neither.
    """
    try:
        values = np.array(keypoints, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("keypoints are no list of numbers x, y, confidence") from error
    if values.ndim == 1 and values.size % 3 == 0:
        return values.reshape(-1, 3)
    if values.ndim == 2:
        return values
    raise InputError(f"keypoints have shape {values.shape}; expected 3 K numbers, or K lists of 3")


def _length(value: Any) -> float | None:
    if value is None:
        return None
    if not is_number(value) or not np.isfinite(value) or value <= 0:
        raise InputError(f"the focal length is {value!r}; expected pixels, or null where it is unknown")
    return float(value)


def _point(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2 or not all(is_number(v) and np.isfinite(v) for v in value):
        raise InputError(f"the camera's center is {value!r}; expected two numbers [px], or null where it is unknown")
    return float(value[0]), float(value[1])


FORMAT = KeypointFormat(
    "parquet",
    "our Parquet, one row a person",
    recognises,
    read,
    content="one row a person: see [below](#parquet)",
    layouts="as the file says",
    endings=(".parquet",),
)
