"""Which prediction is of which person: by picture, and in it by place.

Detectors and networks find people in different order, and some of them only. In each picture, predictions are assigned to people by the
distance of the box's centre from that of the keypoints and the ratio of their sizes. Ids of tracks are those of different programs, and are
compared only where a prediction says nothing about its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from scipy.optimize import linear_sum_assignment

from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.found import FoundPredictions

MAX_DISTANCE = 0.5
"""Between the centres of a box and of the keypoints in it, in sides of the larger one: crops may be cut off at a picture's edge."""

MAX_RATIO = 2.5
"""Of their sides: crops have margins of up to a third, and keypoints may show the upper body only."""

_FAR = 1e3
"""Cost of a pair that cannot be."""


@dataclass(frozen=True, eq=False)
class PeopleToMatch:
    """B people with keypoints.

    Attributes:
        keypoints: B arrays (K, 3) x, y [px], confidence.
        images: B names of their pictures, "" where unknown.
        videos: B names of their videos.
        frames: (B,) numbers of their frames.
        track_ids: B ids, "" where unknown.
        image_size: (B, 2) [px], NaN where unknown.
    """

    keypoints: Sequence[np.ndarray]
    images: Sequence[str]
    videos: Sequence[str]
    frames: np.ndarray
    track_ids: Sequence[str]
    image_size: np.ndarray

    def __len__(self) -> int:
        """Number of people, B."""
        return len(self.images)


def match_predictions(found: FoundPredictions, people: PeopleToMatch, first_frame: int | None = None) -> np.ndarray:
    """(B,) the prediction of each person, -1 where there is none.

    Args:
        found: the predictions.
        people: with keypoints.
        first_frame: number of a video's first frame in the names of its keypoint files; by default 1 if no frame has a smaller number, and
            otherwise 0.

    Raises:
        InputError: nobody has a prediction, or nothing tells who has which.
    """
    keys_of_people, keys = _pictures(found, people, first_frame)
    rows: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    chosen = np.full(len(people), -1)
    members: dict[Hashable, list[int]] = defaultdict(list)
    for person, key in enumerate(keys_of_people):
        members[key].append(person)
    for key, some in members.items():
        if key in rows:
            chosen[some] = _in_picture(found, rows[key], people, some)
    if (chosen < 0).all() and len(people):
        raise InputError(
            f"none of the {len(found)} predictions is of one of the {len(people)} people: {_reason(keys_of_people, keys)}."
        )
    return chosen


def _reason(keys_of_people: Sequence[Hashable], keys: Sequence[Hashable]) -> str:
    if set(keys_of_people) & set(keys):
        return "their boxes are elsewhere in the pictures"
    return (
        f"the pictures differ, such as {keys_of_people[0]!r} of the keypoints and {keys[0]!r} of the predictions; name pictures alike, or "
        "give the number of the first frame"
    )


def _pictures(
    found: FoundPredictions, people: PeopleToMatch, first_frame: int | None
) -> tuple[list[Hashable], list[Hashable]]:
    """What identifies the picture of each person, and of each prediction."""
    names = [_stem(name) for name in found.images]
    names_of_people = [_stem(name) for name in people.images]
    if any(names) and set(names) & set(filter(None, names_of_people)):
        return list(names_of_people), list(names)
    if (found.frames >= 0).all():
        if len(set(people.videos)) > 1:
            raise InputError(
                f"the predictions are of one video, and the keypoints of {len(set(people.videos))}: fit each video in another run."
            )
        first = int(len(people) > 0 and people.frames.min() == 1) if first_frame is None else first_frame
        return [int(frame) - first for frame in people.frames], [int(frame) for frame in found.frames]
    if any(names) and any(names_of_people):
        return list(names_of_people), list(names)
    if len(set(zip(people.videos, people.frames.tolist(), strict=True))) <= 1:
        return [""] * len(people), [""] * len(found)  # of the only picture
    if len(found) == len(people):
        return list(range(len(people))), list(range(len(found)))  # in the same order
    raise InputError(
        f"the predictions name neither pictures nor frames, and there are {len(found)} of them for {len(people)} people in several "
        "pictures: save the pictures' names as imgname."
    )


def _stem(name: str) -> str:
    """A picture's name without folders and ending."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name


def _in_picture(found: FoundPredictions, rows: list[int], people: PeopleToMatch, some: list[int]) -> np.ndarray:
    """The prediction of each person of a picture, -1 for none."""
    cost = np.array([[_cost(found, row, people, person) for row in rows] for person in some])
    if np.isnan(cost).any():  # nothing tells where a prediction is
        return np.array(rows) if len(rows) == len(some) == 1 else _by_id(found, rows, people, some)
    result = np.full(len(some), -1)
    for one, row in zip(*linear_sum_assignment(cost), strict=True):
        if cost[one, row] < _FAR:
            result[one] = rows[row]
    return result


def _by_id(found: FoundPredictions, rows: list[int], people: PeopleToMatch, some: list[int]) -> np.ndarray:
    places = {found.track_ids[row]: row for row in rows if found.track_ids[row]}
    return np.array([places.get(people.track_ids[person], -1) for person in some])


def _cost(found: FoundPredictions, row: int, people: PeopleToMatch, person: int) -> float:
    """How unlike the places of a prediction and of a person are; `_FAR` if they cannot be the same, NaN if it is not known."""
    keypoints = people.keypoints[person]
    seen = keypoints[keypoints[:, 2] > 0, :2]
    if not len(seen):
        return _FAR
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = max(float((high - low).max()), 1.0)
    left, top, width, height = found.boxes[row]
    if np.isfinite(found.boxes[row]).all() and max(width, height) > 0:
        size = max(width, height)
        distance = np.hypot(*((low + high) / 2 - (left + width / 2, top + height / 2))) / max(side, size)
        ratio = abs(np.log(size / side))
        return float(distance + ratio) if distance < MAX_DISTANCE and ratio < np.log(MAX_RATIO) else _FAR
    pixel = _pixel(found, row, people.image_size[person])
    if pixel is None:
        return np.nan
    distance = float(np.hypot(*((low + high) / 2 - pixel))) / side
    return distance if distance < MAX_DISTANCE else _FAR


def _pixel(found: FoundPredictions, row: int, size: np.ndarray) -> np.ndarray | None:
    """Where a body is in its picture; None if its camera or place is not known."""
    body = found.bodies[row]
    transl, focal, center = (
        np.asarray(one, np.float64) for one in (body.transl, body.focal_length, body.camera_center)
    )
    if np.isnan(focal) and found.assumes_diagonal:
        focal = np.hypot(*size)
    center = np.where(np.isnan(center), size / 2, center)
    if not (np.isfinite(focal) and np.isfinite(transl).all() and np.isfinite(center).all() and transl[2] > 0):
        return None
    return focal * transl[:2] / transl[2] + center


def bodies_of_people(found: FoundPredictions, chosen: np.ndarray, people: PeopleToMatch) -> PredictedBodies:
    """The bodies (B, ...) of people, NaN for who has none; the focal lengths that are the pictures' diagonals filled in."""
    bodies = found.bodies[np.maximum(chosen, 0)]
    focal = np.asarray(bodies.focal_length)
    if found.assumes_diagonal:
        focal = np.where(np.isnan(focal), np.hypot(*people.image_size.T), focal).astype(np.float32)
    pose = np.where((chosen >= 0)[:, None], bodies.body_pose, np.float32(np.nan))
    return replace(bodies, body_pose=pose, focal_length=focal)
