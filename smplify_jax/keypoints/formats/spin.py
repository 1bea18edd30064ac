"""SPIN's .npz, the format of many trainers: a row for each person, with pixel coordinates of the full picture.

`imgname` (N,) text; `center` (N, 2) [px]; `scale` (N,), the side of the person's square box in units of 200 px, enlarged by a
factor already; `part` (N, 24, 3) annotated and `openpose` (N, 25, 3) detected keypoints, one of which may be missing, as it
is in the files of several datasets; `gender` (N,), "m" or "f". Both sets of keypoints become `spin49`. `S` (3D joints),
`pose`, `shape` and `has_smpl` are not read: they are what a fit finds. The picture's size is not in the file, unless it has `img_w`
and `img_h`; nor the camera, unless it has `cam_int` (N, 3, 3) or `focal_l` (N,).

MMPose's files of Human3.6M and MPI-INF-3DHP, and others written like SPIN's, have a `part` of another number of keypoints. It is read
alone, as the only layout of that number; where there are several (17: `coco17`, `h36m17`), as the one that the caller names.
Source: Kolotouros et al., ICCV 2019, and the files distributed with it; the test files of MMPose.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, found_person
from smplify_jax.keypoints.formats.npz_columns import open_columns
from smplify_jax.keypoints.formats.npz_people import ABOUT_SHAPES, about, layout_of_array
from smplify_jax.keypoints.formats.person_arrays import Person, read_people
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, check_layout

LAYOUT = "spin49"

NUM_OPENPOSE = 25
NUM_PARTS = 24


def recognises(head: FileHead) -> bool:
    """Arrays `imgname` and `part` or `openpose`."""
    return head.kind == "npz" and "imgname" in head.names and ("part" in head.names or "openpose" in head.names)


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""
    columns = open_columns(source.path, ("part", "openpose"))
    part = columns.shape("part")
    has_openpose = columns.shape("openpose") is not None
    is_spins = part is None or (has_openpose and source.options.layout in (None, LAYOUT))
    if part is not None and part[1:] == (NUM_PARTS, 3):
        # Alone, it may be 24 others.
        is_spins = has_openpose or source.options.layout in (None, LAYOUT)
    if is_spins or part is None:
        return _read_both(source)
    if len(part) != 3 or part[2] != 3:
        raise InputError(f"'{source.path}': the array 'part' has shape {part}; expected (N, {NUM_PARTS}, 3)")
    return _read_part(source, part[1])


def _read_both(source: Source) -> Iterator[Row]:
    def make(position: str, person: Person) -> FoundPerson:
        check_layout(source, LAYOUT, "SPIN's keypoints")
        openpose = person.get("openpose", np.zeros((NUM_OPENPOSE, 3)))
        rows = np.concatenate([openpose, person.get("part", np.zeros((NUM_PARTS, 3)))])
        return found_person(source, position, rows, LAYOUT, **about(person))

    shapes = {**ABOUT_SHAPES, "openpose": (NUM_OPENPOSE, 3), "part": (NUM_PARTS, 3)}
    return read_people(source, shapes, "imgname", make)


def _read_part(source: Source, count: int) -> Iterator[Row]:
    layout = layout_of_array(source.path, "part", count, source.options.layout, is_order_known=True)

    def make(position: str, person: Person) -> FoundPerson:
        return found_person(source, position, person["part"], layout, **about(person))

    return read_people(source, {**ABOUT_SHAPES, "part": (count, 3)}, "imgname", make)


FORMAT = KeypointFormat(
    "spin",
    "SPIN's .npz with imgname, part and openpose",
    recognises,
    read,
    content="`.npz` with `imgname`, `center`, `scale`, `part` (N, 24, 3), `openpose` (N, 25, 3), `gender`; cameras "
    "`cam_int` or `focal_l`; sizes `img_w`, `img_h`",
    layouts="`spin49`; a `part` of another count alone: the only layout that has it, or the one named (17: `coco17` "
    "or `h36m17`)",
    endings=(".npz",),
)
