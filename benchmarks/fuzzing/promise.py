"""What every reader promises of what it accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


class BrokenPromiseError(Exception):
    """Something was accepted that should not have been."""


def check_finite(name: str, values: Any) -> None:
    """Check that numbers are finite.

    Raises:
        BrokenPromiseError: one is not.
    """
    array = np.asarray(values)
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise BrokenPromiseError(f"{name} holds numbers that are not finite")


def check_attributes(value: Any) -> None:
    """Check that all arrays of an object are finite."""
    for name, array in vars(value).items():
        if hasattr(array, "dtype"):
            check_finite(name, array)


def check_row(row: object) -> bool:
    """Check what a data set's reader yields; returns whether it is a person.

    Raises:
        BrokenPromiseError: the person cannot be fitted or written, or the reason for a rejection is no sentence.
    """
    if isinstance(row, RejectedRow):
        check_sentence(row.sentence)
        return False
    if not isinstance(row, DatasetRow):
        return False
    if row.keypoints.shape != (get_layout(row.layout).num_keypoints, 3):
        raise BrokenPromiseError(f"keypoints have shape {row.keypoints.shape}, and the layout is {row.layout}")
    check_finite("keypoints", row.keypoints)
    if not ((row.keypoints[:, 2] >= 0) & (row.keypoints[:, 2] <= 1)).all():
        raise BrokenPromiseError("a confidence is not in [0, 1]")
    known = {"image_size": row.image_size, "focal_length": row.focal_length, "camera_center": row.camera_center}
    check_known(known | ({} if row.box is None else {"box": row.box.xywh}))
    if not all(isinstance(text, str) for text in (row.id, row.source_id, row.image, row.track_id, row.name)):
        raise BrokenPromiseError("an id or a name is no text")
    return True


def check_known(numbers: Mapping[str, Any]) -> None:
    """Check that numbers that are known are finite."""
    for name, value in numbers.items():
        if value is not None:
            check_finite(name, value)


def check_sentence(text: str) -> None:
    """Check that a message is one line that can be printed.

    Raises:
        BrokenPromiseError: it is not.
    """
    odd = sorted({letter for letter in text if not letter.isprintable()})
    if not text or odd:
        raise BrokenPromiseError(f"the message is no printable line (it holds {odd!r}): {text[:300]!r}")


def check_usable(arrays: Mapping[str, Any], is_usable: Iterable[bool], may_be_unknown: Iterable[str] = ()) -> None:
    """Check the arrays of fits, people first: those with a body are finite, and those without have none.

    Raises:
        BrokenPromiseError: a number is not as its status says.
    """
    usable = np.asarray(list(is_usable), bool)
    for name, value in arrays.items():
        array = np.asarray(value)
        if array.dtype.kind != "f":
            continue
        rows = array.reshape(len(usable), -1)
        if np.isinf(rows).any():
            raise BrokenPromiseError(f"{name} is infinite")
        if name not in may_be_unknown and not np.isfinite(rows[usable]).all():
            raise BrokenPromiseError(f"{name} of a usable person is not finite")
        if not np.isnan(rows[~usable]).all():
            raise BrokenPromiseError(f"{name} of a person without a body is a number")
