"""Who is who in the videos of several cameras."""

import numpy as np
import pytest
from rigs import ring, seen_by_all

from smplify_jax.keypoints.people_in_views import people_in_views
from smplify_jax.keypoints.tracks import KeypointTrack

CAMERAS = ring(3)
NUM_FRAMES = 6


def walker(place, seed=0):
    """(T, 17, 3) points of somebody who walks [m]."""
    points = np.random.default_rng(seed).normal((0, 0, 1), (0.2, 0.2, 0.4), (17, 3))
    return points + place + np.arange(NUM_FRAMES)[:, None, None] * [0.05, 0.02, 0.0]


def track(keypoints, frames, number=0):
    """A track of keypoints (T, 17, 3) in these frames; those without confidence are frames in which the person was not seen."""
    frames = np.asarray(frames, np.int64)
    is_seen = (keypoints[..., 2] > 0).any(axis=1)
    return KeypointTrack(
        name=f"track_{number}",
        track_id=str(number),
        is_id_stated=False,
        video="video",
        keypoints=keypoints.astype(np.float32),
        layout="coco17",
        frames=frames,
        frame_rate=30.0,
        people=np.where(is_seen, 0, -1),
        image_names=(None,) * len(frames),
        image_size=np.array([1280.0, 720.0]),
        focal_length=np.nan,
        camera_center=np.full(2, np.nan),
    )


ALICE, BOB = walker((-0.7, 0.3, 0.0)), walker((0.8, -0.4, 0.0), seed=1)
EVERY = np.arange(NUM_FRAMES)


def views_of(*people):
    """(V, T, 17, 3) of each person."""
    return [np.moveaxis(seen_by_all(CAMERAS, points), 1, 0) for points in people]


def test_people_are_found_in_every_view_whatever_their_order():
    alice, bob = views_of(ALICE, BOB)
    tracks = [[track(alice[v], EVERY), track(bob[v], EVERY)][:: (-1) ** v] for v in range(3)]
    found = people_in_views(tracks, CAMERAS)
    assert [person.views for person in found] == [(0, 1, 2)] * 2
    for person, expected in zip(found, (alice, bob), strict=True):
        np.testing.assert_allclose(person.keypoints, np.moveaxis(expected, 0, 1), rtol=1e-6)
        np.testing.assert_array_equal(person.frames, EVERY)


def test_who_leaves_a_picture_and_comes_back_is_one_person():
    (alice,) = views_of(ALICE)
    tracks = [
        [track(alice[0], EVERY)],
        [track(alice[1], EVERY)],
        [track(alice[2][:2], EVERY[:2]), track(alice[2][4:], EVERY[4:], 1)],
    ]
    (person,) = people_in_views(tracks, CAMERAS)
    assert [len(some) for some in person.tracks] == [1, 1, 2]
    is_seen = np.any(person.keypoints[..., 2] > 0, axis=-1)
    np.testing.assert_array_equal(is_seen[:, 2], [True, True, False, False, True, True])
    assert is_seen[:, :2].all()


def test_nobody_is_in_two_places_of_a_picture():
    (alice,) = views_of(ALICE)
    double = track(alice[0] + (3.0, 0.0, 0.0), EVERY, 1)
    tracks = [[track(alice[0], EVERY), double], [track(alice[1], EVERY)], [track(alice[2], EVERY)]]
    found = people_in_views(tracks, CAMERAS)
    assert [person.views for person in found] == [(0, 1, 2), (0,)]


def test_a_frame_that_a_view_missed_is_zero():
    (alice,) = views_of(ALICE)
    gap = alice[1].copy()
    gap[3] = 0
    tracks = [[track(alice[0], EVERY)], [track(gap, EVERY)], []]
    (person,) = people_in_views(tracks, CAMERAS)
    assert person.views == (0, 1)
    assert not person.keypoints[3, 1].any()
    assert not person.keypoints[:, 2].any()


def test_views_may_begin_at_different_frames_and_take_every_second():
    (alice,) = views_of(ALICE)
    tracks = [[track(alice[0][::2], EVERY[::2])], [track(alice[1][2::2], EVERY[2::2])], []]
    (person,) = people_in_views(tracks, CAMERAS)
    np.testing.assert_array_equal(person.frames, [0, 2, 4])
    np.testing.assert_array_equal(np.any(person.keypoints[..., 2] > 0, axis=-1)[:, 1], [False, True, True])


@pytest.mark.parametrize("num_views", [2, 3])
def test_views_without_anybody_give_nobody(num_views):
    assert people_in_views([[]] * num_views, CAMERAS[:num_views]) == []
