"""The true Hessian of the objective: for every term alone, against central differences of J^T r in float64."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_terms import (
    PAIRS,
    known_measurements,
    measures,
    parameters_before_the_camera,
    random_anchor,
    random_inverse_correlation,
    random_moments,
    random_observation,
    whole_body,
)

from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.body.spheres import body_spheres
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.curvature import gradient, true_hessian
from smplify_jax.terms.objective import TERM_NAMES, RoundInputs, Scene, TermWeights, quadratic_model

ALONE = {
    "data": {"sigma": 100.0},
    "pose_prior": {"pose_prior": 4.78},
    "bend": {"bend": 15.2},
    "shape": {"shape": 5.0},
    "depth": {"depth": 30.0},
    "interpenetration": {"interpenetration": 300.0},
    "anchor": {"anchor": 2.0},
    "measurements": {"measurements": 3.0},
}
"""Weights with which a term is alone. The data term has no weight of its own: without it, nothing is observed."""


def shared_and_inputs(name: str):
    nothing = {"sigma": 100.0, "pose_prior": 0.0, "bend": 0.0, "shape": 0.0, "depth": 0.0}
    weights = TermWeights(**(nothing | {"interpenetration": 0.0, "anchor": 0.0, "measurements": 0.0} | ALONE[name]))
    scene = Scene(
        keypoint_body(whole_body(), "coco17"),
        PosePrior.from_moments(*random_moments()),
        random_inverse_correlation(),
        body_spheres(whole_body(), pairs=PAIRS),
        measures() if name == "measurements" else None,  # each test compiles all terms
    )
    observation = random_observation()
    if name != "data":
        observation = dataclasses.replace(observation, confidence=jnp.zeros_like(observation.confidence))
    inputs = RoundInputs(observation, jnp.ones(17), jnp.asarray(4.0), random_anchor(), known_measurements())
    as_float64 = jax.tree.map(
        lambda leaf: jnp.asarray(leaf, float) if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating) else leaf,
        ((scene, weights), inputs, parameters_before_the_camera()),
    )
    return as_float64


@pytest.mark.parametrize("name", TERM_NAMES)
def test_the_hessian_of_every_term_is_the_derivative_of_its_gradient(float64, name):
    shared, inputs, parameters = shared_and_inputs(name)
    size = parameters.columns().size
    at_steps = jax.jit(jax.vmap(lambda step: gradient(shared, inputs, parameters.retract(step))))
    steps = 1e-5 * np.eye(size)
    expected = np.asarray(at_steps(steps) - at_steps(-steps)).T / 2e-5
    found = np.asarray(jax.jit(true_hessian)(shared, inputs, parameters))
    # Central differences: the square of the step, times a third derivative, and rounding of 1e-16 divided by the step.
    np.testing.assert_allclose(found, expected, atol=1e-7 * abs(expected).max())
    assert abs(expected).max() > 0


@pytest.mark.parametrize("name", TERM_NAMES)
def test_the_gradient_alone_is_that_of_the_quadratic_model(float64, name):
    shared, inputs, parameters = shared_and_inputs(name)
    expected = np.asarray(quadratic_model(shared, (inputs, parameters)).gradient)
    found = np.asarray(gradient(shared, inputs, parameters))
    np.testing.assert_allclose(found, expected, atol=1e-12 * abs(expected).max())


def test_combined_keypoints_are_weighted_sums(float64):
    shared, _, parameters = shared_and_inputs("data")
    body, weights = shared[0].body, np.random.default_rng(0).normal(size=(3, 17))
    expected = weights @ pose_keypoints(body, parameters).keypoints_cam
    found = pose_keypoints(body.combined(jnp.asarray(weights)), parameters).keypoints_cam
    np.testing.assert_allclose(found, expected, atol=1e-9)
