"""Follow people through the frames of a video: which detection of a frame is whom, by assignment over time.

Everybody who is followed is predicted to move on with the velocity they had. Predictions and detections are compared by their keypoints, as
COCO's object keypoint similarity does,

    s = sum_k w_k exp(-d_k² / 2 σ²) / sum_k w_k,   w_k = sqrt(c_k c'_k),   σ = TOLERANCE · size · sqrt(seconds / SECONDS),

over the keypoints k that both have, d_k apart [px] and with confidences c_k and c'_k. Detectors exchange the sides of people, so a
detection is taken as it is or with its sides exchanged, whichever is more similar. The detections of a frame are assigned so that the
sum of s / σ is the largest: who was seen a frame ago is preferred to who was not. Whoever is left over gets a second chance with a larger
σ, because detectors misplace limbs for a frame. Two people who cross keep their ids, because their
predictions cross, too; a person who was hidden gets their id back near the place where they would be by then.

Sources: COCO's "Keypoint Evaluation" for the similarity; Bewley et al., ICIP 2016 (SORT), for assignment to predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

TOLERANCE = 0.2
"""How far a keypoint may be from its prediction, in sizes of the person, after `SECONDS`. COCO's are those of annotators, 0.05 to 0.2."""

SECONDS = 1 / 30

MIN_TOLERANCE = 0.1
"""Detectors are no more exact than that, however short the time between frames."""

MIN_SIMILARITY = 0.3
"""Less is another person."""

MIN_SHARED = 3
"""Keypoints that a prediction and a detection must share; fewer, such as a wrist, may be anybody's."""

PATIENCE = 2.0
"""By how much σ is larger for people and detections that are left over."""

_NEWEST = 0.3
"""Share of the newest step in the velocity: one detection of another person must not turn it."""

_SLOWING = 0.95
"""Of the velocity in each frame in which a person is missing: who is hidden often stands, or turns."""

_FADING = 0.9
"""Of the confidence of a keypoint in each frame in which it is missing."""

_SIZE_PER_SIDE = 0.5
"""Size of a person over the longer side of the box around their keypoints; the root of a standing person's area has about this length."""


@dataclass
class _Followed:
    """One person.

    Attributes:
        id: number of the person.
        keypoints: (K, 3) predicted for the present frame: x, y [px], confidence; zeros for keypoints that were never seen.
        velocity: (2,) [px] per step.
        size: [px].
        last: step in which they were last seen.
    """

    id: int
    keypoints: np.ndarray
    velocity: np.ndarray
    size: float
    last: int


def follow(
    steps: Sequence[int],
    detections: Sequence[np.ndarray],
    *,
    flip: Sequence[int],
    seconds_per_step: float,
    max_steps: int,
) -> list[np.ndarray]:
    """Number the people of a video.

    Args:
        steps: ascending numbers of the frames.
        detections: for each frame (n, K, 3) x, y [px], confidence of its people; zeros for what was not observed.
        flip: permutation of the keypoints that exchanges the sides.
        seconds_per_step: time between two frames whose numbers differ by one [s].
        max_steps: between two frames in which a person is seen; after more they count as somebody new.
    Returns:
        For each frame (n,) ids from 0 on, in the order in which people appear.
    """
    followed: list[_Followed] = []
    num_ids = 0
    ids: list[np.ndarray] = []
    before = steps[0] if steps else 0
    for step, people in zip(steps, detections, strict=True):
        followed = [one for one in followed if step - one.last <= max_steps]
        for one in followed:
            _move(one, before, step)
        before = step
        chosen = np.full(len(people), -1)
        for k, j in _assigned(followed, people, flip, step, seconds_per_step):
            _see(followed[k], people[j], step)
            chosen[j] = followed[k].id
        for j in np.flatnonzero(chosen < 0):
            followed.append(
                _Followed(num_ids, people[j].astype(np.float64), np.zeros(2), float(_sizes(people[j])), step)
            )
            chosen[j] = num_ids
            num_ids += 1
        ids.append(chosen)
    return ids


