"""One superset of keypoints for the layouts that pictures' keypoints have, so that one network serves them all.

A slot is a set of body points whose mean is a keypoint of some layout. Keypoints of one layout that are means of the same points
share a slot.
"""

from __future__ import annotations

import numpy as np

from smplify_jax.keypoints.layouts import Layout, pictured_layouts

_JOINER = "+"

_UNLEARNED = ("mediapipe33",)
"""Layouts whose own points the network does not learn: knuckles and corners of the face, which few bodies have and no other layout."""


def learned_layouts() -> list[Layout]:
    """The layouts of keypoints in pictures that the network learns all points of."""
    return [layout for layout in pictured_layouts() if layout.name not in _UNLEARNED]


def slot_of(points: tuple[str, ...]) -> str:
    """Name of the slot of a keypoint that is the mean of these body points, such as "left_shoulder+right_shoulder"."""
    return _JOINER.join(sorted(points))


def all_slots() -> tuple[str, ...]:
    """The slots of every layout that the network learns, sorted by name."""
    return tuple(sorted({slot_of(points) for layout in learned_layouts() for points in layout.points}))


def slot_layout(slots: tuple[str, ...]) -> Layout:
    """The slots as a layout of their own."""
    points = tuple(tuple(slot.split(_JOINER)) for slot in slots)
    # A mean is its own mirror image, so its name must not begin with "left_" or "right_".
    names = tuple(slot if len(parts) == 1 else f"mean_{slot}" for slot, parts in zip(slots, points, strict=True))
    return Layout("slots", names, points)


def slot_matrix(layout: Layout, slots: tuple[str, ...]) -> np.ndarray:
    """(S, K) float32, 1 where keypoint k belongs in slot s; the column of a keypoint without a slot is zero."""
    index = {slot: row for row, slot in enumerate(slots)}
    matrix = np.zeros((len(slots), len(layout.points)), np.float32)
    for column, points in enumerate(layout.points):
        if (row := index.get(slot_of(points))) is not None:
            matrix[row, column] = 1.0
    return matrix
