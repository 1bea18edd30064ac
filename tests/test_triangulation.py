"""Points from several views: exact ones come back, one wrong view costs nothing, and what cannot be known is zero."""

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from rigs import looking_at, ring, seen_by, seen_by_all

from smplify_jax.camera.calibration import load_calibration
from smplify_jax.camera.distortion import undistort
from smplify_jax.camera.triangulation import MAX_ERROR, triangulate
from smplify_jax.errors import InputError

NOISE_PX = 4.0


def cloud(seed=0, shape=(17,)):
    """Points of a person's size [m]."""
    return np.random.default_rng(seed).normal((0, 0, 1), (0.25, 0.25, 0.45), (*shape, 3))


def noisy(keypoints, seed=0, sigma=NOISE_PX):
    keypoints = keypoints.copy()
    keypoints[..., :2] += np.random.default_rng(seed).normal(0, sigma, keypoints[..., :2].shape)
    return keypoints


@pytest.mark.parametrize("num_views", [2, 3, 4, 8])
def test_exact_points_come_back(num_views):
    cameras = ring(num_views, spread=4.0)
    points = cloud()
    found = triangulate(seen_by_all(cameras, points), cameras)
    np.testing.assert_allclose(found[:, :3], points, atol=1e-9)  # of a scene of metres, in float64
    np.testing.assert_array_equal(found[:, 3], 1)


def test_any_leading_axes_and_each_person_alone():
    cameras = ring(4)
    keypoints = noisy(seen_by_all(cameras, cloud(shape=(2, 3, 17))))
    together = triangulate(keypoints, cameras)
    assert together.shape == (2, 3, 17, 4)
    np.testing.assert_allclose(together[1, 2], triangulate(keypoints[1, 2], cameras), atol=1e-12)
    assert triangulate(np.zeros((0, 4, 17, 3)), cameras).shape == (0, 17, 4)
    assert triangulate(np.zeros((5, 4, 0, 3)), cameras).shape == (5, 0, 4)


def test_noise_is_averaged_over_views():
    points = cloud(shape=(40, 17))

    def error(num_views):
        cameras = ring(num_views)
        found = triangulate(noisy(seen_by_all(cameras, points)), cameras)
        return np.sqrt(np.square(found[..., :3] - points).sum(axis=-1).mean())

    four, sixteen = error(4), error(16)
    # 4 px at 4 m and f = 1000 are 16 mm along each axis across a ray; four views at right angles know the horizontal from two each.
    assert 0.012 < four < 0.024
    assert sixteen == pytest.approx(four / 2, rel=0.1)  # the square root of four times as many views


