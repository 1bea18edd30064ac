"""BEDLAM's .npz, and CameraHMR's: a row for each person like SPIN's, with `gtkps` for keypoints and a camera for everybody.

`imgname` (N,) text; `center` (N, 2) [px]; `scale` (N,), the side of the box in units of 200 px; `gtkps` (N, K, 2 or 3), in pixels of the
full picture; `cam_int` (N, 3, 3), the camera matrix [px], which becomes the row's camera; `gender` (N,). `pose_cam`, `shape` and the
like are not read. Which keypoints `gtkps` holds depends on the file, and is not said in it: name the layout. 44 keypoints are read as
the first 44 of `spin49` when that is named.
Source: the files' own arrays, as their users list them in the issues of BEDLAM and CameraHMR.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, found_person
from smplify_jax.keypoints.formats.hmr2 import NUM_BODY, NUM_EXTRA, spin49_rows
from smplify_jax.keypoints.formats.npz_columns import open_columns
from smplify_jax.keypoints.formats.npz_people import ABOUT_SHAPES, about, layout_of_array
from smplify_jax.keypoints.formats.person_arrays import Person, read_people
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source

KEYPOINTS = "gtkps"


def recognises(head: FileHead) -> bool:
    """Arrays `imgname` and `gtkps`."""
    return head.kind == "npz" and "imgname" in head.names and KEYPOINTS in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""
    shape = open_columns(source.path, (KEYPOINTS,)).shape(KEYPOINTS) or ()
    if len(shape) != 3 or shape[2] not in (2, 3):
        raise InputError(f"'{source.path}': the array {KEYPOINTS!r} has shape {shape}; expected (N, K, 3)")
    is_first_of_spin49 = shape[1] == NUM_BODY + NUM_EXTRA and source.options.layout == "spin49"
    layout = "spin49" if is_first_of_spin49 else _layout(source, shape[1])

    def make(position: str, person: Person) -> FoundPerson:
        rows = _with_confidences(person[KEYPOINTS])
        return found_person(
            source, position, spin49_rows(rows) if is_first_of_spin49 else rows, layout, **about(person)
        )

    return read_people(source, {**ABOUT_SHAPES, KEYPOINTS: shape[1:]}, "imgname", make)


def _layout(source: Source, count: int) -> str:
    return layout_of_array(source.path, KEYPOINTS, count, source.options.layout, is_order_known=False)


def _with_confidences(rows: np.ndarray) -> np.ndarray:
    """(K, 3) rows: projected points are all there."""
    return rows if rows.shape[1] == 3 else np.column_stack([rows, np.ones(len(rows))])


FORMAT = KeypointFormat(
    "bedlam",
    "BEDLAM's .npz with imgname, gtkps and cam_int",
    recognises,
    read,
    content="`.npz` with `imgname`, `center`, `scale`, `gtkps` (N, K, 2 or 3), `cam_int` (N, 3, 3), `gender`: "
    "BEDLAM's, CameraHMR's",
    layouts="must be named; 44 and `spin49` are its first 44",
    endings=(".npz",),
)
