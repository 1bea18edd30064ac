"""Keypoints of cameras that are late: interpolated to the moments of the first, and only between frames that saw them."""

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.fitting.synchronization import synchronized

TIMES = np.arange(6) / 30


def moving(times):
    """(T, K, 3) keypoints on straight lines."""
    points = np.array([[100.0, 50.0], [200.0, 80.0], [400.0, 20.0]])
    speed = np.array([[30.0, 0.0], [-60.0, 90.0], [0.0, 15.0]])
    pixels = points + np.asarray(times)[:, None, None] * speed
    return np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 0.9)], axis=-1).astype(np.float32)


def two_views(delay):
    return np.stack([moving(TIMES), moving(TIMES + delay)], axis=1)


@pytest.mark.parametrize("delay", [0.01, -0.02, 1 / 30, -0.08])
def test_straight_motion_is_known_exactly_between_frames(delay):
    found = synchronized(two_views(delay), TIMES, [0.0, delay])
    known = found[:, 1, :, 2] > 0
    inside = (TIMES[0] + delay - 1e-6 <= TIMES) & (TIMES[-1] + delay + 1e-6 >= TIMES)
    np.testing.assert_array_equal(known, np.broadcast_to(inside[:, None], known.shape))
    np.testing.assert_allclose(found[:, 1][inside], moving(TIMES)[inside], atol=1e-3)
    np.testing.assert_array_equal(found[:, 0], moving(TIMES))


def test_without_delays_nothing_changes():
    frames = two_views(0.01)
    assert synchronized(frames, TIMES, None) is frames
    np.testing.assert_array_equal(synchronized(frames, TIMES, [0, 0]), frames)


def test_a_keypoint_is_not_invented_next_to_a_frame_that_missed_it():
    frames = two_views(0.01)
    frames[2, 1, 1] = 0
    frames[4, 1, 0, 2] = 0.2
    found = synchronized(frames, TIMES, [0, 0.01])[:, 1]
    # A moment lies 0.01 s before the frame of the same number, so between the one before and it.
    np.testing.assert_array_equal(found[:, 1, 2] > 0, [False, True, False, False, True, True])
    np.testing.assert_allclose(found[[4, 5], 0, 2], 0.2)
    np.testing.assert_array_equal(found[[2, 3], 1], 0)


def test_times_may_be_uneven():
    times = np.array([0.0, 0.03, 0.1, 0.11, 0.2])
    frames = np.stack([moving(times), moving(times + 0.02)], axis=1)
    found = synchronized(frames, times, [0, 0.02])[:, 1]
    np.testing.assert_allclose(found[1:], moving(times)[1:], atol=1e-3)


@pytest.mark.parametrize(
    ("delays", "words"),
    [
        ([0.0], "2 finite numbers"),
        ([0.0, np.inf], "2 finite numbers"),
        ("late", "2 finite numbers"),
        ([0.0, 0.2], r"0.2 s: cut the videos .* more than 0.1 s"),
    ],
)
def test_delays_that_cannot_be_used_are_one_sentence(delays, words):
    with pytest.raises(InputError, match=words):
        synchronized(two_views(0.01), TIMES, delays)


def test_one_frame_cannot_be_synchronized():
    with pytest.raises(InputError, match="at least two frames"):
        synchronized(two_views(0.01)[:1], TIMES[:1], [0, 0.01])
