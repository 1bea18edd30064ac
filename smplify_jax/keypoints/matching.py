"""Which detection in one view is which in the others: several people, several calibrated views.

Two detections of one person have rays that meet: the gap between the rays of a keypoint is its epipolar distance, in metres. People who
stand in one epipolar plane of two cameras, as all do who are seen from one height, match crosswise nearly as well; the other views tell
them apart. So:

1. the evidence that a pair of detections is one person is the support of the mean gap of its keypoints, and of how far the points between
   the rays are from the nearest detection of every other view. A distance d gives the support 1 / (1 + (d / SPREAD)^2): two near misses are
   less than one hit;
2. in every two views the pairs are assigned with most evidence in total. The two views with the best pair begin, with all their pairs that
   are nearly as good;
3. each other view's detections are assigned to the people's triangulated points, which are then triangulated anew;
4. again from 1 with the detections that are left, until no two of them meet.

Source: Hartley & Zisserman, Multiple View Geometry, 2004, section 12.3; the assignment is scipy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.triangulation import MAX_ERROR, directions, triangulate
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array

MIN_COMMON = 4
"""Keypoints that two views must both see to match; fewer meet by chance."""

MAX_SIZE = 2.7
"""The largest extent of a person [m], with arms up: rays of different people meet in points that are scattered farther."""

SPREAD = 0.04
"""How far the rays of one person's keypoints are apart [m]: what detectors differ by from two sides."""

_NEARLY = 0.5
"""Pairs with less evidence than the best by this much wait until the others are settled: half a view."""

_CAP = 3 * MAX_ERROR
"""A single keypoint's distance counts at most this [m]: one wrong wrist does not part a person."""


@dataclass(frozen=True)
class _Rays:
    """The rays of a view's P people, in the world.

    Attributes:
        origin: (3,) of the camera [m].
        directions: (P, K, 3) of length one.
        confidence: (P, K), zero where not seen.
    """

    origin: np.ndarray
    directions: np.ndarray
    confidence: np.ndarray


def match_people(keypoints_by_view: Sequence[ArrayLike], cameras: Sequence[CalibratedCamera]) -> np.ndarray:
    """Match the people of several views of one moment.

    Args:
        keypoints_by_view: of each of V views (P_v, K, 3), its people in any order and number: x, y [px of the pinhole camera: `undistort`
            first], confidence.
        cameras: of the V views.
    Returns:
        (N, V) integers: for each person its position among the people of each view, -1 where that view lacks it. Every detection is in
        exactly one row. People of most views come first; those of a single view, which nothing can confirm, last.
    Raises:
        InputError: the numbers of views differ, or the keypoints' shapes do.
    """
    views = _checked(keypoints_by_view, cameras)
    rays = [_rays(keypoints, camera) for keypoints, camera in zip(views, cameras, strict=True)]
    left = [np.ones(len(keypoints), bool) for keypoints in views]
    people: list[np.ndarray] = []
    while len(found := _best_pairs(rays, left)):
        found = _with_other_views(found, views, rays, left, cameras)
        for view, free in enumerate(left):
            free[found[found[:, view] >= 0, view]] = False
        people.extend(found)
    people.sort(key=lambda person: -np.count_nonzero(person >= 0))
    alone = np.full((sum(free.sum() for free in left), len(cameras)), -1)
    for row, (view, one) in enumerate((view, one) for view, free in enumerate(left) for one in np.flatnonzero(free)):
        alone[row, view] = one
    return np.concatenate([np.array(people, int).reshape(-1, len(cameras)), alone])


def matched_keypoints(keypoints_by_view: Sequence[ArrayLike], matches: np.ndarray) -> np.ndarray:
    """(N, V, K, 3) keypoints of the people that `match_people` found; zeros in the views that lack them.

    Args:
        keypoints_by_view: as for `match_people`.
        matches: what it returned.
    """
    views = [host_array(keypoints, "keypoints").astype(np.float64) for keypoints in keypoints_by_view]
    rows = np.zeros((len(matches), len(views), *views[0].shape[1:]))
    for view, keypoints in enumerate(views):
        is_there = matches[:, view] >= 0
        rows[is_there, view] = keypoints[matches[is_there, view]]
    return rows


def _checked(keypoints_by_view: Sequence[ArrayLike], cameras: Sequence[CalibratedCamera]) -> list[np.ndarray]:
    views = [
        host_array(keypoints, f"keypoints_by_view[{number}]").astype(np.float64)
        for number, keypoints in enumerate(keypoints_by_view)
    ]
    if not views or len(views) != len(cameras):
        raise InputError(
            f"there are keypoints of {len(views)} views and {len(cameras)} cameras; give one camera for each view"
        )
    shapes = {keypoints.shape[1:] for keypoints in views}
    if len(shapes) > 1 or any(keypoints.ndim != 3 or keypoints.shape[-1] != 3 for keypoints in views):
        raise InputError(
            f"the views' keypoints have shapes {', '.join(str(keypoints.shape) for keypoints in views)}; expected (P, K, 3) of each, "
            "with the same K, and (0, K, 3) for a view without people"
        )
    return views


def _rays(keypoints: np.ndarray, camera: CalibratedCamera) -> _Rays:
    seen, confidence = directions(keypoints[:, :, None], [camera])
    rays = np.concatenate([seen[:, :, 0], np.ones((*keypoints.shape[:2], 1))], axis=-1) @ np.asarray(camera.rotation)
    return _Rays(camera.position, rays / np.linalg.norm(rays, axis=-1, keepdims=True), confidence[:, :, 0])


