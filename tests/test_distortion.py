"""Lens distortion and its inverse."""

import jax
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rigs import looking_at

from smplify_jax.camera.distortion import MAX_RADIUS, distort, largest_radius, undistort
from smplify_jax.errors import InputError

coefficients = st.tuples(
    st.floats(-0.5, 0.5),
    st.floats(-0.3, 0.3),
    st.floats(-0.005, 0.005),
    st.floats(-0.005, 0.005),
    st.floats(-0.1, 0.1),
    st.floats(-0.2, 0.2),
    st.floats(-0.1, 0.1),
    st.floats(-0.05, 0.05),
)
LENS = (-0.3, 0.1, 1e-3, -2e-3, -0.02)


def camera_with(distortion):
    return looking_at((0.0, -3.0, 1.0), (0.0, 0.0, 1.0), distortion=distortion)


def pixels_at(points, camera):
    """Keypoints at points in units of the focal length."""
    pixels = np.asarray(points) * camera.camera.focal_length + camera.camera.camera_center
    return np.concatenate([pixels, np.full((*pixels.shape[:-1], 1), 0.7)], axis=-1)


@given(coefficients, st.lists(st.tuples(st.floats(0, 0.85), st.floats(0, 2 * np.pi)), min_size=1, max_size=8))
def test_undistortion_takes_back_what_the_lens_did_wherever_the_model_describes_one(distortion, places):
    camera = camera_with(distortion)
    radius = min(largest_radius(camera.distortion), 1.5)  # 1.5 is 56 degrees from the axis
    points = np.array([(share * radius * np.cos(angle), share * radius * np.sin(angle)) for share, angle in places])
    keypoints = pixels_at(points, camera)
    seen = distort(keypoints, camera)
    # Where tangential terms outweigh the slope that is left near the edge, two directions may fall on one pixel.
    assume(slope_at(points, camera) > 0.05)
    np.testing.assert_allclose(undistort(seen, camera), keypoints, atol=1e-5)  # pixels; the search stops at 1e-4


def slope_at(points, camera):
    """How far the pixels of neighbouring directions are apart at the worst point, relative to the pinhole."""
    steps = np.array([(1e-4, 0.0), (0.0, 1e-4)])
    ends = distort(pixels_at(points[:, None] + steps, camera), camera)[..., :2]
    starts = distort(pixels_at(points, camera), camera)[:, None, :2]
    jacobians = (ends - starts) / np.asarray(camera.camera.focal_length) / 1e-4
    return np.linalg.svd(jacobians, compute_uv=False).min()


@given(coefficients)
def test_whatever_undistortion_returns_is_seen_there(distortion):
    camera = camera_with(distortion)
    grid = np.stack(np.meshgrid(np.linspace(-300, 1600, 9), np.linspace(-300, 1100, 9)), axis=-1).reshape(-1, 2)
    keypoints = np.concatenate([grid, np.ones((81, 1))], axis=-1)
    found = undistort(keypoints, camera)
    assert np.isfinite(found).all()
    is_found = found[:, 2] > 0
    assert is_found.any()
    np.testing.assert_allclose(distort(found, camera)[is_found], keypoints[is_found], atol=1e-3)
    assert not found[~is_found].any()


def test_the_model_is_opencv_s():
    # From the formula of OpenCV's documentation, written out at one point.
    camera = camera_with((0.1, 0.02, 0.003, 0.004, 0.005, 0.06, 0.007, 0.008))
    x, y = 0.3, -0.2
    s = x * x + y * y
    g = (1 + 0.1 * s + 0.02 * s**2 + 0.005 * s**3) / (1 + 0.06 * s + 0.007 * s**2 + 0.008 * s**3)
    expected = (
        x * g + 2 * 0.003 * x * y + 0.004 * (s + 2 * x * x),
        y * g + 0.003 * (s + 2 * y * y) + 2 * 0.004 * x * y,
    )
    np.testing.assert_allclose(distort(pixels_at([[x, y]], camera), camera), pixels_at([expected], camera), rtol=1e-13)


def test_a_lens_without_distortion_leaves_points_where_they_are():
    camera = camera_with(())
    keypoints = pixels_at([[0.1, 0.2], [-0.5, 0.9]], camera)
    np.testing.assert_allclose(undistort(keypoints, camera), keypoints, rtol=1e-14)
    np.testing.assert_allclose(distort(keypoints, camera), keypoints, rtol=1e-14)
    assert largest_radius(camera.distortion) == MAX_RADIUS


def test_a_pixel_that_no_direction_falls_on_is_not_observed():
    camera = camera_with((-0.3,))  # r (1 - 0.3 r^2) grows up to r = 1.054, where it is 0.703
    assert largest_radius(camera.distortion) == pytest.approx(np.sqrt(1 / 0.9))
    inside, outside = undistort(pixels_at([[0.70, 0.0], [0.71, 0.0]], camera), camera)
    assert inside[2] == 0.7
    assert not outside.any()
    assert not distort(pixels_at([[1.06, 0.0]], camera), camera).any()


def test_points_that_were_not_observed_are_zero():
    camera = camera_with(LENS)
    keypoints = pixels_at([[0.1, 0.2]] * 6, camera)
    keypoints[1, 2], keypoints[2, 0], keypoints[3, 2] = 0, np.nan, np.inf
    keypoints[4, :2], keypoints[5, :2] = 0, -1  # marks of "not found", whatever the confidence
    found = undistort(keypoints, camera)
    assert found[0, 2] == 0.7
    assert not found[1:].any()


def test_any_number_of_people_at_once():
    camera = camera_with(LENS)
    keypoints = pixels_at(np.random.default_rng(0).uniform(-0.4, 0.4, (2, 3, 5, 2)), camera)
    together = undistort(keypoints, camera)
    assert together.shape == (2, 3, 5, 3)
    np.testing.assert_array_equal(together[1, 2], undistort(keypoints[1, 2], camera))
    assert undistort(np.zeros((0, 5, 3)), camera).shape == (0, 5, 3)


def test_keypoints_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"keypoints have shape \(5, 2\); expected \(\.\.\., K, 3\)"):
        undistort(np.zeros((5, 2)), camera_with(LENS))


def test_a_calibrated_camera_goes_through_jax_transformations():
    camera = camera_with(LENS)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, camera)
    np.testing.assert_array_equal(doubled.distortion, 2 * camera.distortion)
    assert doubled.name == camera.name
