"""Rigid alignment of points of which a few are far off."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.geometry.alignment import rigidly_aligned

OUTLIER = 0.15


def moved_clouds(num_clouds=5, num_points=12, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 0.4, (num_clouds, num_points, 3))
    turns, shifts = Rotation.random(num_clouds, rng).as_matrix(), rng.normal(0, 5, (num_clouds, 3))
    return points, turns, shifts, np.einsum("bij,bkj->bki", turns, points) + shifts[:, None]


def test_a_rigid_motion_is_found_again():
    points, turns, shifts, target = moved_clouds()
    rotation, shift = rigidly_aligned(points, target, np.ones(points.shape[:2]), OUTLIER)
    np.testing.assert_allclose(rotation, turns, atol=1e-12)
    np.testing.assert_allclose(shift, shifts, atol=1e-12)


def test_a_point_that_is_far_off_hardly_counts():
    points, turns, _, target = moved_clouds()
    target[:, 0] += [1.0, -0.5, 0.7]
    rotation, _ = rigidly_aligned(points, target, np.ones(points.shape[:2]), OUTLIER)
    off = Rotation.from_matrix(rotation @ turns.swapaxes(1, 2)).magnitude()
    assert np.rad2deg(off).max() < 1


def test_points_without_weight_count_for_nothing():
    points, turns, shifts, target = moved_clouds()
    weights = np.ones(points.shape[:2])
    weights[:, :4] = 0
    target[:, :4] = 100.0
    rotation, shift = rigidly_aligned(points, target, weights, OUTLIER)
    np.testing.assert_allclose(rotation, turns, atol=1e-12)
    np.testing.assert_allclose(shift, shifts, atol=1e-11)


def test_a_mirror_image_is_turned_and_never_mirrored():
    points, _, _, _ = moved_clouds()
    rotation, _ = rigidly_aligned(points, points * [-1, 1, 1], np.ones(points.shape[:2]), OUTLIER)
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-12)


def test_each_cloud_is_aligned_by_itself():
    points, _, _, target = moved_clouds()
    weights = np.ones(points.shape[:2])
    rotation, shift = rigidly_aligned(points, target, weights, OUTLIER)
    one_rotation, one_shift = rigidly_aligned(points[2:3], target[2:3], weights[2:3], OUTLIER)
    np.testing.assert_allclose(rotation[2:3], one_rotation, atol=1e-12)
    np.testing.assert_allclose(shift[2:3], one_shift, atol=1e-11)


@pytest.mark.parametrize("num_known", [0, 1, 2])
def test_too_few_points_give_some_rotation_and_no_nan(num_known):
    points, _, _, target = moved_clouds()
    weights = np.zeros(points.shape[:2])
    weights[:, :num_known] = 1
    rotation, shift = rigidly_aligned(points, target, weights, OUTLIER)
    np.testing.assert_allclose(
        rotation @ rotation.swapaxes(1, 2), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-9)
    assert np.isfinite(shift).all()
