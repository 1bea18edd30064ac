"""Who is who in several views: synthetic people with noise, missing people, and people who stand in line."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs import looking_at, ring, seen_by

from smplify_jax.camera.triangulation import triangulate
from smplify_jax.errors import InputError
from smplify_jax.keypoints.matching import match_people, matched_keypoints

# A standing person's shoulders, elbows, wrists, hips, knees, ankles, nose and ears [m]; z is up.
STANDING = np.array(
    [(0.18 * s, 0, 1.42) for s in (1, -1)]
    + [(0.28 * s, 0.02, 1.13) for s in (1, -1)]
    + [(0.3 * s, 0.15, 0.92) for s in (1, -1)]
    + [(0.1 * s, 0, 0.92) for s in (1, -1)]
    + [(0.11 * s, 0.03, 0.5) for s in (1, -1)]
    + [(0.12 * s, 0, 0.08) for s in (1, -1)]
    + [(0, 0.12, 1.62), (0.08, 0, 1.6), (-0.08, 0, 1.6)]
)


def person(rng, place):
    """One in another pose, of another size, turned about."""
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([(np.cos(turn), -np.sin(turn), 0), (np.sin(turn), np.cos(turn), 0), (0, 0, 1)])
    body = (STANDING + rng.normal(0, 0.05, STANDING.shape)) * rng.uniform(0.9, 1.1)
    return body @ rotation.T + [*place, 0]


def detections(rng, people, cameras, *, seen=None, sigma=3.0):
    """The people of each view in an order of its own, and the true matches."""
    views, truth = [], np.full((len(people), len(cameras)), -1)
    for view, camera in enumerate(cameras):
        present = [n for n in range(len(people)) if seen is None or seen[n, view]]
        order = rng.permutation(present) if present else []
        rows = np.zeros((len(present), len(STANDING), 3))
        for position, n in enumerate(order):
            rows[position] = seen_by(camera, people[n])
            rows[position, :, :2] += rng.normal(0, sigma, (len(STANDING), 2))
            rows[position, :, 2] = rng.uniform(0.3, 1, len(STANDING)) * (rng.random(len(STANDING)) > 0.15)
            truth[n, view] = position
        views.append(rows)
    return views, truth


def as_set(matches):
    return {tuple(row) for row in np.asarray(matches).tolist()}


def places_apart(rng, count, least):
    while True:
        places = rng.uniform(-1.5, 1.5, (count, 2))
        if all(np.linalg.norm(a - b) > least for a, b in permutations(places, 2)):
            return places


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(3, 4))
def test_people_are_matched_over_three_and_four_views(seed, num_people, num_views):
    rng = np.random.default_rng(seed)
    cameras = ring(num_views, radius=5.0, height=2.0, spread=4.5)
    people = [person(rng, place) for place in places_apart(rng, num_people, 0.7)]
    views, truth = detections(rng, people, cameras)
    assert as_set(match_people(views, cameras)) == as_set(truth)


@given(st.integers(0, 10**6), st.integers(2, 4))
def test_people_are_matched_over_two_views_from_different_heights(seed, num_people):
    rng = np.random.default_rng(seed)
    cameras = looking_at((4, -3, 3.5), (0, 0, 1)), looking_at((-2, -5, 1.0), (0, 0, 1))
    people = [person(rng, place) for place in places_apart(rng, num_people, 0.9)]
    views, truth = detections(rng, people, cameras)
    assert as_set(match_people(views, cameras)) == as_set(truth)


@given(st.integers(0, 10**6), st.integers(2, 4))
def test_people_that_views_lack_are_minus_one_and_nobody_else_s(seed, num_people):
    rng = np.random.default_rng(seed)
    cameras = ring(4, radius=5.0, height=2.0, spread=4.5)
    people = [person(rng, place) for place in places_apart(rng, num_people, 0.9)]
    seen = rng.random((num_people, 4)) > 0.25
    seen[:, :2] |= seen.sum(axis=1, keepdims=True) < 2
    views, truth = detections(rng, people, cameras, seen=seen)
    assert as_set(match_people(views, cameras)) == as_set(truth)


def test_one_who_is_seen_once_comes_last_with_one_view():
    rng = np.random.default_rng(0)
    cameras = ring(3, radius=5.0, spread=4.5)
    people = [person(rng, (0, 0)), person(rng, (1, 0.5))]
    views, truth = detections(rng, people, cameras, seen=np.array([[False, True, False], [True, True, True]]))
    matches = match_people(views, cameras)
    assert matches.tolist() == [truth[1].tolist(), truth[0].tolist()]


@given(st.integers(0, 10**6))
def test_every_detection_is_in_exactly_one_row(seed):
    rng = np.random.default_rng(seed)
    cameras = ring(3, radius=5.0)
    views = [rng.uniform(0, 1000, (rng.integers(0, 4), 15, 3)) for _ in cameras]
    matches = match_people(views, cameras)
    for view, rows in enumerate(views):
        assert sorted(matches[matches[:, view] >= 0, view]) == list(range(len(rows)))
    num_views = (matches >= 0).sum(axis=1)
    assert (np.diff(num_views) <= 0).all()


def test_the_order_of_the_people_in_a_view_does_not_matter():
    rng = np.random.default_rng(3)
    cameras = ring(4, radius=5.0)
    views, _ = detections(rng, [person(rng, place) for place in places_apart(rng, 3, 0.8)], cameras)
    straight = match_people(views, cameras)
    turned = match_people([views[0][::-1], *views[1:]], cameras)
    turned[:, 0] = np.where(turned[:, 0] < 0, -1, len(views[0]) - 1 - turned[:, 0])
    assert as_set(turned) == as_set(straight)


def test_matched_people_triangulate_to_where_they_stand():
    rng = np.random.default_rng(4)
    cameras = ring(4, radius=5.0, height=2.0)
    people = [person(rng, place) for place in places_apart(rng, 3, 0.8)]
    views, truth = detections(rng, people, cameras)
    matches = match_people(views, cameras)
    found = triangulate(matched_keypoints(views, matches), cameras)
    for row, points in zip(matches, found, strict=True):
        (n,) = np.flatnonzero((truth == row).all(axis=1))
        error = np.linalg.norm(points[:, :3] - people[n], axis=1)[points[:, 3] > 0]
        assert np.median(error) < 0.03  # 3 px are 15 mm at 5 m


def test_views_without_people_and_people_without_keypoints():
    cameras = ring(3)
    assert match_people([np.zeros((0, 5, 3))] * 3, cameras).shape == (0, 3)
    matches = match_people([np.zeros((1, 5, 3)), np.zeros((0, 5, 3)), np.full((1, 5, 3), np.nan)], cameras)
    assert as_set(matches) == {(0, -1, -1), (-1, -1, 0)}


def test_input_of_other_shapes_is_a_sentence():
    with pytest.raises(InputError, match="keypoints of 2 views and 3 cameras"):
        match_people([np.zeros((1, 5, 3))] * 2, ring(3))
    with pytest.raises(InputError, match=r"shapes \(1, 5, 3\), \(1, 6, 3\); expected \(P, K, 3\)"):
        match_people([np.zeros((1, 5, 3)), np.zeros((1, 6, 3))], ring(2))
