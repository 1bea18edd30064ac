"""Rows of a file in the order of a layout: by the file's names of keypoints where it has some, else by their count."""

from __future__ import annotations

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.flat_rows import layout_by_count
from smplify_jax.keypoints.layouts import HAND_LAYOUTS, get_layout
from smplify_jax.keypoints.point_names import are_names, place_by_name, point_of

COCO_LAYOUTS = {17: "coco17", 23: "coco23", 26: "halpe26", 133: "coco23_hands", 136: "halpe26_hands"}
"""Layout by count in COCO's format and its relatives; whole-body data list the body first, then the face, which is left out, and hands."""


def placed_rows(
    rows: np.ndarray, names: tuple[str, ...], layouts: dict[int, str], layout: str | None, what: str
) -> tuple[np.ndarray, str]:
    """Rows of the body's keypoints, and their layout.

    Args:
        rows: (N, 3) rows of a file.
        names: of the keypoints, as the file spells them; empty where it has none. Fewer than N name the first ones, whose order
            must then be that of the layout with this count.
        layouts: layout name by N for files without names, as for `layout_by_count`.
        layout: the layout the caller asked for. Rows are placed in it by name if it has the names, else by their order.
        what: whose keypoints they are, for messages.

    Raises:
        InputError: there are more names than rows, too few names are known, or no layout has that count.
    """
    if not are_names(names):
        return layout_by_count(rows, layouts, layout, what)
    if layout is not None:
        return _in_layout(rows, names, layouts, layout, what)
    if len(names) > len(rows):
        raise InputError(
            f"{what} has {len(rows)} keypoints, and the file names {len(names)}; expected one for each name"
        )
    if len(names) == len(rows):
        placement = place_by_name(names)
        return placement.place(rows), placement.layout
    rows, found = layout_by_count(rows, layouts, None, what)
    body = HAND_LAYOUTS.get(found, (found,))[0]
    for given, name in zip(names, get_layout(body).keypoint_names, strict=False):
        if point_of(given) != point_of(name):
            raise InputError(
                f"the file names {len(names)} keypoints, among them {given[:30]!r} where layout {found} has '{name}'; name "
                "each keypoint, or name the layout when reading"
            )
    return rows, found


def _in_layout(
    rows: np.ndarray, names: tuple[str, ...], layouts: dict[int, str], layout: str, what: str
) -> tuple[np.ndarray, str]:
    try:
        placement = place_by_name(names, layout)
    except InputError:  # words that are not ours: then the caller says what their order is
        placement = None
    if placement is None or len(names) != len(rows):
        return layout_by_count(rows, layouts, layout, what)
    return placement.place(rows), layout
