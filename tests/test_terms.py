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
from smplify_jax.body.keypoint_jacobian import keypoints_and_jacobian
from smplify_jax.body.spheres import body_spheres
from smplify_jax.camera import Camera
from smplify_jax.observation import Observation
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.objective import TERM_NAMES, BodyContact, TermWeights, build_terms, linearize, term_energies
from smplify_jax.terms.term import PosedKeypoints

WEIGHTS = TermWeights(
    sigma=100.0, pose_prior=4.78, bend=15.2, shape=5.0, depth=30.0, interpenetration=300.0, anchor=2.0
)
PAIRS = (("spine2", "left_forearm"), ("left_calf", "right_foot"), ("left_hand", "right_hand"))
"""So few that J^T J of the interpenetration term leaves none out."""
BLIND_TO_BETAS = ("interpenetration",)
"""Terms whose gradient leaves the shape alone although their energy depends on it."""
NUM_KEYPOINTS = 17


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
        "pose_whitening": np.eye(69) + np.tril(rng.normal(0, 0.1, (69, 69))),
    }
    return Anchor(**{name: jnp.asarray(value, jnp.float32) for name, value in draws.items()})


def parameters_before_the_camera(seed=0):
    return dataclasses.replace(random_parameters(seed=seed, spread=0.3), transl=jnp.array([0.2, -0.1, 3.5]))


@pytest.fixture(scope="module")
def body():
    return keypoint_body(whole_body(), "coco17")


@cache
def whole_body():
    return with_random_capsules(random_body_with_points(24))


def contact(body):
    return BodyContact(body, body_spheres(whole_body(), pairs=PAIRS))


@pytest.fixture(scope="module")
def terms(body):
    prior = PosePrior.from_moments(*random_moments())
    return build_terms(
        random_observation(), prior, jnp.asarray(3.0), WEIGHTS, jnp.ones(NUM_KEYPOINTS), contact(body), random_anchor()
    )


def posed_by(body, parameters):
    return PosedKeypoints(parameters, *jax.jit(keypoints_and_jacobian)(body, parameters))


def test_energies_agree_with_the_naive_twin(body, terms):
    parameters = parameters_before_the_camera()
    posed = posed_by(body, parameters)
    ours = dict(zip(TERM_NAMES, np.asarray(term_energies(terms, posed), np.float64), strict=True))
    seen = random_observation()
    pose, betas = np.asarray(parameters.body_pose, np.float64), np.asarray(parameters.betas, np.float64)
    expected = {
        "data": twin.data_energy(
            np.asarray(posed.keypoints_cam, np.float64),
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
        "anchor": twin.anchor_energy(pose, betas, random_anchor(), 2.0),
    }
    assert set(expected) == set(TERM_NAMES)
    for name in TERM_NAMES:
        # Sums of about 70 float32 squares.
        np.testing.assert_allclose(ours[name], expected[name], rtol=2e-5, err_msg=name)


@pytest.mark.parametrize("index", range(len(TERM_NAMES)), ids=TERM_NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_normal_equations_are_those_of_the_residuals(body, terms, index, seed):
    parameters = parameters_before_the_camera(seed)

    def residuals(step):
        moved = parameters.retract(step)
        points, _ = keypoints_and_jacobian(body, moved)
        return terms[index].residuals(PosedKeypoints(moved, points, jnp.zeros(())))

    at_zero = jnp.zeros(parameters.columns().size)
    jacobian = jax.jit(jax.jacfwd(residuals))(at_zero)
    gradient, hessian = jax.jit(lambda p: terms[index].normal_equations(posed_by(body, p)))(parameters)
    expected_hessian = jacobian.T @ jacobian
    scale = float(jnp.abs(expected_hessian).max())
    assert scale > 0
    np.testing.assert_allclose(hessian, expected_hessian, atol=2e-5 * scale)
    expected_gradient = jacobian.T @ residuals(at_zero)
    np.testing.assert_allclose(gradient, expected_gradient, atol=2e-5 * float(jnp.abs(expected_gradient).max()) + 1e-6)


@pytest.mark.parametrize("index", range(len(TERM_NAMES)), ids=TERM_NAMES)
def test_gradient_agrees_with_finite_differences_in_float64(float64, index):
    def f64(tree):
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), tree)

    body = f64(keypoint_body(whole_body(), "coco17"))
    prior = f64(PosePrior.from_moments(*random_moments()))
    terms = build_terms(
        f64(random_observation()),
        prior,
        jnp.asarray(3.0),
        WEIGHTS,
        jnp.ones(NUM_KEYPOINTS),
        f64(contact(body)),
        f64(random_anchor()),
    )
    parameters = f64(parameters_before_the_camera())

    def energy(step):
        return term_energies(terms, posed_by(body, parameters.retract(step)))[index]

    gradient, _ = jax.jit(lambda p: terms[index].normal_equations(posed_by(body, p)))(parameters)
    energies = jax.jit(jax.vmap(energy))
    steps = 1e-5 * jnp.eye(parameters.columns().size)
    differences = np.array((energies(steps) - energies(-steps)) / 2e-5)
    if TERM_NAMES[index] in BLIND_TO_BETAS:
        differences[parameters.columns().betas] = 0.0
    # The gradient of the normal equations is half the energy's; central differences at 1e-5 are good to 1e-6 of the largest.
    np.testing.assert_allclose(2 * gradient, differences, atol=1e-5 * float(jnp.abs(gradient).max()))


def test_the_sum_is_the_sum_of_the_terms(body, terms):
    parameters = parameters_before_the_camera()
    posed = posed_by(body, parameters)
    total = linearize(terms, body, parameters)
    np.testing.assert_allclose(total.energy, term_energies(terms, posed).sum(), rtol=1e-6)
    gradients, hessians = zip(*(term.normal_equations(posed) for term in terms), strict=True)
    np.testing.assert_allclose(total.gradient, sum(gradients), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(total.hessian, sum(hessians), rtol=1e-4, atol=1e-2)


def test_an_unobserved_keypoint_pulls_on_nothing(body, terms):
    parameters = parameters_before_the_camera()
    seen = random_observation()
    moved = Observation(seen.keypoints_px.at[3].add(500.0), seen.confidence, seen.camera, seen.pixel_scale)
    prior = PosePrior.from_moments(*random_moments())
    other = build_terms(
        moved, prior, jnp.asarray(3.0), WEIGHTS, jnp.ones(NUM_KEYPOINTS), contact(body), random_anchor()
    )
    here, there = (linearize(t, body, parameters) for t in (terms, other))
    np.testing.assert_array_equal(here.gradient, there.gradient)


def test_bend_term_punishes_hyperextension_more_than_flexion():
    flexed = np.zeros(69, np.float32)
    flexed[3 * 17 + 1], flexed[3 * 18 + 1], flexed[3 * 3], flexed[3 * 4] = -1.0, 1.0, 1.0, 1.0
    assert twin.bend_energy(flexed, 1.0) < twin.bend_energy(0 * flexed, 1.0) < twin.bend_energy(-flexed, 1.0)
