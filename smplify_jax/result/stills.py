"""The picture that stands for a scene where a browser cannot draw in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from smplify_jax.keypoints.layouts import Layout
from smplify_jax.pictures.views import contact_sheet, render_views
from smplify_jax.result.overlay import draw_fit, room_for
from smplify_jax.result.status import FitStatus


def still_of(people: Sequence[Any], pictures: Any, layout: Layout | None) -> tuple[np.ndarray | None, tuple[int, int]]:
    """Everybody in the first frame with most bodies: over its picture, or without a camera, from the front and the side.

    Args:
        people: `FramesOfPerson` of a scene.
        pictures: `Pictures` of its first camera.
        layout: that of the fits, if it is not one of the library's.
    Returns:
        (H, W, 3 or 4) uint8, or None if nobody has a body; and the size (width, height) of the camera's pictures [px], by default large
        enough for everybody.
    """
    place = _fullest(people)
    now, rows = [], []
    for one in people:
        at = place if one.places is None else int(np.searchsorted(one.places, place))
        if one.places is not None and (at == len(one.places) or one.places[at] != place):
            continue
        person, seen = one.result[at], None if one.observed is None else one.observed[at]
        if person.extrinsics is not None and person.extrinsics.num_views:
            person, seen = person.in_view(0), None if seen is None else seen[0]
        now.append(person)
        rows.append(np.zeros((person.keypoints_px.shape[-2], 3)) if seen is None else seen)
    usable = [person for person in now if FitStatus(int(person.status)).is_usable]
    if people[0].result.extrinsics is not None and not people[0].result.extrinsics.num_views:
        return _from_two_sides(usable[:1]), (1, 1)
    size = pictures.image_size or room_for(np.stack(rows), usable)
    together = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *now)
    return draw_fit(together, np.stack(rows), pictures.picture(place), image_size=size, layout=layout), size


def _fullest(people: Sequence[Any]) -> int:
    """The first place with most bodies."""
    places = [
        (np.arange(len(one.result)) if one.places is None else one.places)[np.isfinite(one.result.transl).all(axis=-1)]
        for one in people
    ]
    taken = np.concatenate(places)
    if taken.size:
        return int(np.bincount(taken).argmax())
    return 0 if people[0].places is None else int(people[0].places[0])


def _from_two_sides(people: Sequence[Any]) -> np.ndarray | None:
    if not people:
        return None
    vertices, faces = np.asarray(people[0].vertices("upright")), np.asarray(people[0].body.faces)
    return contact_sheet(render_views(vertices, faces, (0.0, 90.0)), 2)
