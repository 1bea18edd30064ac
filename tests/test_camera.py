"""The pinhole camera, and how missing knowledge about it is filled in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax.camera.pinhole import MIN_DEPTH, Camera, project
from smplify_jax.camera.setup import setup_camera
from smplify_jax.errors import InputError

CAMERA = Camera(jnp.array([500.0, 600.0]), jnp.array([320.0, 240.0]))
KEYPOINTS = np.array([[[100, 100, 1], [200, 400, 1], [0, 0, 0]]], np.float32)


def test_a_point_on_the_axis_lands_on_the_principal_point():
    np.testing.assert_allclose(project(jnp.array([[0.0, 0.0, 2.0]]), CAMERA), [[320.0, 240.0]])


def test_right_is_right_and_down_is_down():
    np.testing.assert_allclose(project(jnp.array([[1.0, 1.0, 2.0]]), CAMERA), [[570.0, 540.0]])


@pytest.mark.parametrize("depth", [-1.0, 0.0, MIN_DEPTH / 2])
def test_points_too_near_are_projected_from_the_least_depth(depth):
    point = jnp.array([[0.1, 0.2, depth]])
    np.testing.assert_allclose(project(point, CAMERA), project(point.at[0, 2].set(MIN_DEPTH), CAMERA))
    assert np.isfinite(jax.jacfwd(lambda p: project(p, CAMERA))(point)).all()


def test_default_camera_has_the_diagonal_as_focal_length_and_looks_at_the_middle():
    camera = setup_camera(None, KEYPOINTS, (640, 480), None)
    np.testing.assert_allclose(camera.focal_length, [[800.0, 800.0]])
    np.testing.assert_allclose(camera.camera_center, [[320.0, 240.0]])


def test_profile_focal_length_replaces_the_diagonal():
    np.testing.assert_allclose(setup_camera(None, KEYPOINTS, (640, 480), 5000.0).focal_length, [[5000.0, 5000.0]])


@pytest.mark.parametrize(
    "camera",
    [
        Camera(jnp.array([500.0, 600.0]), jnp.array([10.0, 20.0])),
        Camera(jnp.array([[500.0, 600.0]] * 3), jnp.array([[10.0, 20.0]] * 3)),
        np.array([[500.0, 0, 10], [0, 600, 20], [0, 0, 1]]),
        np.array([[[500.0, 0, 10], [0, 600, 20], [0, 0, 1]]] * 3),
    ],
)
def test_every_form_of_a_known_camera_means_the_same(camera):
    complete = setup_camera(camera, np.repeat(KEYPOINTS, 3, axis=0), None, None)
    np.testing.assert_allclose(complete.focal_length, [[500.0, 600.0]] * 3)
    np.testing.assert_allclose(complete.camera_center, [[10.0, 20.0]] * 3)


def test_a_focal_length_per_person_goes_to_that_person():
    complete = setup_camera([100.0, 200.0, 300.0], np.repeat(KEYPOINTS, 3, axis=0), (640, 480), None)
    np.testing.assert_allclose(complete.focal_length[:, 0], [100.0, 200.0, 300.0])


def test_without_a_picture_size_the_keypoints_stand_in_with_a_warning():
    with pytest.warns(UserWarning, match="size is not known for 1 of 1"):
        camera = setup_camera(None, KEYPOINTS, None, None)
    np.testing.assert_allclose(camera.camera_center, [[150.0, 250.0]])
    np.testing.assert_allclose(camera.focal_length, [[900.0, 900.0]])


@pytest.mark.parametrize(
    ("camera", "size", "message"),
    [
        (np.eye(4), None, "shape"),
        (np.array([[500.0, 5, 10], [0, 600, 20], [0, 0, 1]]), None, "skew"),
        (None, (640, 480, 3), "image_size"),
        ([1.0, 2.0, 3.0, 4.0], (640, 480), "focal length"),
    ],
)
def test_what_cannot_be_a_camera_is_refused_in_one_sentence(camera, size, message):
    with pytest.raises(InputError, match=message):
        setup_camera(camera, KEYPOINTS, size, None)