def similarity(predicted: np.ndarray, detected: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """(A, n) similarity of each prediction with each detection, from 0 to 1; 0 where they share fewer than `MIN_SHARED` keypoints.

    Args:
        predicted: (A, K, 3) x, y [px], confidence.
        detected: (n, K, 3).
        deviation: (A, n) σ [px].
    """
    distance = np.sum((predicted[:, None, :, :2] - detected[None, :, :, :2]) ** 2, axis=-1)
    weight = np.sqrt(predicted[:, None, :, 2] * detected[None, :, :, 2])
    near = np.exp(-0.5 * distance / deviation[..., None] ** 2)
    total = weight.sum(axis=-1)
    shared = np.count_nonzero(weight, axis=-1) >= MIN_SHARED
    return np.where(shared, (weight * near).sum(axis=-1) / np.where(total > 0, total, 1.0), 0.0)


def _assigned(
    followed: list[_Followed], people: np.ndarray, flip: Sequence[int], step: int, seconds_per_step: float
) -> list[tuple[int, int]]:
    """Pairs of a person who is followed and a detection."""
    if not followed or not len(people):
        return []
    seconds = np.array([(step - one.last) * seconds_per_step for one in followed])
    tolerance = np.maximum(TOLERANCE * np.sqrt(seconds / SECONDS), MIN_TOLERANCE)[:, None]
    predicted, exchanged = np.stack([one.keypoints for one in followed]), people[:, list(flip)]
    # Of a person who is partly hidden, the box is smaller than they are.
    deviation = tolerance * np.maximum(np.array([one.size for one in followed])[:, None], _sizes(people))
    pairs: list[tuple[int, int]] = []
    for patience in (1.0, PATIENCE):
        free = np.setdiff1d(np.arange(len(followed)), [k for k, _ in pairs])
        left = np.setdiff1d(np.arange(len(people)), [j for _, j in pairs])
        tolerated = patience * deviation[np.ix_(free, left)]
        found = np.maximum(
            similarity(predicted[free], people[left], tolerated),
            similarity(predicted[free], exchanged[left], tolerated),
        )
        places = zip(*linear_sum_assignment(found / tolerance[free], maximize=True), strict=True)
        pairs += [(int(free[k]), int(left[j])) for k, j in places if found[k, j] >= MIN_SIMILARITY]
    return pairs


def _move(one: _Followed, before: int, step: int) -> None:
    """Predict the person from one step to another."""
    for now in range(before, step):
        one.keypoints[:, :2] += one.velocity
        one.velocity = one.velocity * (1.0 if now == one.last else _SLOWING)
    one.keypoints[:, 2] *= _FADING ** (step - before)


def _see(one: _Followed, detected: np.ndarray, step: int) -> None:
    """Correct the prediction by what was detected."""
    weight = np.sqrt(one.keypoints[:, 2] * detected[:, 2])
    miss = np.average(detected[:, :2] - one.keypoints[:, :2], axis=0, weights=weight)
    one.velocity = one.velocity + _NEWEST * miss / (step - one.last)
    is_seen = detected[:, 2] > 0
    one.keypoints[~is_seen, :2] += miss
    one.keypoints[is_seen] = detected[is_seen]
    size = float(_sizes(detected))
    one.size = size if size > one.size else one.size + _NEWEST * (size - one.size)
    one.last = step


def _sizes(people: np.ndarray) -> np.ndarray:
    """Sizes (...,) [px] of people (..., K, 3), at least one pixel."""
    is_seen = people[..., 2:] > 0
    low = np.where(is_seen, people[..., :2], np.inf).min(axis=-2)
    high = np.where(is_seen, people[..., :2], -np.inf).max(axis=-2)
    return np.maximum(_SIZE_PER_SIDE * (high - low).max(axis=-1), 1.0)
