"""Hands as detectors find them, and the four knuckles of each that layouts with hands have.

A hand is 21 points in all formats: the wrist, then four points of each finger from the palm to the tip, beginning with the thumb. The
knuckles are its fingers' first points, and of the thumb, which has one more bone in the palm, the second.
Sources: OpenPose's output formats ("Hand output format"); Jin et al., ECCV 2020 (COCO-WholeBody); Fang et al., PAMI 2022 (Halpe).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from smplify_jax.camera.observed import is_observed
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import HAND_LAYOUTS, get_layout
from smplify_jax.keypoints.rows import DatasetRow

NUM_OF_HAND = 21

_KNUCKLES = [2, 5, 9, 17]
"""Thumb, index, middle and little finger, in the order of the layouts."""

_FIRST_OF_HANDS = {67: 25, 68: 26, 133: 91, 134: 92, 136: 94, 137: 25}
"""Where the left hand begins, with the right one behind it, by the number of a person's keypoints.

Of EasyMocap's 67 and 137, AlphaPose's 68, COCO-WholeBody's 133, which are 134 in OpenPose's order, and HALPE's 136.
"""


class Hands(NamedTuple):
    """The points of a person's hands (21, 3), x, y, confidence; None where the file has none."""

    left: np.ndarray | None = None
    right: np.ndarray | None = None


def check_hand(hand: np.ndarray | None, what: str) -> None:
    """Check that a hand has 21 points, or is none.

    Raises:
        InputError: it has another number of points.
    """
    if hand is not None and len(hand) != NUM_OF_HAND:
        raise InputError(f"{what} has {len(hand)} points; expected the {NUM_OF_HAND} of a hand, or none")


def hands_behind(rows: np.ndarray) -> Hands:
    """The hands among a person's keypoints (N, 3), the body first; none if there are not as many as with hands."""
    start = _FIRST_OF_HANDS.get(len(rows))
    if start is None:
        return Hands()
    middle = start + NUM_OF_HAND
    return Hands(rows[start:middle], rows[middle : middle + NUM_OF_HAND])


def with_hands(rows: np.ndarray, layout: str, hands: Hands, asked: str | None) -> tuple[np.ndarray, str]:
    """Keypoints with the knuckles of the hands, and their layout.

    They stay as they are where no layout has them with knuckles, where another layout was asked for, and where neither hand was found,
    unless a layout with hands was asked for.

    Args:
        rows: (K, 3) of the body, x, y, confidence; knuckles among them are replaced by those of the hands.
        layout: theirs.
        hands: of the same person.
        asked: the layout that the caller asked for.
    """
    wider = layout_with_hands(layout)
    found = [hand if hand is not None and _is_found(hand) else None for hand in hands]
    has_neither = all(hand is None for hand in found)
    if wider is None or asked not in (None, wider) or (asked is None and has_neither):
        return rows, layout
    placed = widened(rows, layout, wider)
    knuckles = placed[-2 * len(_KNUCKLES) :].reshape(2, len(_KNUCKLES), 3)
    for side, hand in enumerate(found):
        if hand is not None:
            knuckles[side] = hand[_KNUCKLES]
    return placed, wider


def widened(rows: np.ndarray, layout: str, wider: str) -> np.ndarray:
    """Keypoints (K, 3) of a layout in one with hands that has all of them; what it has more was not observed."""
    placed = np.zeros((get_layout(wider).num_keypoints, 3), rows.dtype)
    placed[_places(layout, wider)] = rows
    return placed


def with_hands_alike(people: Sequence[DatasetRow]) -> list[DatasetRow]:
    """People in a layout with hands where others of the same kind have one: a video's people are in one layout, seen hands or not.

    Args:
        people: of a file or a folder.
    """
    present = {person.layout for person in people}
    wider = {body: hands for hands, bodies in HAND_LAYOUTS.items() if hands in present for body in bodies}
    return [_widened(person, wider.get(person.layout)) for person in people]


def layout_with_hands(layout: str) -> str | None:
    """The layout with knuckles of this body, or itself if it has them."""
    return next((hands for hands, bodies in HAND_LAYOUTS.items() if layout in (hands, *bodies)), None)


def _widened(person: DatasetRow, wider: str | None) -> DatasetRow:
    if wider is None:
        return person
    return replace(person, layout=wider, keypoints=widened(person.keypoints, person.layout, wider))


@lru_cache
def _places(layout: str, wider: str) -> list[int]:
    """The numbers of a layout's keypoints in another one."""
    return [get_layout(wider).index(name) for name in get_layout(layout).keypoint_names]


def _is_found(hand: np.ndarray) -> bool:
    """Whether points of a hand were found: some programs write one place for all of a hand that they do not see."""
    seen = hand[is_observed(hand), :2]
    return len(seen) > 0 and bool((seen != seen[0]).any())
