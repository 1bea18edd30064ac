"""Predictions for the people of videos, as VIBE, PARE, PyMAF, WHAM and 4D-Humans' tracker save them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.predictions.arrays import bodies_of, crops_of, frames_of, in_crops, squares
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.found import FoundPredictions, found, joined

_PHALP_FOCAL_LENGTHS = 5000 / 256
"""4D-Humans' focal length over the longer side of the picture, 5000 px for 256 px."""


def is_track(value: object) -> bool:
    """Whether this is a person's dict: arrays with a row for each frame, and the numbers of the frames."""
    return isinstance(value, Mapping) and ("frame_ids" in value or "frame_id" in value)


def is_frame(value: object) -> bool:
    """Whether this is a frame's dict of 4D-Humans' tracker: lists with an entry for each person."""
    return isinstance(value, Mapping) and "smpl" in value and "tid" in value


def read_track(name: str, content: Mapping[Any, Any]) -> FoundPredictions:
    """The frames of a person: of VIBE, PARE and PyMAF in crops (`pred_cam`, `bboxes`), of WHAM before the camera (`trans`).

    Raises:
        InputError: there is no pose, or something has another number of rows.
    """
    bodies = bodies_of(content)
    count = bodies.batch[0]
    crops, weak, transl = crops_of(content, count), content.get("pred_cam"), content.get("trans")
    if weak is not None:
        array = host_array(weak, "pred_cam")
        if array.size != 3 * count:
            raise InputError(f"its pred_cam has shape {array.shape}; expected {(count, 3)}")
        bodies = bodies.seen_straight_ahead() if crops is None else in_crops(bodies, array.reshape(count, 3), crops)
    elif transl is not None:
        bodies = bodies.in_pictures(transl)
    return found(
        bodies,
        frames=frames_of(content, count),
        track_id=name,
        boxes=squares(crops),
        assumes_diagonal=weak is None,
    )


def read_frame(name: str, content: Mapping[Any, Any]) -> FoundPredictions | None:
    """The people of a frame of 4D-Humans' tracker who are seen in it; None if there are none.

    Raises:
        InputError: lists have different lengths, or hold something else.
    """
    people = [_person(content, number) for number in _seen(content)]
    if not people:
        return None
    number = content.get("time", -1)
    return joined(
        [
            found(
                body,
                images=[PurePath(name.replace("\\", "/")).name],
                frames=np.array([number if isinstance(number, (int, np.integer)) and 0 <= number < 2**53 else -1]),
                track_id=track_id,
                boxes=box,
            )
            for body, track_id, box in people
        ]
    )


def _seen(content: Mapping[Any, Any]) -> Iterator[int]:
    """Places in the lists of people who are seen; the others keep the body of an earlier frame."""
    since = content.get("tracked_time")
    for place in range(len(content["tid"])):
        if since is None or place >= len(since) or not host_array(since[place], "tracked_time") > 0:
            yield place


def _person(content: Mapping[Any, Any], place: int) -> tuple[PredictedBodies, str, np.ndarray]:
    body = bodies_of(_entry(content, "smpl", place))
    camera, size = (host_array(_entry(content, name, place), name).reshape(-1) for name in ("camera", "size"))
    box = host_array(_entry(content, "bbox", place), "bbox").reshape(1, -1)
    if body.batch != (1,) or len(camera) != 3 or box.shape != (1, 4) or not size.size:
        raise InputError("its smpl, camera, size and bbox are not those of one person")
    # Whether `size` is width and height or the other way round, the longer one scales the focal length.
    side = float(size.max())
    placed = body.in_pictures(camera, _PHALP_FOCAL_LENGTHS * side) if np.isfinite(side) and side > 0 else body
    return placed, str(content["tid"][place]), box.astype(np.float64)


def _entry(content: Mapping[Any, Any], name: str, place: int) -> Any:
    values = content.get(name)
    if values is None or place >= len(values):
        raise InputError(f"its list {name} lacks an entry for each tid")
    return values[place]