def test_it_is_the_least_squares_of_the_reprojection_error():
    cameras, points = ring(3, spread=3.0), cloud(shape=(5,))
    keypoints = noisy(seen_by_all(cameras, points), sigma=2.0)
    keypoints[..., 2] = np.random.default_rng(1).uniform(0.3, 1, keypoints.shape[:-1])
    found = triangulate(keypoints, cameras)
    for k in range(5):
        depths = np.array([(camera.rotation @ found[k, :3] + camera.translation)[2] for camera in cameras])

        def residual(point, k=k, depths=depths):
            seen = np.array([seen_by(camera, point) for camera in cameras])
            metres = (seen[:, :2] - keypoints[:, k, :2]) / [camera.camera.focal_length for camera in cameras]
            return (np.sqrt(keypoints[:, k, 2:]) * metres * depths[:, None]).ravel()

        best = scipy.optimize.least_squares(residual, found[k, :3] + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        np.testing.assert_allclose(found[k, :3], best.x, atol=1e-5)  # the steps hold the depths: 10 micrometres


def test_confidence_weighs_the_views():
    cameras, points = ring(3, spread=3.0), cloud(shape=(30, 17))
    keypoints = noisy(seen_by_all(cameras, points), sigma=1.0)
    keypoints[:, 0, :, :2] += np.random.default_rng(5).normal(0, 10, keypoints[:, 0, :, :2].shape)
    equal = triangulate(keypoints, cameras)
    keypoints[:, 0, :, 2] = 0.01  # as the variances are
    weighted = triangulate(keypoints, cameras)

    def error(found):
        return np.linalg.norm(found[..., :3] - points, axis=-1).mean()

    assert error(weighted) < 0.7 * error(equal)


@given(st.integers(0, 3), st.integers(0, 10**6), st.floats(60, 600), st.floats(0, 2 * np.pi))
def test_one_bad_view_of_four_is_left_out(bad, seed, size, angle):
    cameras, points = ring(4, spread=5.0), cloud(seed % 100)
    keypoints = noisy(seen_by_all(cameras, points), seed, sigma=2.0)
    k = seed % 17
    keypoints[bad, k, :2] += size * np.array((np.cos(angle), np.sin(angle)))
    found = triangulate(keypoints, cameras)
    # 2 px are 8 mm across each ray; the worst three views leave 12 mm along an axis. The shift is 24 cm and more.
    assert np.linalg.norm(found[k, :3] - points[k]) < 0.05


def test_one_bad_view_of_three_is_left_out_for_most_points():
    # Two views alone cannot tell a shift along their epipolar line, so with three some bad ones pass.
    cameras, points = ring(3, spread=4.0), cloud(shape=(100, 17))
    keypoints = noisy(seen_by_all(cameras, points), sigma=2.0)
    rng = np.random.default_rng(2)
    bad, k = rng.integers(0, 3, 100), rng.integers(0, 17, 100)
    shift = rng.normal(size=(100, 2))
    shift *= 150 / np.linalg.norm(shift, axis=1, keepdims=True)
    keypoints[np.arange(100), bad, k, :2] += shift
    found = triangulate(keypoints, cameras)[np.arange(100), k]
    error = np.linalg.norm(found[:, :3] - points[np.arange(100), k], axis=1)
    assert np.median(error) < 0.03
    assert np.mean(error < 0.05) > 0.7
    clean = triangulate(noisy(seen_by_all(cameras, points), sigma=2.0), cameras)
    assert np.linalg.norm(clean[..., :3] - points, axis=-1).max() < 0.08


def test_two_bad_views_of_six_are_left_out():
    cameras, points = ring(6), cloud()
    keypoints = noisy(seen_by_all(cameras, points), sigma=2.0)
    keypoints[[1, 4], 3, :2] += [[300, 100], [-200, 250]]
    found = triangulate(keypoints, cameras)
    assert np.linalg.norm(found[3, :3] - points[3]) < 0.03


def test_good_views_are_kept():
    cameras, points = ring(4), cloud(shape=(200, 17))
    keypoints = noisy(seen_by_all(cameras, points))
    keypoints[..., 2] = [[1.0], [0.9], [0.8], [0.7]]
    used = triangulate(keypoints, cameras)[..., 3]
    assert np.mean(np.isclose(used, 0.85)) > 0.99  # the mean of all four


def test_what_fewer_than_two_views_see_is_zero():
    cameras, points = ring(3, spread=4.0), cloud(shape=(4,))
    keypoints = seen_by_all(cameras, points)
    keypoints[:, 0, 2] = 0
    keypoints[1:, 1, 2] = 0
    keypoints[1, 2, 0], keypoints[2, 2, 1] = np.nan, np.inf
    found = triangulate(keypoints, cameras)
    assert not found[:3].any()
    np.testing.assert_allclose(found[3, :3], points[3], atol=1e-9)


def test_parallel_rays_missed_rays_and_points_behind_a_camera_are_zero():
    near = looking_at((0, -4, 1), (0, 0, 1)), looking_at((0.01, -4, 1), (0.01, 0, 1))
    assert not triangulate(seen_by_all(near, cloud()), near).any()
    facing = looking_at((0, -4, 1), (0, 0, 1)), looking_at((0, 4, 1), (0, 0, 1))
    on_the_line = np.array([[0.0, 0.3, 1.0]])
    assert not triangulate(seen_by_all(facing, on_the_line), facing).any()
    across = ring(2, spread=np.pi)
    keypoints = seen_by_all(across, cloud())
    keypoints[0, :, 1] += 2.5 * MAX_ERROR / 4 * 1000  # each ray is missed by more than half of it
    assert not triangulate(keypoints, across).any()
    between = looking_at((0, -4, 1), (0, 0, 1)), looking_at((2, -4, 1), (2, 0, 1))
    assert not triangulate(seen_by_all(between, np.array([[1.0, -8.0, 1.2]])), between).any()


def test_input_of_another_shape_is_a_sentence():
    with pytest.raises(InputError, match="there are 1 cameras"):
        triangulate(np.zeros((1, 17, 3)), ring(2)[:1])
    with pytest.raises(InputError, match=r"shape \(3, 17, 3\); expected \(\.\.\., V, K, 3\) with the V = 4 views"):
        triangulate(np.zeros((3, 17, 3)), ring(4))


@given(st.integers(0, 10**6))
def test_whatever_comes_in_what_goes_out_is_finite(seed):
    rng = np.random.default_rng(seed)
    cameras = ring(4)
    keypoints = rng.normal(0, 10 ** rng.uniform(0, 200), (4, 5, 3))
    keypoints[rng.random(keypoints.shape) < 0.1] = rng.choice([np.nan, np.inf, -np.inf, 0])
    found = triangulate(keypoints, cameras)
    assert np.isfinite(found).all()
    assert (found[..., 3] >= 0).all()


@pytest.mark.real_data
def test_real_detections_agree_better_without_the_lens_distortion(shared_data):
    path: Path = shared_data / "keypoints" / "pose2sim" / "pose2sim_S00_P00_T00_StaticTrial.npz"
    cameras = load_calibration(path)
    with np.load(path) as archive:
        keypoints, published = archive["keypoints2d"].astype(float), archive["joints3d"]
    straight = np.stack([undistort(keypoints[:, v], camera) for v, camera in enumerate(cameras)], axis=1)
    found = triangulate(straight, cameras)
    # All but the eyes and ears, which were not detected.
    np.testing.assert_array_equal(found[..., 3] > 0.5, np.isfinite(published[..., 0]))
    is_good = found[..., 3] > 0.5
    assert np.linalg.norm(found[..., :3] - published, axis=-1)[is_good].max() < 0.01
    assert reprojection_error(found, straight, cameras) < reprojection_error(
        triangulate(keypoints, cameras), keypoints, cameras
    )


def reprojection_error(found, keypoints, cameras):
    """Root mean square over points and views [px]."""
    seen = np.stack([seen_by(camera, found[..., :3]) for camera in cameras], axis=1)
    is_good = (found[:, None, :, 3] > 0.5) & (keypoints[..., 2] > 0)
    return np.sqrt(np.square(seen - keypoints)[..., :2].sum(axis=-1)[is_good].mean())