def _best_pairs(rays: list[_Rays], left: list[np.ndarray]) -> np.ndarray:
    """(N, V) the pairs of two views for which there is most evidence; N = 0 if no two detections meet."""
    best, best_evidence = np.zeros((0, len(rays)), int), 0.0
    for first, second in combinations(range(len(rays)), 2):
        chosen = [np.flatnonzero(left[view]) for view in (first, second)]
        if not all(map(len, chosen)):
            continue
        evidence = _pair_evidence(first, second, chosen, rays, left)
        pairs = list(_assigned(evidence))
        most = max((evidence[pair] for pair in pairs), default=0.0)
        if most > best_evidence:
            pairs = [pair for pair in pairs if evidence[pair] > most - _NEARLY]
            best_evidence, best = most, np.full((len(pairs), len(rays)), -1)
            best[:, first] = chosen[0][[a for a, _ in pairs]]
            best[:, second] = chosen[1][[b for _, b in pairs]]
    return best


def _assigned(evidence: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs with most evidence in total; what has none is no pair."""
    for a, b in zip(*linear_sum_assignment(evidence, maximize=True), strict=True):
        if evidence[a, b] > 0:
            yield int(a), int(b)


def _pair_evidence(
    first: int, second: int, chosen: list[np.ndarray], rays: list[_Rays], left: list[np.ndarray]
) -> np.ndarray:
    """(A, B) evidence that two are one, zero where they do not meet."""
    one, other = (_of(rays[view], which) for view, which in zip((first, second), chosen, strict=True))
    points, gaps, weight = _between(one, other)
    gap = _mean(gaps, weight)
    is_one = (gap < MAX_ERROR) & ((weight > 0).sum(axis=-1) >= MIN_COMMON)
    if is_one.any():
        is_one[is_one] = _extent(points[is_one], weight[is_one] > 0) < MAX_SIZE
    evidence = _support(gap)
    for view, free in enumerate(left):
        if view not in (first, second) and free.any():
            others = _of(rays[view], np.flatnonzero(free))
            evidence += _support(_distances(points[:, :, None], weight[:, :, None], others).min(axis=-1))
    return np.where(is_one, evidence, 0.0)


def _support(distance: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.square(distance / SPREAD))


def _with_other_views(
    people: np.ndarray,
    views: list[np.ndarray],
    rays: list[_Rays],
    left: list[np.ndarray],
    cameras: Sequence[CalibratedCamera],
) -> np.ndarray:
    """Add the detections of the other views to people of two."""
    people = people.copy()
    for view in np.flatnonzero((people < 0).all(axis=0)):
        free = np.flatnonzero(left[view])
        if not len(free):
            continue
        found = triangulate(matched_keypoints(views, people), cameras)
        distances = _distances(found[:, None, :, :3], found[:, None, :, 3], _of(rays[view], free))
        for person, one in _assigned(np.where(distances < MAX_ERROR, _support(distances), 0.0)):
            people[person, view] = free[one]
    return people


def _of(rays: _Rays, which: np.ndarray) -> _Rays:
    return _Rays(rays.origin, rays.directions[which], rays.confidence[which])


def _between(one: _Rays, other: _Rays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Midpoints (A, B, K, 3) and gaps (A, B, K) [m] where the rays of A and B people are nearest, and the weights of their keypoints.

    Rays that are nearest behind a camera, or parallel, have a gap of `_CAP`.
    """
    a, b = one.directions[:, None], other.directions[None]
    base = other.origin - one.origin
    cosine = (a * b).sum(axis=-1)
    sine2 = np.maximum(1 - cosine**2, 1e-12)
    along_a, along_b = a @ base, b @ base
    depth_a, depth_b = (along_a - cosine * along_b) / sine2, (cosine * along_a - along_b) / sine2
    on_a, on_b = one.origin + depth_a[..., None] * a, other.origin + depth_b[..., None] * b
    gaps = np.linalg.norm(on_a - on_b, axis=-1)
    is_good = (depth_a > 0) & (depth_b > 0) & (sine2 > 1e-4)
    weight = np.sqrt(one.confidence[:, None] * other.confidence[None])
    return (on_a + on_b) / 2, np.where(is_good, gaps, _CAP), weight


def _distances(points: np.ndarray, weight: np.ndarray, rays: _Rays) -> np.ndarray:
    """(..., P) mean distance [m] of points (..., 1, K, 3) from the rays of P people; `_CAP` where they share too few keypoints."""
    offset = points - rays.origin
    depth = (offset * rays.directions).sum(axis=-1)
    distance = np.linalg.norm(offset - depth[..., None] * rays.directions, axis=-1)
    shared = np.sqrt(weight * rays.confidence)
    mean = _mean(np.where(depth > 0, distance, _CAP), shared)
    return np.where((shared > 0).sum(axis=-1) >= MIN_COMMON, mean, _CAP)


def _mean(distances: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted mean over keypoints, each capped."""
    total = weight.sum(axis=-1)
    mean = (np.minimum(distances, _CAP) * weight).sum(axis=-1) / np.maximum(total, 1e-12)
    return np.where(total > 0, mean, _CAP)


def _extent(points: np.ndarray, is_seen: np.ndarray) -> np.ndarray:
    """(N,) the largest side of the box around the middle 80 % of points (N, K, 3) [m], of those that are seen, at least one."""
    low, high = np.nanpercentile(np.where(is_seen[..., None], points, np.nan), (10, 90), axis=-2)
    return (high - low).max(axis=-1)
