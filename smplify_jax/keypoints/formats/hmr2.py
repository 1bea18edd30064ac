"""The .npz of 4D-Humans (HMR2): a row for each person, with pixel coordinates of the full picture.

`imgname` (N,) text; `center` (N, 2) [px]; `scale` (N,), (N, 1) or (N, 2), width and height of the box **in pixels**, which is
not SPIN's `scale`; `body_keypoints_2d` (N, 25, 3), OpenPose's; `extra_keypoints_2d` (N, 19, 3), the first 19 of SPIN's 24. They
become `spin49`, whose last five points are then not seen. Other arrays are not read. The picture's size is not in the file.
Source: Goel et al., ICCV 2023, and the maintainers' answers on their order of keypoints.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.found import FoundPerson, found_person
from smplify_jax.keypoints.formats.npz_columns import text_of
from smplify_jax.keypoints.formats.person_arrays import Person, read_people
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, check_layout
from smplify_jax.keypoints.layouts import get_layout

LAYOUT = "spin49"
WHOSE = "the keypoints of 4D-Humans"

NUM_BODY = 25
NUM_EXTRA = 19

_SHAPES: dict[str, tuple[int, ...] | None] = {
    "imgname": (),
    "center": (2,),
    "scale": None,  # (N,), (N, 1) or (N, 2)
    "body_keypoints_2d": (NUM_BODY, 3),
    "extra_keypoints_2d": (NUM_EXTRA, 3),
}


def recognises(head: FileHead) -> bool:
    """Arrays `imgname` and `body_keypoints_2d` or `extra_keypoints_2d`."""
    has_keypoints = "body_keypoints_2d" in head.names or "extra_keypoints_2d" in head.names
    return head.kind == "npz" and "imgname" in head.names and has_keypoints


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""

    def make(position: str, person: Person) -> FoundPerson:
        check_layout(source, LAYOUT, WHOSE)
        body = person.get("body_keypoints_2d", np.zeros((NUM_BODY, 3)))
        extra = person.get("extra_keypoints_2d", np.zeros((NUM_EXTRA, 3)))
        has_box = "center" in person and "scale" in person
        return found_person(
            source,
            position,
            spin49_rows(np.concatenate([body, extra])),
            LAYOUT,
            image=text_of(person["imgname"]),
            box=CropBox.from_center_and_size(person["center"], person["scale"]) if has_box else None,
        )

    return read_people(source, _SHAPES, "imgname", make)


def spin49_rows(keypoints: np.ndarray) -> np.ndarray:
    """(49, 3) rows from the 44 of 4D-Humans.

    Raises:
        InputError: another shape, or no numbers.
    """
    if keypoints.shape != (NUM_BODY + NUM_EXTRA, 3) or keypoints.dtype.kind not in "iuf":
        raise InputError(
            f"keypoints have shape {keypoints.shape} and type {keypoints.dtype}; expected numbers "
            f"{(NUM_BODY + NUM_EXTRA, 3)}"
        )
    num_unseen = get_layout(LAYOUT).num_keypoints - len(keypoints)
    return np.concatenate([keypoints, np.zeros((num_unseen, 3))])


FORMAT = KeypointFormat(
    "4dhumans",
    "the .npz of 4D-Humans, with body_keypoints_2d",
    recognises,
    read,
    content="`.npz` with `imgname`, `center`, `scale`, `body_keypoints_2d` (N, 25, 3), `extra_keypoints_2d` (N, 19, 3)",
    layouts="`spin49`",
    endings=(".npz",),
)
