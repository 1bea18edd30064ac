"""Derivatives of `solve`: they are those of the whole fit, by central differences in float64, and those of a shortcut are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE
from solved_people import (
    KINDS,
    NO_NETWORK,
    difference_of,
    direction_of,
    draw_inputs,
    moved,
    observations,
    relative_errors,
    solve_inputs,
)

from smplify_jax import Camera, prepare_solve, solve
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.fitting.settle import Settled, free_unknowns, settle
from smplify_jax.fitting.solve import _in_precision, _objective_inputs
from smplify_jax.fitting.stationarity import polish
from smplify_jax.terms.curvature import gradient, true_hessian
from smplify_jax.terms.objective import quadratic_model

NUM_PEOPLE = 24
MAX_ERROR = 1e-3  # of a derivative's length, of the joints of a person
SHARE = 0.95
"""Of the people: the nearest component of the pose prior changes between the two fits of a few differences."""
STEP = 1e-3  # of a typical error of the input: differences then err by less than 1e-6


def test_derivatives_are_those_of_the_whole_fit(float64):
    problem, inputs = prepare_solve(layout="coco17", profile=NO_NETWORK), draw_inputs(NUM_PEOPLE)
    solve_all = jax.jit(lambda inputs: solve_inputs(problem, inputs))
    along = jax.jit(lambda inputs, way: jax.jvp(lambda one: solve_inputs(problem, one).joints, (inputs,), (way,))[1])
    solution = solve_all(inputs)
    valid = np.asarray(solution.valid)
    assert valid.mean() >= SHARE
    for kind in KINDS:
        way = direction_of(inputs, kind)
        expected = difference_of(lambda inputs: solve_all(inputs).joints, inputs, way, STEP)
        errors = relative_errors(along(inputs, way), expected)[valid]
        assert (errors < MAX_ERROR).mean() >= SHARE, f"{kind}: {np.sort(errors)[-3:]}"

    # The same differences tell apart the true Hessian and J^T J, which others take for it.
    way = direction_of(inputs, "points")
    expected = difference_of(lambda inputs: solve_all(inputs).joints, inputs, way, STEP)
    errors = {
        hessian_of: relative_errors(_by_hand(problem, hessian_of, inputs, solution.parameters, way), expected)[valid]
        for hessian_of in (true_hessian, gauss_newton_hessian)
    }
    assert (errors[true_hessian] < MAX_ERROR).mean() >= SHARE
    assert (errors[gauss_newton_hessian] < MAX_ERROR).mean() < 0.1

    _the_optimal_energy_has_its_total_derivative(problem, solve_all, inputs)


def _the_optimal_energy_has_its_total_derivative(problem: Any, solve_all: Any, inputs: Any) -> None:
    way = direction_of(inputs, "points")
    slopes = jax.jit(jax.grad(lambda inputs: jnp.sum(solve_inputs(problem, inputs).energy)))(inputs)
    found = np.sum(slopes["points"] * way["points"], axis=(1, 2))
    expected = difference_of(lambda inputs: solve_all(inputs).energy, inputs, way, STEP)
    # Not exactly: interpenetration does not push on the shape, so the energy still slopes along it.
    assert (relative_errors(found, expected) < 0.01).mean() >= SHARE


def gauss_newton_hessian(shared: Any, inputs: Any, parameters: Any) -> Any:
    """J^T J, the shortcut."""
    return quadratic_model(shared, (inputs, parameters)).hessian


def _by_hand(problem: Any, hessian_of: Any, inputs: Any, parameters: Any, way: Any) -> np.ndarray:
    """Derivatives (N, 24, 3) of the joints by the implicit function theorem with some Hessian, written out."""
    setup = _in_precision(problem.setup_of_init)
    stand_in: Any = SimpleNamespace(proposal=None)  # what the network says, where there is none

    def of_one(inputs: Any, parameters: Any, way: Any) -> Any:
        def objective(inputs: Any) -> Any:
            return _objective_inputs(setup, observations(problem, inputs).people, stand_in)

        def field(inputs: Any) -> Any:
            given, weights = objective(inputs)
            return gradient((setup.scene, weights), given, parameters)

        given, weights = objective(inputs)
        hessian = hessian_of((setup.scene, weights), given, parameters)
        step = -jnp.linalg.solve(hessian, jax.jvp(field, (inputs,), (way,))[1])

        def place(step: Any) -> Any:
            return pose_keypoints(setup.joints_body, parameters.retract(step)).keypoints_cam

        return jax.jvp(place, (jnp.zeros_like(step),), (step,))[1]

    own, own_way = ({name: values for name, values in one.items() if name != "weights"} for one in (inputs, way))
    return np.asarray(jax.jit(jax.vmap(of_one))(own, parameters, own_way))


def test_derivatives_of_the_default_hold_the_network_constant(float64):
    problem, drawn = prepare_solve(layout="coco17"), draw_inputs(NUM_PEOPLE, seed=1)
    inputs = {name: drawn[name] for name in ("points", "focal_length", "keypoint_weights")}
    confidence = jnp.asarray(drawn["confidence"])[..., None]
    setup = _in_precision(problem.setup)

    def given(inputs: Any) -> Any:
        return {
            "keypoints": jnp.concatenate([inputs["points"], confidence[: len(inputs["points"])]], axis=-1),
            "camera": Camera(inputs["focal_length"], jnp.broadcast_to(jnp.array(IMAGE_SIZE) / 2.0, (NUM_PEOPLE, 2))),
            "image_size": IMAGE_SIZE,
            "keypoint_weights": inputs["keypoint_weights"],
        }

    def people(inputs: Any) -> Any:
        return observations(problem, given(inputs), is_raw=True).people

    found: Settled = jax.jit(lambda inputs: jax.vmap(settle, in_axes=(None, 0))(setup, people(inputs)))(inputs)

    @jax.jit
    def refitted(inputs: Any) -> Any:
        """Joints of the optimum beside the found ones, with the network's part as it was found."""
        objectives, weights = jax.vmap(lambda person, one: _objective_inputs(setup, person, one))(people(inputs), found)
        shared = (setup.scene, jax.tree.map(lambda leaf: leaf[0], weights))
        needed, free = jnp.ones(NUM_PEOPLE, bool), free_unknowns(setup)
        polished = polish(shared, objectives, found.parameters, needed, free)
        return jax.vmap(lambda one: pose_keypoints(setup.joints_body, one).keypoints_cam)(polished.parameters)

    along = jax.jit(lambda inputs, way: jax.jvp(lambda one: solve(problem, **given(one)).joints, (inputs,), (way,))[1])
    for kind in inputs:
        way = {name: value for name, value in direction_of(drawn, kind).items() if name in inputs}
        expected = difference_of(refitted, inputs, way, STEP)
        errors = relative_errors(along(inputs, way), expected)
        assert (errors < MAX_ERROR).mean() >= SHARE, f"{kind}: {np.sort(errors)[-3:]}"


@pytest.mark.parametrize("length", [0.0, 1.0])
def test_a_direction_moves_only_one_kind_of_input(length):
    inputs = draw_inputs(2)
    after = moved(inputs, direction_of(inputs, "points"), length)
    assert (after["points"] == inputs["points"]).all() == (length == 0.0)
    assert (after["confidence"] == inputs["confidence"]).all()
