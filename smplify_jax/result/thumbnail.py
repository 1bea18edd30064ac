"""A small picture of bodies, for notebooks."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from smplify_jax.body.model import BodyModel
from smplify_jax.pictures.overlay import OverlayStyle, draw_overlay
from smplify_jax.result.overlay import body_shapes, room_for
from smplify_jax.result.status import FitStatus

_MAX_PEOPLE = 6
"""More are too small to see."""

_SIDE = 240
"""[px] The longest."""


def thumbnail(result: Any) -> str:
    """A PNG as a data URL: the first people with bodies as their camera sees them, of a motion its first body; empty without any.

    Args:
        result: a `FitResult` of one person, people (B,), or frames (T,).
    """
    if result.extrinsics is not None or not isinstance(result.body, BodyModel):
        return ""
    usable = np.flatnonzero([FitStatus(int(code)).is_usable for code in np.ravel(result.status)])
    chosen = usable[: _MAX_PEOPLE if result.velocities is None else 1]
    if not len(chosen):
        return ""
    people = [result[int(number)] for number in chosen]
    camera = people[0].camera
    size = room_for(np.zeros((0, 0, 3)), people)
    picture = draw_overlay(
        size,
        np.asarray(camera.focal_length),
        np.asarray(camera.camera_center),
        body_shapes(people),
        style=OverlayStyle(body_opacity=1.0, max_side=_SIDE),
    )
    rows, columns = np.nonzero(picture[..., 3])
    if not rows.size:
        return ""
    content = io.BytesIO()
    Image.fromarray(picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
