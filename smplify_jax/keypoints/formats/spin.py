"""SPIN's .npz, the format of many trainers: a row for each person, with pixel coordinates of the full picture.

`imgname` (N,) text; `center` (N, 2) [px]; `scale` (N,), the side of the person's square box in units of 200 px, enlarged by a
factor already; `part` (N, 24, 3) annotated and `openpose` (N, 25, 3) detected keypoints, one of which may be missing, as it
is in the files of several datasets; `gender` (N,), "m" or "f". Both sets of keypoints become `spin49`. `S` (3D joints),
`pose`, `shape` and `has_smpl` are not read: they are what a fit finds. The picture's size is not in the file.
Source: Kolotouros et al., ICCV 2019, and the files distributed with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.keypoints.formats.found import FoundPerson, found_person
from smplify_jax.keypoints.formats.npz_columns import text_of
from smplify_jax.keypoints.formats.person_arrays import Person, read_people
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, check_layout, known_gender

LAYOUT = "spin49"

NUM_OPENPOSE = 25
NUM_PARTS = 24

_SHAPES: dict[str, tuple[int, ...] | None] = {
    "imgname": (),
    "center": (2,),
    "scale": None,  # (N,) or (N, 1)
    "openpose": (NUM_OPENPOSE, 3),
    "part": (NUM_PARTS, 3),
    "gender": (),
}


def recognises(head: FileHead) -> bool:
    """Arrays `imgname` and `part` or `openpose`."""
    return head.kind == "npz" and "imgname" in head.names and ("part" in head.names or "openpose" in head.names)


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""

    def make(position: str, person: Person) -> FoundPerson:
        check_layout(source, LAYOUT, "SPIN's keypoints")
        rows = np.concatenate(
            [person.get("openpose", np.zeros((NUM_OPENPOSE, 3))), person.get("part", np.zeros((NUM_PARTS, 3)))]
        )
        has_box = "center" in person and "scale" in person
        return found_person(
            source,
            position,
            rows,
            LAYOUT,
            image=text_of(person["imgname"]),
            box=CropBox.from_spin(person["center"], person["scale"].squeeze()) if has_box else None,
            gender=known_gender(text_of(person["gender"])) if "gender" in person else None,
        )

    return read_people(source, _SHAPES, "imgname", make)


FORMAT = KeypointFormat(
    "spin",
    "SPIN's .npz with imgname, part and openpose",
    recognises,
    read,
    content="`.npz` with `imgname`, `center`, `scale`, `part` (N, 24, 3), `openpose` (N, 25, 3), `gender`",
    layouts="`spin49`",
    endings=(".npz",),
)
