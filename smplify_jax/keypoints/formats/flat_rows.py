"""Rows of keypoints from the flat lists of numbers that JSON formats have, and the layout that their count implies."""

from __future__ import annotations

from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.hands import Hands, hands_behind, widened, with_hands
from smplify_jax.keypoints.layouts import HAND_LAYOUTS, get_layout

_NUMBER_OR_NULL = {int, float, type(None)}
"""What JSON gives for numbers and null; true and false are none."""


def rows_from_json(values: Any, what: str) -> np.ndarray:
    """(K, 3) float64 rows from a flat JSON list x, y, confidence, x, y, confidence, ...; null becomes NaN.

    Args:
        values: what the JSON holds.
        what: whose keypoints they are, for messages.

    Raises:
        InputError: no list, other things than numbers in it, or not three for each keypoint.
    """
    if not isinstance(values, list):
        raise InputError(f"{what} is of type {type(values).__name__}; expected a list of numbers x, y, confidence")
    if not set(map(type, values)) <= _NUMBER_OR_NULL:  # much faster than a look at each, for datasets of millions
        wrong = next(value for value in values if type(value) not in _NUMBER_OR_NULL)
        raise InputError(f"{what} holds {_short(wrong)}; expected a flat list of numbers x, y, confidence")
    if len(values) % 3:
        raise InputError(f"{what} has {len(values)} numbers; expected three for each keypoint: x, y, confidence")
    try:
        return np.array(values, dtype=np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise InputError(f"{what} holds an integer of more than 300 digits; expected pixels") from error


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number: true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def layout_by_count(rows: np.ndarray, layouts: dict[int, str], layout: str | None, what: str) -> tuple[np.ndarray, str]:
    """Rows of the body's keypoints and their layout, told from how many rows there are.

    Args:
        rows: (N, 3) rows of a file.
        layouts: layout name by N; a layout with fewer than N keypoints takes the first ones, and one with knuckles those of the hands.
            Where neither hand was found, it is the layout without.
        layout: the layout the caller asked for, in place of the table; rows of a count that the table has it for are read so, also without
            their hands. A body alone is read in a layout with knuckles as one whose hands were not found.
        what: whose keypoints they are, for messages.

    Raises:
        InputError: no layout has that count, or not the layout asked for.
    """
    num_rows = len(rows)
    found = layouts.get(num_rows)
    if found is not None and layout in (None, *_with_its_body(found)):
        body = _with_its_body(found)[-1]
        hands = hands_behind(rows) if found in HAND_LAYOUTS else Hands()
        return with_hands(rows[: get_layout(body).num_keypoints], body, hands, layout)
    if layout is not None:
        body = next((name for name in HAND_LAYOUTS.get(layout, ()) if get_layout(name).num_keypoints == num_rows), None)
        if body is not None:
            return widened(rows, body, layout), layout
        check_count(num_rows, layout, what)
        return rows, layout
    known = ", ".join(f"{count} ({name})" for count, name in layouts.items())
    raise InputError(f"{what} has {num_rows} keypoints; known counts are {known}")


def _with_its_body(layout: str) -> tuple[str, ...]:
    """A layout, and the one that it begins with if it has hands."""
    return (layout, *HAND_LAYOUTS.get(layout, ())[:1])


def check_count(num_keypoints: int, layout: str, what: str) -> None:
    """Check a count against a layout.

    Raises:
        InputError: the layout is unknown or has another number of keypoints.
    """
    expected = get_layout(layout).num_keypoints
    if num_keypoints != expected:
        raise InputError(
            f"{what} has {num_keypoints} keypoints, but layout {layout} has {expected}; name another layout"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
