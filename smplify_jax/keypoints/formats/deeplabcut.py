"""DeepLabCut's CSV and h5: a row for each frame or picture, and above them who was followed and which body part a column is.

    scorer,DLC_resnet50_walk,DLC_resnet50_walk,DLC_resnet50_walk,...
    individuals,anna,anna,anna,...                                     only with several people
    bodyparts,left_wrist,left_wrist,left_wrist,...
    coords,x,y,likelihood,...
    0,412.8,305.1,0.98,...

The first column has the number of a frame, or, in files of labels, the first one or three the path of a picture; labels have no
likelihood. Empty cells are not found; people of whom a frame shows nothing are passed over. Body parts are placed by their names.
An individual is a person's track; DeepLabCut's "single" are points that belong to nobody, and are left out where they are no person's.
Its `.h5` files hold the same table, which needs the package h5py (the extra `hdf5`).
Source: DeepLabCut's documentation, "Standardized output".
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.plain import opened_text
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.pandas_h5 import lines_of_h5
from smplify_jax.keypoints.formats.reading import DamagedFileError, FileHead, KeypointFormat, Row, Source
from smplify_jax.keypoints.formats.recognition import read_head
from smplify_jax.keypoints.point_names import Placement, place_by_name

_COORDINATES = ("x", "y", "likelihood")
_HEADER_ROWS = ("scorer", "individuals", "bodyparts", "coords")
_NOBODY = "single"


@dataclass(frozen=True)
class _Individual:
    """The columns of one person.

    Attributes:
        name: "" where the file has one person.
        columns: for each body part those of x, y and likelihood, the last -1 in labels.
        placement: of the body parts.
    """

    name: str
    columns: tuple[tuple[int, int, int], ...]
    placement: Placement


@dataclass(frozen=True)
class _Sighting:
    """A row of cells, and whose columns are meant."""

    cells: list[Any]
    individual: _Individual


@dataclass(frozen=True)
class _Header:
    """Who is in the file, how many columns name the frame, and how many there are."""

    individuals: tuple[_Individual, ...]
    num_index_columns: int
    num_columns: int


def recognises(head: FileHead) -> bool:
    """A text whose first word is "scorer", or an HDF5 file."""
    if head.kind == "hdf5":
        return True
    return head.kind == "text" and isinstance(head.first, str) and head.first.startswith(("scorer,", '"scorer",'))


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each frame that shows something of them."""
    is_h5 = read_head(source.path).kind == "hdf5"
    lines = lines_of_h5(source.path) if is_h5 else _lines(source.path)
    header = _header(source, lines)

    def make(position: str, sighting: _Sighting) -> FoundPerson | None:
        cells, individual = sighting.cells, sighting.individual
        if len(cells) != header.num_columns:
            raise InputError(f"the line has {len(cells)} cells; expected {header.num_columns}")
        rows = np.array([[_number(cells, k) for k in columns] for columns in individual.columns])
        if np.isnan(rows[:, :2]).all():
            return None
        index = "/".join(cells[: header.num_index_columns])
        is_frame = index.isdigit()
        return found_person(
            source,
            position,
            individual.placement.place(rows),
            individual.placement.layout,
            source_id=f"frame {index}" if is_frame else "",
            image="" if is_frame else index,
            track_id=individual.name,
            frame=index if is_frame else None,
        )

    yield from rows_of(source, _sightings(lines, header), make)


def _sightings(lines: Iterator[tuple[int, list[Any]]], header: _Header) -> Iterator[tuple[str, _Sighting]]:
    for number, cells in lines:
        for individual in header.individuals:
            position = f"line {number}" + (f", {individual.name}" if individual.name else "")
            yield position, _Sighting(cells, individual)


def _lines(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of each line that is not empty.

    Raises:
        DamagedFileError: from the line on that is no text.
    """
    number = 0
    try:
        with opened_text(path, newline="") as file:
            for cells in csv.reader(file):
                number += 1
                if cells:
                    yield number, cells
    except InputError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise DamagedFileError(
            f"damaged CSV ({str(error).splitlines()[0]}); nothing after it is read", f"line {number + 1}"
        ) from error


def _header(source: Source, lines: Iterator[tuple[int, list[Any]]]) -> _Header:
    rows: dict[str, list[str]] = {}
    for _, cells in lines:
        rows[cells[0]] = cells
        if cells[0] == "coords" or cells[0] not in _HEADER_ROWS:
            break
    parts, coordinates = rows.get("bodyparts"), rows.get("coords")
    if parts is None or coordinates is None or len({len(cells) for cells in rows.values()}) != 1:
        raise InputError(
            f"'{source.path}' lacks the lines 'bodyparts' and 'coords' with a cell for each column that DeepLabCut's CSV has below "
            "'scorer'"
        )
    num_index = next((k for k, cell in enumerate(coordinates) if cell in _COORDINATES), len(coordinates))
    people = rows.get("individuals", [""] * len(parts))
    names = tuple(dict.fromkeys(people[num_index:]))
    found = tuple(
        individual
        for name in names
        if (individual := _individual(source, name, people, parts, coordinates)) is not None
    )
    if not found:
        raise InputError(f"'{source.path}' has nobody's x and y in its columns")
    return _Header(found, num_index, len(parts))


def _individual(
    source: Source, name: str, people: list[str], parts: list[str], coordinates: list[str]
) -> _Individual | None:
    """A person's columns; None for the points that are nobody's."""
    columns: dict[str, dict[str, int]] = {}
    for k, (owner, part, coordinate) in enumerate(zip(people, parts, coordinates, strict=True)):
        if owner == name and coordinate in _COORDINATES:
            columns.setdefault(part, {})[coordinate] = k
    complete = {part: found for part, found in columns.items() if {"x", "y"} <= set(found)}
    try:
        placement = place_by_name(tuple(complete), source.options.layout)
    except InputError as error:
        if name == _NOBODY:
            return None
        raise InputError(f"'{source.path}': {error}") from error
    triples = tuple((found["x"], found["y"], found.get("likelihood", -1)) for found in complete.values())
    return _Individual(name, triples, placement)


def _number(cells: list[Any], column: int) -> float:
    """A cell's number: NaN for an empty one, and 1 for a likelihood that labels do without."""
    if column < 0:
        return 1.0
    if isinstance(cells[column], float):
        return cells[column]
    text = cells[column].strip()
    try:
        return float(text) if text else np.nan
    except ValueError as error:
        raise InputError(f"a cell is {text[:40]!r}; expected a number, or nothing") from error


FORMAT = KeypointFormat(
    "deeplabcut",
    "DeepLabCut's CSV or h5, with scorer, bodyparts and coords",
    recognises,
    read,
    content="DeepLabCut's CSV or h5 of frames or labels, of one person or several `individuals`",
    layouts="by the [names](#names-of-keypoints) of body parts",
    endings=(".csv", ".h5"),
)
