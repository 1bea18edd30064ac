"""The data term over views and over points in space: its energy, and its normal equations against derivatives of its residuals."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpy_twin as twin
import pytest
from bodies import random_body_with_points
from scipy.spatial.transform import Rotation
from test_terms import normal_equations, parameters_before_the_camera, random_observation

from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.camera.observation import REFERENCE_PX_PER_M, Observation, PointsObservation, ViewsObservation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.terms.data import DataTerm

NUM_KEYPOINTS, NUM_VIEWS = 17, 3
SIGMA = 100.0


def random_confidence(rng, *axes):
    confidence = rng.uniform(0.2, 1.0, (*axes, NUM_KEYPOINTS)).astype(np.float32)
    confidence[..., 3] = 0.0
    return jnp.asarray(confidence)


def random_views(seed=5):
    """Cameras in any direction 4 m from the body, which is in front of all but the last: it sees the body at less than MIN_DEPTH."""
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(NUM_VIEWS, rng).as_matrix()
    middle = np.array([0.2, -0.1, 3.5])
    depth = np.array([4.0, 5.0, -1.0])
    translation = np.stack([np.zeros(3), np.zeros(3), depth], axis=-1) - rotation @ middle
    return ViewsObservation(
        keypoints_px=jnp.asarray(rng.uniform(100, 500, (NUM_VIEWS, NUM_KEYPOINTS, 2)), jnp.float32),
        confidence=random_confidence(rng, NUM_VIEWS),
        camera=Camera(
            jnp.asarray(rng.uniform(800, 1000, (NUM_VIEWS, 2)), jnp.float32),
            jnp.asarray(rng.uniform(200, 400, (NUM_VIEWS, 2)), jnp.float32),
        ),
        rotation=jnp.asarray(rotation, jnp.float32),
        translation=jnp.asarray(translation, jnp.float32),
        pixel_scale=jnp.asarray([0.7, 0.5, 1.1], jnp.float32),
    )


def random_points(seed=6):
    rng = np.random.default_rng(seed)
    points = rng.normal((0.2, -0.1, 3.5), 0.5, (NUM_KEYPOINTS, 3))
    return PointsObservation(jnp.asarray(points, jnp.float32), random_confidence(rng))


KINDS = {"views": random_views, "points": random_points}


@cache
def whole_body():
    return random_body_with_points(24)


def term_over(body, observation):
    weights = jnp.linspace(0.5, 1.5, NUM_KEYPOINTS).astype(jnp.asarray(observation.confidence).dtype)
    return DataTerm(body, observation, jnp.asarray(SIGMA, weights.dtype), weights)


@pytest.fixture(scope="module")
def body():
    return keypoint_body(whole_body(), "coco17")


@pytest.mark.parametrize("kind", KINDS)
def test_normal_equations_are_those_of_the_residuals(body, kind):
    parameters, term = parameters_before_the_camera(), term_over(body, KINDS[kind]())

    def residuals(step):
        return term.residuals(pose_keypoints(body, parameters.retract(step)))

    at_zero = jnp.zeros(parameters.columns().size)
    found, jacobian = residuals(at_zero), jax.jacfwd(residuals)(at_zero)
    energy, gradient, hessian = normal_equations(term, pose_keypoints(body, parameters))
    np.testing.assert_allclose(energy, found @ found, rtol=1e-5)
    # Sums of up to 102 float32 products.
    expected = jacobian.T @ jacobian
    np.testing.assert_allclose(hessian, expected, atol=2e-5 * float(jnp.abs(expected).max()))
    expected = jacobian.T @ found
    np.testing.assert_allclose(gradient, expected, atol=2e-5 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_finite_differences_in_float64(kind, float64):
    def f64(tree):
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), tree)

    body, parameters = f64(keypoint_body(whole_body(), "coco17")), f64(parameters_before_the_camera())
    term = term_over(body, f64(KINDS[kind]()))

    def energy(step):
        return jnp.sum(term.residuals(pose_keypoints(body, parameters.retract(step))) ** 2)

    energies = jax.jit(jax.vmap(energy))
    steps = 1e-5 * jnp.eye(parameters.columns().size)
    differences = (energies(steps) - energies(-steps)) / 2e-5
    gradient = normal_equations(term, pose_keypoints(body, parameters))[1]
    # The gradient of the normal equations is half the energy's; central differences at 1e-5 are good to 1e-6 of the largest.
    np.testing.assert_allclose(2 * gradient, differences, atol=1e-5 * float(jnp.abs(gradient).max()))


def test_the_energy_of_views_is_the_sum_over_pictures(body):
    views = random_views()
    posed = pose_keypoints(body, parameters_before_the_camera())
    points = np.asarray(posed.keypoints_cam, np.float64)
    weights = np.linspace(0.5, 1.5, NUM_KEYPOINTS)
    expected = sum(
        twin.data_energy(
            points @ np.asarray(views.rotation[v], np.float64).T + np.asarray(views.translation[v], np.float64),
            np.asarray(views.keypoints_px[v]),
            np.asarray(views.confidence[v]) * weights,
            np.asarray(views.camera.focal_length[v]),
            np.asarray(views.camera.camera_center[v]),
            float(views.pixel_scale[v]),
            SIGMA,
        )
        for v in range(NUM_VIEWS - 1)
    )
    front = dataclasses.replace(views, confidence=jnp.asarray(views.confidence).at[NUM_VIEWS - 1].set(0.0))
    residuals = term_over(body, front).residuals(posed)
    np.testing.assert_allclose(residuals @ residuals, expected, rtol=2e-5)


def test_one_view_from_the_origin_is_the_picture(body):
    seen = random_observation()
    views = ViewsObservation(
        seen.keypoints_px[None],
        seen.confidence[None],
        Camera(seen.camera.focal_length[None], seen.camera.camera_center[None]),
        jnp.eye(3)[None],
        jnp.zeros((1, 3)),
        seen.pixel_scale[None],
    )
    points = pose_keypoints(body, parameters_before_the_camera()).keypoints_cam
    alone, among = seen.measure(points), views.measure(points)
    np.testing.assert_allclose(among.differences, alone.differences, rtol=1e-6)
    np.testing.assert_allclose(among.directions, alone.directions, rtol=1e-6)
    assert isinstance(seen, Observation)


def test_points_are_compared_as_a_camera_before_the_person_would(body):
    given = random_points()
    points = pose_keypoints(body, parameters_before_the_camera()).keypoints_cam
    measured = given.measure(points)
    np.testing.assert_allclose(measured.differences, REFERENCE_PX_PER_M * (points - given.points), rtol=1e-6)
    assert pytest.approx(300 / 1.7) == REFERENCE_PX_PER_M  # a person of 1.7 m appears 300 px tall


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_observed_pulls_on_nothing(body, kind):
    observation = KINDS[kind]()
    name = "points" if kind == "points" else "keypoints_px"
    moved = dataclasses.replace(observation, **{name: getattr(observation, name).at[..., 3, :].add(50.0)})
    posed = pose_keypoints(body, parameters_before_the_camera())
    here, there = (normal_equations(term_over(body, one), posed) for one in (observation, moved))
    np.testing.assert_array_equal(here[1], there[1])


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_along_a_batch_are_as_alone(body, kind):
    each = [KINDS[kind](seed) for seed in range(3)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    parameters = parameters_before_the_camera()

    def equations(observation):
        return normal_equations(term_over(body, observation), pose_keypoints(body, parameters))

    together = jax.jit(jax.vmap(equations))(batch)
    for row, one in enumerate(each):
        for ours, expected in zip(together, equations(one), strict=True):
            # Sums in another order, of differences of thousands of pixels.
            np.testing.assert_allclose(ours[row], expected, atol=1e-4 * float(jnp.abs(expected).max()))
