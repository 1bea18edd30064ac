"""`load_keypoints`: read the people of a file or a folder into arrays, in any format that the library reads."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.hands import with_hands_alike
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.person_names import person_names
from smplify_jax.keypoints.read import NO_OPTIONS, read_rows
from smplify_jax.keypoints.rows import DatasetRow, PassedFile, RejectedRow
from smplify_jax.keypoints.videos import FramePlace, places_in_videos


@dataclass(frozen=True, eq=False)
class FoundPeople:
    """Everything found in a file or a folder.

    Attributes:
        people: N people in any layouts.
        names: N unique names that are safe as file names.
        rejected: records and files that cannot be used.
        passed: files of a folder that hold something other than keypoints.
    """

    people: tuple[DatasetRow, ...]
    names: tuple[str, ...]
    rejected: tuple[RejectedRow, ...]
    passed: tuple[PassedFile, ...]


def find_people(
    path: str | os.PathLike[str],
    format: str | None = None,
    options: ReadOptions = NO_OPTIONS,
) -> FoundPeople:
    """Read everybody in a file or a folder; where some have hands and others not, all have a layout with hands.

    Args:
        path: as for `read_rows`.
        format: as for `read_rows`.
        options: as for `read_rows`.

    Raises:
        InputError: nothing in the path can be read.
    """
    rows = list(read_rows(path, format, options))
    people = with_hands_alike([row for row in rows if isinstance(row, DatasetRow)])
    rejected = tuple(row for row in rows if isinstance(row, RejectedRow))
    passed = tuple(row for row in rows if isinstance(row, PassedFile))
    return FoundPeople(tuple(people), person_names(people), rejected, passed)


def load_keypoints(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    layout: str | None = None,
    image_size: tuple[float, float] | None = None,
    image_folder: str | os.PathLike[str] | None = None,
    pictures_anywhere: bool = False,
) -> KeypointSet:
    """Read the keypoints of one or more people.

    Records that cannot be used are left out with a warning, and `KeypointSet.rejected` gives the reasons.

    Args:
        path: a file with any name, or a folder, whose files and subfolders are read in the order of their names; files that
            are recognisably not keypoint files are skipped.
        format: a name from the table in the documentation, such as "openpose"; by default recognised from the content of
            the file.
        layout: read the keypoints in this layout, instead of the one that the file states or that its number of keypoints
            implies; needed for OpenPose's BODY_25B.
        image_size: width and height [px] of pictures whose size is stated nowhere else.
        image_folder: folder with the pictures, to look up sizes that the files do not state.
        pictures_anywhere: look also where pictures' names, or links, lead out of that folder.

    Returns:
        The people of all files, in one layout.

    Raises:
        InputError: the path does not exist, it has no keypoint file or no usable person, or people have different layouts.
            The message names the file.
    """
    folder = None if image_folder is None else Path(image_folder)
    found = find_people(path, format, ReadOptions(layout, image_size, folder, pictures_anywhere))
    rows = _in_one_layout(found, Path(path))
    places = places_of(rows, [Path(path)] * len(rows))
    if found.rejected:
        warnings.warn(
            f"'{path}': {_counted(found.rejected)} and left out, see `rejected`: {found.rejected[0].sentence}",
            stacklevel=2,
        )
    return KeypointSet(
        keypoints=np.stack([row.keypoints for row in rows]),
        layout=rows[0].layout,
        names=found.names,
        image_size=_numbers([row.image_size or (math.nan, math.nan) for row in rows]),
        image_names=tuple(image_name(row) for row in rows),
        focal_length=_numbers([math.nan if row.focal_length is None else row.focal_length for row in rows]),
        camera_center=_numbers([row.camera_center or (math.nan, math.nan) for row in rows]),
        boxes=_numbers([row.box.xywh if row.box else (math.nan,) * 4 for row in rows]),
        track_ids=tuple(row.track_id for row in rows),
        videos=tuple(place.video for place in places),
        frames=np.array([place.frame for place in places], np.int64),
        source_ids=tuple(row.source_id for row in rows),
        rejected=found.rejected,
    )


def places_of(rows: Sequence[DatasetRow], paths: Sequence[Path]) -> tuple[FramePlace, ...]:
    """The video and frame of each person.

    Args:
        rows: B people.
        paths: the file or folder that each was read from.
    """
    folders = {path: (path if path.is_dir() else path.parent).resolve().as_posix() for path in set(paths)}
    files = [f"{folders[path]}/{row.file}" for row, path in zip(rows, paths, strict=True)]
    return places_in_videos(files, [row.image for row in rows], [row.frame for row in rows])


def image_name(row: DatasetRow) -> str | None:
    """The file name of a person's picture, without folders; None if it is not known."""
    return PurePosixPath(row.image.replace("\\", "/")).name or None


def nobody_found(found: FoundPeople, path: Path) -> str:
    """A sentence about a path without a usable person."""
    if not found.rejected:
        return f"no people found in '{path}'"
    first, *others = found.rejected
    more = f" (and {len(others)} more)" if others else ""
    return f"no people found in '{path}' that can be used: {first.sentence}{more}"


def _in_one_layout(found: FoundPeople, path: Path) -> Sequence[DatasetRow]:
    """The people, all in one layout.

    Raises:
        InputError: there is nobody, or people have several layouts.
    """
    if not found.people:
        raise InputError(nobody_found(found, path))
    origin: dict[str, str] = {}
    for row in found.people:
        origin.setdefault(row.layout, row.file)
    if set(origin) == {_BODY, _BODY_AND_FEET}:
        return [_with_feet(row) for row in found.people]
    if len(origin) == 1:
        return found.people
    if len(set(origin.values())) == 1:
        raise InputError(f"'{path}' mixes the layouts {' and '.join(sorted(origin))}; put them into separate files")
    (one, file_of_one), (other, file_of_other) = list(origin.items())[:2]
    raise InputError(
        f"the folder '{path}' mixes layouts: {one} in '{file_of_one}', {other} in '{file_of_other}'; read them separately"
    )


_BODY, _BODY_AND_FEET = "coco17", "coco23"
"""Layouts of COCO-WholeBody, where some people are annotated without feet; the second layout begins with the first."""


def _with_feet(row: DatasetRow) -> DatasetRow:
    """The person in the layout with feet; missing feet are not observed."""
    num_missing = get_layout(_BODY_AND_FEET).num_keypoints - len(row.keypoints)
    return replace(row, layout=_BODY_AND_FEET, keypoints=np.pad(row.keypoints, ((0, num_missing), (0, 0))))


def _counted(rejected: Sequence[RejectedRow]) -> str:
    return "1 record cannot be used" if len(rejected) == 1 else f"{len(rejected)} records cannot be used"


def _numbers(values: Sequence[object]) -> np.ndarray:
    return np.array(values, np.float32)
