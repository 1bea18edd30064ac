"""Draw a result over its picture in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from jax.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.pictures.overlay import DEFAULT_STYLE, Marks, OverlayStyle, draw_overlay
from smplify_jax.pictures.palette import LARGEST_DEVIATION_M, body_color, uncertainty_color
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.side_view import SideView, View
from smplify_jax.result.shared_joints import joints_of_weights
from smplify_jax.result.status import FitStatus

Coloring = Literal["person", "uncertainty"]

_LARGEST_SIDE = 100_000.0
"""[px] Keypoints beyond it are in no picture; without a limit their numbers overflow."""


def draw_fit(
    result: Any,
    keypoints: ArrayLike | None = None,
    image: np.ndarray | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    layout: str | Layout | None = None,
    style: OverlayStyle = DEFAULT_STYLE,
    views: Sequence[View] = (),
    color: Coloring = "person",
) -> np.ndarray:
    """Draw the fitted people of one picture over it, with their keypoints.

    Args:
        result: a `FitResult` of one person, or of a batch of people in the same picture.
        keypoints: (K, 3) or (B, K, 3), as given to `fit`; without, the keypoints of the fits are marked alone.
        image: (H, W, 3) uint8 picture; transparent without one.
        image_size: (width, height) [px] if there is no picture; by default large enough for everybody.
        layout: the layout of the fit, if it is not one of the library's.
        style: strengths and sizes.
        views: other views of the bodies to put beside the picture: "side", from the camera's right, or "top", from above.
        color: of bodies: one for each person, or by the standard deviation of their joints, from blue, certain, to vermilion for 10 cm.
    Returns:
        (H, W, 4) uint8 RGBA, scaled down to `style.max_side`, wider by the views. People without a usable fit have only keypoints.
    Raises:
        InputError: the keypoints are not those of the result, the picture is no (H, W, 3) of uint8 or not of `image_size`, or the result is
            in the world of several cameras or has frames of several people.
    """
    if result.extrinsics is not None:
        raise InputError(
            "This result lives in the world of several cameras: draw result.in_view(0)."
            if result.extrinsics.num_views
            else "This result lives in the world of points, which has no camera: write a page with result.report."
        )
    if result.status.ndim > 1:
        raise InputError("This result has frames of several people: draw the frames of one, such as result[0][10].")
    if image is not None:
        check_image(image, (3, 4))
    if isinstance(views, str):
        raise InputError(f"views is {views!r}: give a list of views, such as [{views!r}].")
    for value, known in ((color, Coloring), *((view, View) for view in views)):
        if value not in get_args(known):
            raise InputError(f"{value!r} is not one of {', '.join(map(repr, get_args(known)))}.")
    if image_size is not None and min(image_size) < 1:
        raise InputError(f"image_size is {image_size}: give the width and height in pixels.")
    names = get_layout(result.layout if layout is None else layout).keypoint_names
    people = list(result)
    detected = _detected(keypoints, len(people), len(names))
    usable = [person for person in people if FitStatus(int(person.status)).is_usable]
    marks = [Marks(names, rows, np.asarray(person.keypoints_px)) for rows, person in zip(detected, people, strict=True)]
    if image_size is None:
        seen = [rows for rows in detected if rows is not None]
        image_size = room_for(np.stack(seen) if seen else np.zeros((0, 0, 3)), usable)
        image_size = image_size if image is None else (image.shape[1], image.shape[0])
    shapes = body_shapes(people, color)
    picture = draw_overlay(
        image_size,
        np.asarray(usable[0].camera.focal_length) if usable else np.ones(2),
        np.asarray(usable[0].camera.camera_center) if usable else np.zeros(2),
        shapes,
        marks,
        image,
        style,
    )
    return _beside(picture, shapes, [np.asarray(person.joints) for person in usable], views)


def body_shapes(people: Sequence[Any], color: Coloring = "person") -> list[Shape]:
    """The meshes of the people who have a body, in the camera frame, each in the colour of its place among the people."""
    colors = [
        body_color(number) if color == "person" else _by_deviation(person) for number, person in enumerate(people)
    ]
    return [
        Shape(np.asarray(person.vertices()), np.asarray(person.body.faces), its_color)
        for person, its_color in zip(people, colors, strict=True)
        if FitStatus(int(person.status)).is_usable
    ]


def _detected(keypoints: ArrayLike | None, num_people: int, num_keypoints: int) -> list[np.ndarray | None]:
    if keypoints is None:
        return [None] * num_people
    rows = np.asarray(keypoints, np.float64)
    if rows.size and rows.shape[-2:] != (num_keypoints, 3):
        raise InputError(
            f"The keypoints have shape {rows.shape}, and the layout {num_keypoints}: give (K, 3) or (B, K, 3), as fitted."
        )
    detected = rows.reshape(-1, num_keypoints, 3) if rows.size else np.empty((0, 0, 3))
    if len(detected) != num_people:
        raise InputError(
            f"There are keypoints of {len(detected)} people for a result of {num_people}: give the keypoints that were fitted."
        )
    return list(detected)


def _by_deviation(person: Any) -> np.ndarray:
    """Colours (V, 3) of a body's vertices by the deviations of the joints that move them; fingers and face have those of their limb."""
    deviations = np.linalg.norm(np.asarray(person.joints_std, np.float64), axis=-1)
    weights = np.asarray(person.body.lbs_weights, np.float64)
    of_joints = deviations[joints_of_weights(person.body)]
    shares = np.nan_to_num(weights @ of_joints, nan=0.5 * LARGEST_DEVIATION_M) / LARGEST_DEVIATION_M
    table = np.array([uncertainty_color(step / 32) for step in range(33)])
    return table[np.rint(32 * np.clip(shares, 0, 1)).astype(int)]


def _beside(
    picture: np.ndarray, shapes: Sequence[Shape], joints: list[np.ndarray], views: Sequence[View]
) -> np.ndarray:
    parts = [picture]
    for view in views:
        drawn = SideView.of([one[None] for one in joints], picture.shape[0], view).draw(shapes)
        parts.append(np.dstack([drawn, np.full(drawn.shape[:2], 255, np.uint8)]))
    return np.hstack(parts)


def room_for(detected: np.ndarray, usable: Sequence[Any]) -> tuple[int, int]:
    """A picture size (width, height) [px], up to `_LARGEST_SIDE`, that holds every keypoint (B, K, 3), with a margin if there is a body."""
    points = detected[(detected[..., 2] > 0) & np.isfinite(detected).all(axis=-1)][:, :2]
    margins = [0.15 * float(person.person_height_px) for person in usable]
    fitted = [np.asarray(person.keypoints_px) for person in usable]
    corner = np.nanmax(np.concatenate([points, *fitted, np.ones((1, 2))]), axis=0) + max(margins, default=1.0)
    width, height = np.clip(corner, 1.0, _LARGEST_SIDE)
    return round(float(width)), round(float(height))
