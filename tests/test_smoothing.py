"""Smoothing by hand, the baseline of fits over time."""

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.smoothing import smoothed, smoothed_bodies, smoothed_keypoints, smoothed_rotations
from smplify_jax import load_body
from smplify_jax.body.parameters import BodyParameters

TIMES = np.arange(60.0)
INSIDE = slice(12, 48)
"""Frames whose filters do not reach the ends: four standard deviations of the Gaussian, and the median's two."""


def test_steady_motion_stays_and_single_outliers_vanish():
    path = np.stack([0.1 * TIMES, 3.0 - 0.2 * TIMES], axis=-1)[None]
    spoiled = path.copy()
    spoiled[0, 30] += 100.0
    # around the outlier the median is one step of 0.2 further on
    np.testing.assert_allclose(smoothed(spoiled)[:, INSIDE], path[:, INSIDE], atol=0.2)
    np.testing.assert_allclose(smoothed(path)[:, INSIDE], path[:, INSIDE], atol=1e-9)


def test_noise_shrinks():
    noise = np.random.default_rng(0).normal(size=(20, 60, 3))
    assert smoothed(noise)[:, INSIDE].std() < 0.45


def test_steady_turn_stays_where_its_vector_jumps():
    angles = 0.05 * TIMES + 2.0  # through half a turn
    turn = Rotation.from_rotvec(np.outer(angles, [0.0, 0.6, 0.8]))
    vectors = turn.as_rotvec()
    assert np.abs(np.diff(vectors, axis=0)).max() > 3
    found = Rotation.from_rotvec(smoothed_rotations(vectors[None])[0])
    assert (turn.inv() * found).magnitude()[INSIDE].max() < 1e-3  # medians of entries at their extremes


def test_bodies_take_the_median_shape_and_their_pelvis_stays():
    body = load_body()
    generator = np.random.default_rng(1)
    betas = np.zeros((1, 60, 10))
    betas[0, :, 0] = generator.normal(1.0, 0.3, 60)
    zeros = np.zeros((1, 60, 3))
    bodies = BodyParameters(zeros, np.zeros((1, 60, 69)), betas, zeros + np.array([0.1, 0.2, 4.0]))
    found = smoothed_bodies(body, bodies)
    np.testing.assert_allclose(found.betas[0, :, 0], np.median(betas[0, :, 0]))
    pelvis = [np.asarray(body.joints(**{k: v[0] for k, v in one.blocks().items()}))[:, 0] for one in (bodies, found)]
    np.testing.assert_allclose(pelvis[1], smoothed(pelvis[0][None].astype(float))[0], atol=1e-5)  # float32 of metres


def test_short_gaps_of_keypoints_are_filled_with_less_confidence_and_long_ones_stay():
    keypoints = np.ones((1, 60, 1, 3), np.float32)
    keypoints[0, :, 0, 0] = 2 * TIMES
    keypoints[0, 20] = 0
    keypoints[0, 40:50] = 0
    found = smoothed_keypoints(keypoints)[0, :, 0]
    np.testing.assert_allclose(found[20, :2], [40, 1], atol=1e-4)
    assert 0.5 < found[20, 2] < 0.9
    assert (found[42:48] == 0).all()  # the median reaches two frames
    np.testing.assert_allclose(found[10, 2], 1.0, atol=1e-6)


def test_unsure_keypoints_count_little():
    keypoints = np.ones((1, 60, 1, 3), np.float32)
    keypoints[0, 30:34, 0] = (11.0, 1.0, 0.05)
    sure = keypoints.copy()
    sure[0, 30:34, 0, 2] = 1.0
    assert smoothed_keypoints(keypoints)[0, 31, 0, 0] < 0.5 * smoothed_keypoints(sure)[0, 31, 0, 0]
