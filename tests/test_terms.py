"""Every term of the objective: its energy against the naive twin, its normal equations against derivatives of its residuals."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpy_twin as twin
import pytest
from bodies import random_body_with_points, with_random_capsules
from test_keypoint_body import random_parameters

from smplify_jax.body.capsules import PART_JOINTS
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.load import load_body
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.body.spheres import body_spheres
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.measurements.measured import measure_body
from smplify_jax.measurements.shape_measures import shape_measures
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.measured import KnownMeasurements
from smplify_jax.terms.objective import TERM_NAMES, RoundInputs, Scene, TermWeights, build_terms, linearize
from smplify_jax.terms.term import Linearization, sum_normal_equations

WEIGHTS = TermWeights(
    sigma=100.0, pose_prior=4.78, bend=15.2, shape=5.0, depth=30.0, interpenetration=300.0, anchor=2.0, measurements=3.0
)
PAIRS = (("spine2", "left_forearm"), ("left_calf", "right_foot"), ("left_hand", "right_hand"))
"""So few that J^T J of the interpenetration term leaves none out."""
BLIND_TO_BETAS = ("interpenetration",)
"""Terms whose gradient leaves the shape alone although their energy depends on it."""
NUM_KEYPOINTS = 17
MEASURED = ("stature", "mass", "outer arm length")
"""Without a girth, which takes seconds to compile: tests/test_measurements.py checks their derivatives."""


def random_moments(seed=3):
    rng = np.random.default_rng(seed)
    factors = rng.normal(0, 0.1, (4, 69, 69))
    covars = factors @ factors.transpose(0, 2, 1) + 0.05 * np.eye(69)
    return rng.normal(0, 0.3, (4, 69)), covars, rng.dirichlet(np.ones(4))


def random_observation(seed=5):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1.0, NUM_KEYPOINTS).astype(np.float32)
    confidence[3] = 0.0
    camera = Camera(jnp.array([900.0, 950.0]), jnp.array([320.0, 240.0]))
    points = rng.uniform(100, 500, (NUM_KEYPOINTS, 2)).astype(np.float32)
    return Observation(jnp.asarray(points), jnp.asarray(confidence), camera, jnp.asarray(0.7))


def random_anchor(seed=7):
    rng = np.random.default_rng(seed)
    draws = {
        "body_pose": rng.normal(0, 0.3, 69),
        "betas": rng.normal(size=10),
        "pose_scale": rng.uniform(1, 8, 69),
        "betas_scale": rng.uniform(0, 2, 10),
    }
    return Anchor(**{name: jnp.asarray(value, jnp.float32) for name, value in draws.items()})


def random_inverse_correlation(seed=8):
    factor = np.eye(69) + np.tril(np.random.default_rng(seed).normal(0, 0.1, (69, 69)))
    return jnp.asarray(factor @ factor.T, jnp.float32)


def known_measurements():
    """Off by a few standard deviations, so that the term pulls; the last is not known."""
    values, scale = [1.75, 80.0, 0.0], [100.0, 1.0, 0.0]
    return KnownMeasurements(jnp.asarray(values, jnp.float32), jnp.asarray(scale, jnp.float32))


@cache
def measures():
    """Of a person: the random body is none, and the term depends on the betas alone."""
    return shape_measures(load_body(num_betas=10)).only(MEASURED)


def parameters_before_the_camera(seed=0):
    return dataclasses.replace(random_parameters(seed=seed, spread=0.3), transl=jnp.array([0.2, -0.1, 3.5]))


@pytest.fixture(scope="module")
def body():
    return keypoint_body(whole_body(), "coco17")


@cache
def whole_body():
    return with_random_capsules(random_body_with_points(24))


def scene_with(body):
    prior = PosePrior.from_moments(*random_moments())
    return Scene(body, prior, random_inverse_correlation(), body_spheres(whole_body(), pairs=PAIRS), measures())


def inputs_of(observation):
    return RoundInputs(observation, jnp.ones(NUM_KEYPOINTS), jnp.asarray(3.0), random_anchor(), known_measurements())


@pytest.fixture(scope="module")
def terms(body):
    return build_terms(scene_with(body), WEIGHTS, inputs_of(random_observation()))


def normal_equations(term, posed):
    """r^T r, J^T r and J^T J of one term, whatever it is made of."""
    size, num_pose = posed.columns.size, posed.columns.num_pose
    linearization = term.linearize(posed)
    nothing = Linearization(
        jnp.zeros(()), jnp.zeros(size), jnp.zeros((size, 1)), jnp.zeros(size), jnp.zeros((num_pose, num_pose))
    )
    return linearization.energy, *sum_normal_equations([nothing, linearization], posed.columns)


def term_energies(terms, posed):
    return jnp.stack([jnp.sum(term.residuals(posed) ** 2) for term in terms])


@jax.jit
def derivatives(body, terms, parameters):
    """Of each term: residuals r (R,), their derivative by the step (R, P), and r^T r, J^T r and J^T J as the term gives them."""

    def residuals(step):
        return [term.residuals(pose_keypoints(body, parameters.retract(step))) for term in terms]

    at_zero = jnp.zeros(parameters.columns().size)
    posed = pose_keypoints(body, parameters)
    return residuals(at_zero), jax.jacfwd(residuals)(at_zero), [normal_equations(term, posed) for term in terms]


@jax.jit
def energies_and_points(body, terms, parameters):
    posed = pose_keypoints(body, parameters)
    return term_energies(terms, posed), posed.keypoints_cam


def known_errors(betas):
    """Norm of what the known measurements differ by, in standard deviations."""
    known, measured = known_measurements(), measure_body(load_body(num_betas=10), betas, names=MEASURED).numbers
    return np.linalg.norm(np.asarray(known.scale) * (measured.astype(float) - np.asarray(known.values)))


def test_energies_agree_with_the_naive_twin(body, terms):
    parameters = parameters_before_the_camera()
    energies, keypoints_cam = energies_and_points(body, terms, parameters)
    ours = dict(zip(TERM_NAMES, np.asarray(energies, np.float64), strict=True))
    seen = random_observation()
    pose, betas = np.asarray(parameters.body_pose, np.float64), np.asarray(parameters.betas, np.float64)
    expected = {
        "data": twin.data_energy(
            np.asarray(keypoints_cam, np.float64),
            np.asarray(seen.keypoints_px),
            np.asarray(seen.confidence),
            np.asarray(seen.camera.focal_length),
            np.asarray(seen.camera.camera_center),
            0.7,
            100.0,
        ),
        "pose_prior": twin.pose_prior_energy(pose, *random_moments(), 4.78),
        "bend": twin.bend_energy(pose, 15.2),
        "shape": twin.shape_energy(betas, 5.0),
        "depth": 30.0**2 * np.log(3.5 / 3.0) ** 2,
        "interpenetration": twin.interpenetration_energy(
            twin.capsule_spheres(
                whole_body(), PART_JOINTS, betas, np.asarray(parameters.global_orient, np.float64), pose
            ),
            PAIRS,
            300.0,
        ),
        "anchor": twin.anchor_energy(pose, betas, random_anchor(), random_inverse_correlation(), 2.0),
        "measurements": 0.5 * 3.0**2 * known_errors(betas) ** 2,
    }
    assert set(expected) == set(TERM_NAMES)
    for name in TERM_NAMES:
        # Sums of about 70 float32 squares.
        np.testing.assert_allclose(ours[name], expected[name], rtol=2e-5, err_msg=name)


@pytest.mark.parametrize("index", range(len(TERM_NAMES)), ids=TERM_NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_normal_equations_are_those_of_the_residuals(body, terms, index, seed):
    found = derivatives(body, terms, parameters_before_the_camera(seed))
    residuals, jacobian, (energy, gradient, hessian) = (of_each[index] for of_each in found)
    np.testing.assert_allclose(energy, residuals @ residuals, rtol=1e-5)
    expected_hessian = jacobian.T @ jacobian
    scale = float(jnp.abs(expected_hessian).max())
    assert scale > 0
    np.testing.assert_allclose(hessian, expected_hessian, atol=2e-5 * scale)
    expected_gradient = jacobian.T @ residuals
    np.testing.assert_allclose(gradient, expected_gradient, atol=2e-5 * float(jnp.abs(expected_gradient).max()) + 1e-6)


def test_gradients_agree_with_finite_differences_in_float64(float64):
    def f64(tree):
        return jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64 if np.asarray(leaf).dtype.kind == "f" else None), tree
        )

    body = f64(keypoint_body(whole_body(), "coco17"))
    terms = build_terms(f64(scene_with(body)), WEIGHTS, f64(inputs_of(random_observation())))
    parameters = f64(parameters_before_the_camera())
    gradients = jax.jit(
        lambda p: [normal_equations(term, pose_keypoints(body, p))[1] for term in terms],
    )(parameters)
    energies = jax.jit(jax.vmap(lambda step: term_energies(terms, pose_keypoints(body, parameters.retract(step)))))
    steps = 1e-5 * jnp.eye(parameters.columns().size)
    differences = np.array((energies(steps) - energies(-steps)) / 2e-5)
    for index, name in enumerate(TERM_NAMES):
        if name in BLIND_TO_BETAS:
            differences[parameters.columns().betas, index] = 0.0
        # The gradient of the normal equations is half the energy's; central differences at 1e-5 are good to 1e-6 of the largest.
        tolerance = 1e-5 * float(jnp.abs(gradients[index]).max())
        np.testing.assert_allclose(2 * gradients[index], differences[:, index], atol=tolerance, err_msg=name)


def test_the_sum_is_the_sum_of_the_terms(body, terms):
    parameters = parameters_before_the_camera()
    total = linearize((scene_with(body), WEIGHTS), (inputs_of(random_observation()), parameters))
    _, _, each = derivatives(body, terms, parameters)
    np.testing.assert_allclose(total.energies, energies_and_points(body, terms, parameters)[0], rtol=1e-5)
    _, gradients, hessians = zip(*each, strict=True)
    np.testing.assert_allclose(total.gradient, sum(gradients), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(total.hessian, sum(hessians), rtol=1e-4, atol=1e-2)


def test_an_unobserved_keypoint_pulls_on_nothing(body):
    parameters = parameters_before_the_camera()
    seen = random_observation()
    moved = Observation(seen.keypoints_px.at[3].add(500.0), seen.confidence, seen.camera, seen.pixel_scale)
    here, there = (
        linearize((scene_with(body), WEIGHTS), (inputs_of(observation), parameters)) for observation in (seen, moved)
    )
    np.testing.assert_array_equal(here.gradient, there.gradient)


def test_people_along_the_batch_axis_are_as_alone(body):
    shared, given = (scene_with(body), WEIGHTS), inputs_of(random_observation())
    each = [parameters_before_the_camera(seed) for seed in range(3)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    together = jax.jit(jax.vmap(lambda one: linearize(shared, (given, one))))(batch)
    for index, parameters in enumerate(each):
        alone = linearize(shared, (given, parameters))
        for ours, expected in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            # Sums in another order, and an exponential in float32.
            np.testing.assert_allclose(ours[index], expected, atol=1e-4 * float(jnp.abs(expected).max()))


def test_bend_term_punishes_hyperextension_more_than_flexion():
    flexed = np.zeros(69, np.float32)
    flexed[3 * 17 + 1], flexed[3 * 18 + 1], flexed[3 * 3], flexed[3 * 4] = -1.0, 1.0, 1.0, 1.0
    assert twin.bend_energy(flexed, 1.0) < twin.bend_energy(0 * flexed, 1.0) < twin.bend_energy(-flexed, 1.0)
