"""Draw the overlay of a fit in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.pictures.overlay import DEFAULT_STYLE, Marks, OverlayStyle, draw_overlay
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.raycast import Shape
from smplify_jax.result.status import FitStatus


def draw_fit(
    result: Any,
    keypoints: ArrayLike,
    image: np.ndarray | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    layout: str | Layout | None = None,
    style: OverlayStyle = DEFAULT_STYLE,
) -> np.ndarray:
    """Draw the fitted people of one picture over it, with their keypoints.

    Args:
        result: one person, or a batch of people in the same picture.
        keypoints: (K, 3) or (B, K, 3), as given to `fit`.
        image: (H, W, 3) uint8 picture; transparent without one.
        image_size: (width, height) [px] if there is no picture; by default large enough for everybody.
        layout: the layout of the fit, if it is not one of the library's.
        style: strengths and sizes.
    Returns:
        (H, W, 4) uint8 RGBA, scaled down to `style.max_side`. For people without a usable fit, only keypoints are drawn.
    Raises:
        InputError: the keypoints are not those of the result, or the picture's size is not `image_size`.
    """
    names = get_layout(result.layout if layout is None else layout).keypoint_names
    detected = (
        np.asarray(keypoints, np.float64).reshape(-1, len(names), 3) if np.size(keypoints) else np.empty((0, 0, 3))
    )
    people = list(result)
    if len(detected) != len(people):
        raise InputError(
            f"There are keypoints of {len(detected)} people for a result of {len(people)}: give the keypoints that were fitted."
        )
    usable = [person for person in people if FitStatus(int(person.status)).is_usable]
    marks = [Marks(names, rows, np.asarray(person.keypoints_px)) for rows, person in zip(detected, people, strict=True)]
    if image_size is None:
        image_size = room_for(detected, usable) if image is None else (image.shape[1], image.shape[0])
    return draw_overlay(
        image_size,
        np.asarray(usable[0].camera.focal_length) if usable else np.ones(2),
        np.asarray(usable[0].camera.camera_center) if usable else np.zeros(2),
        [Shape(np.asarray(person.vertices()), np.asarray(person.body.faces), BODY_COLOR) for person in usable],
        marks,
        image,
        style,
    )


def room_for(detected: np.ndarray, usable: list[Any]) -> tuple[int, int]:
    """A picture size that holds every keypoint, with a margin if there is a body."""
    points = detected[detected[..., 2] > 0][:, :2]
    margins = [0.15 * float(person.person_height_px) for person in usable]
    fitted = [np.asarray(person.keypoints_px) for person in usable]
    corner = np.nanmax(np.concatenate([points, *fitted, np.ones((1, 2))]), axis=0) + max(margins, default=1.0)
    return max(1, round(float(corner[0]))), max(1, round(float(corner[1])))
