"""MPII's annotations as JSON, as the trainers of SimpleBaseline, HRNet and MMPose have them.

A list of people with `joints`, 16 of x, y; `joints_vis`, 0 where a joint is not visible or not labelled; `image`; and `center` and
`scale`, the box, whose side is in units of 200 px. MPII counts pixels from 1, as Matlab does, and one is taken off the joints.
(-1, -1) is a joint, or a center, that is not known. The test set has no joints, and its people are rejected. Pictures' sizes are not in it.
Source: Andriluka et al., CVPR 2014; the README of MPII's annotations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.camera.observed import is_observed
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import is_number, layout_by_count
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.json_stream import stream_list
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source, number_rows

LAYOUT_BY_COUNT = {16: "mpii16"}

_FIRST_PIXEL = 1.0


def recognises(head: FileHead) -> bool:
    """A list of objects with `joints` and `joints_vis`, or of those of the test set."""
    if head.kind != "json list":
        return False
    return "joints_vis" in head.names or (
        "keypoints" not in head.names and {"image", "center", "scale"} <= set(head.names)
    )


def read(source: Source) -> Iterator[Row]:
    """A row for each person."""

    def make(position: str, person: Any) -> FoundPerson:
        rows, layout = layout_by_count(_rows(person), LAYOUT_BY_COUNT, source.options.layout, "the person")
        image = person.get("image")
        return found_person(
            source, position, rows, layout, image=image if isinstance(image, str) else "", box=_box(person)
        )

    return rows_of(source, stream_list(source.path), make)


def _rows(person: Any) -> np.ndarray:
    """(K, 3) x, y [px, from 0], visibility of a person; zeros for what is not visible.

    Raises:
        InputError: they have no joints, or not one visibility for each.
    """
    if not isinstance(person, dict) or not person.get("joints"):
        raise InputError("the person has no joints; MPII's test set has none, its other sets have 16")
    joints, visible = person["joints"], person.get("joints_vis")
    if not isinstance(joints, list) or not isinstance(visible, list) or len(joints) != len(visible):
        raise InputError("the person's joints and joints_vis are not two lists of the same length")
    rows = number_rows(
        [[*joint, _flag(flag)] if isinstance(joint, list) else [] for joint, flag in zip(joints, visible, strict=True)],
        "the person's joints are not numbers x, y with a joints_vis each",
    )
    # The marks of what is not known are no pixels, and are looked for before one is taken off.
    rows[~is_observed(rows)] = 0.0
    rows[rows[:, 2] > 0, :2] -= _FIRST_PIXEL
    return rows


def _flag(value: Any) -> Any:
    """A visibility as a number: some programs write true and false."""
    return float(value) if isinstance(value, bool) else value


def _box(person: dict[str, Any]) -> CropBox | None:
    """The person's box as the file has it: a pixel is nothing to it. None where it is not known, which is no reason to reject them."""
    center, scale = person.get("center"), person.get("scale")
    if not isinstance(center, list) or not all(map(is_number, center)) or not is_number(scale):
        return None
    if -1 in center:
        return None
    try:
        return CropBox.from_spin(center, scale)
    except (InputError, OverflowError):
        return None


FORMAT = KeypointFormat(
    "mpii",
    "MPII's annotations as JSON, with joints and joints_vis",
    recognises,
    read,
    content="MPII's annotations as JSON (HRNet, SimpleBaseline): `joints`, `joints_vis`, `image`, `center`, `scale`",
    layouts="`mpii16`",
)
