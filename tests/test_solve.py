"""`solve`: the same bodies as `fit`, inside jit, vmap, scan and grad; and nobody's bad input harms a gradient."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import PROFILES, BodyParameters, Camera, FitStatus, InputError, fit, prepare_solve, solve

NUM_PEOPLE = 8
TOO_FEW, NOWHERE, NO_CAMERA, NO_INIT = 4, 5, 6, 7
"""The last people: three keypoints; NaN keypoints; a focal length of NaN; and one who can be fitted, but whose start is not known."""


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    drawn, rng = draw_people(NUM_PEOPLE, "coco17", seed=3), np.random.default_rng(3)
    keypoints = drawn.keypoints.copy()
    keypoints[..., :2] += rng.normal(0, 0.01 * drawn.height_px[:, None, None], keypoints[..., :2].shape)
    focal_length = np.repeat(drawn.focal_length[:, None], 2, axis=1)
    init = {name: value.copy() for name, value in drawn.parameters.items()}
    init["body_pose"] += rng.normal(0, 0.1, init["body_pose"].shape).astype(np.float32)
    keypoints[TOO_FEW, 3:, 2] = 0.0
    keypoints[NOWHERE] = np.nan
    focal_length[NO_CAMERA] = np.nan
    init["body_pose"][NO_INIT, 5] = np.nan
    return {"keypoints": keypoints, "focal_length": focal_length, "init": init, "precision": np.float32(30.0)}


@pytest.fixture(scope="module")
def problem():
    return prepare_solve(layout="coco17")


def solved(problem: Any, people: dict[str, Any]) -> Any:
    center = jnp.broadcast_to(jnp.asarray(IMAGE_SIZE, jnp.float32) / 2, jnp.shape(people["focal_length"]))
    return solve(
        problem,
        people["keypoints"],
        camera=Camera(people["focal_length"], center),
        image_size=IMAGE_SIZE,
        init=BodyParameters(**people["init"]),
        init_precision=people["precision"],
    )


def loss(people: dict[str, Any], problem: Any) -> tuple[Any, Any]:
    solution = solved(problem, people)
    return jnp.sum(solution.joints**2) + jnp.sum(solution.parameters.body_pose**2), solution


@pytest.fixture(scope="module")
def batched(problem, people) -> tuple[Any, Any]:
    """The solution of all people at once, and the gradients of a loss."""
    (_, solution), slopes = jax.jit(jax.value_and_grad(loss, has_aux=True))(people, problem)
    return jax.device_get((solution, slopes))


def test_it_goes_on_from_where_fit_stops(batched, people):
    solution, _ = batched
    usual = fit(
        people["keypoints"],
        layout="coco17",
        image_size=IMAGE_SIZE,
        camera=people["focal_length"],
        init=BodyParameters(**people["init"]),
        init_precision=people["precision"],
    )
    fitted = np.arange(TOO_FEW)
    cost = np.asarray(usual.cost)[fitted]
    assert (solution.energy[fitted] <= cost * (1 + 1e-5)).all()  # float32 sums of a hundred squares
    assert (solution.energy[fitted] >= cost * 0.95).all()  # fit stops at a gain of 3e-4, and several steps may follow
    np.testing.assert_array_equal(solution.status, usual.status)
    distance = np.linalg.norm(solution.joints - np.asarray(usual.joints), axis=-1)[fitted]
    assert distance.max() < 0.05  # [m], along depth, where the energy is flat


def test_people_who_cannot_be_fitted_are_not_valid_and_have_gradients_of_zero(batched):
    solution, slopes = batched
    assert list(solution.valid) == [True] * TOO_FEW + [False] * (NO_INIT - TOO_FEW) + [True]
    assert solution.status[TOO_FEW] == FitStatus.TOO_FEW_KEYPOINTS
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((solution.parameters, solution.joints)))
    for slope in jax.tree.leaves({name: slopes[name] for name in ("keypoints", "focal_length", "init")}):
        assert np.isfinite(slope).all()
        assert not slope[TOO_FEW:NO_INIT].any()
    assert slopes["keypoints"][NO_INIT].any()
    assert not slopes["init"]["body_pose"][NO_INIT].any()
    assert np.isfinite(slopes["precision"])
    assert slopes["precision"] != 0


def test_what_is_held_constant_has_gradients_of_zero(batched):
    _, slopes = batched
    fitted = slice(0, TOO_FEW)
    assert slopes["keypoints"][fitted, :, :2].any(axis=(1, 2)).all()
    assert not slopes["keypoints"][fitted, :, 2].any()  # the default weights keypoints by the network's noise
    assert slopes["init"]["body_pose"][fitted].any(axis=1).all()
    assert not slopes["init"]["global_orient"].any()
    assert not slopes["init"]["transl"].any()


def test_vmap_is_a_batch_and_a_batch_is_a_loop(problem, people, batched):
    solution, slopes = batched
    axes = {"keypoints": 0, "focal_length": 0, "init": 0, "precision": None}
    of_each = jax.jit(jax.vmap(lambda one, problem: jax.grad(loss, has_aux=True)(one, problem), in_axes=(axes, None)))
    slopes_of_each, mapped = jax.device_get(of_each(people, problem))
    # float32: both are polished to a gradient norm of 1e-5, and the joints of a person are metres.
    np.testing.assert_allclose(mapped.joints, solution.joints, atol=1e-4)
    for name in ("keypoints", "focal_length"):
        scale = np.abs(slopes[name]).max()
        np.testing.assert_allclose(slopes_of_each[name], slopes[name], atol=1e-3 * scale)

    def one_after_the_other(_: None, one: Any) -> tuple[None, Any]:
        return None, solved(problem, one | {"precision": people["precision"]}).joints

    own = {name: people[name] for name in ("keypoints", "focal_length", "init")}
    scanned = jax.jit(lambda own: jax.lax.scan(one_after_the_other, None, own)[1])(own)
    np.testing.assert_allclose(scanned, solution.joints, atol=1e-4)


def test_a_second_derivative_is_refused(problem, people):
    one = jax.tree.map(lambda leaf: leaf[0], {name: people[name] for name in ("keypoints", "focal_length", "init")})

    def slope(scale: Any) -> Any:
        return jax.grad(lambda s: loss(one | {"precision": s * people["precision"]}, problem)[0])(scale)

    with pytest.raises(InputError, match="no second derivatives"):
        jax.eval_shape(jax.grad(slope), jnp.ones(()))


def test_tracing_fit_raises_an_error_that_names_solve(people):
    keypoints = people["keypoints"][0]

    def with_weight(sigma: Any) -> Any:
        last = PROFILES["default"].refine[-1]
        last = dataclasses.replace(last, weights=dataclasses.replace(last.weights, sigma=sigma))
        profile = dataclasses.replace(PROFILES["default"], refine=(last,))
        return fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, profile=profile).cost

    traced = {
        "keypoints": lambda x: fit(x * keypoints, layout="coco17", image_size=IMAGE_SIZE).cost,
        "camera": lambda x: fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=1000.0 * x).cost,
        "profile": with_weight,
    }
    for function in traced.values():
        with pytest.raises(InputError, match="call solve"):
            jax.grad(function)(30.0)


def test_weights_of_other_terms_than_the_profiles_are_refused(problem):
    weights = dataclasses.replace(problem.weights, anchor=None)
    with pytest.raises(InputError, match="weights has anchor where"):
        problem.with_weights(weights)


GOOD: dict[str, Any] = {"keypoints": np.zeros((17, 3)), "image_size": (640, 480)}
BAD = {
    "keypoints have shape": {"keypoints": np.zeros((18, 3))},
    "keypoints has type bool": {"keypoints": np.zeros((17, 3), bool)},
    "image_size has shape": {"image_size": (640, 480, 3)},
    "image_size is not given": {"image_size": None},
    "camera is 'search'": {"camera": "search"},
    "focal length has shape": {"camera": np.ones((5, 2))},
    "init is a dict": {"init": {}},
    "init.betas has shape": {"init": BodyParameters(np.zeros(3), np.zeros(69), np.zeros(11), np.zeros(3))},
    "without init": {"init_precision": 1.0},
    "keypoint_weights has shape": {"keypoint_weights": np.ones(16)},
}


@pytest.mark.parametrize("message", BAD)
def test_an_unusable_argument_raises_an_error_that_says_why(problem, message):
    arguments = GOOD | BAD[message]
    with pytest.raises(InputError, match=message):
        solve(problem, arguments.pop("keypoints"), **arguments)


def test_the_camera_may_be_given_in_every_form(problem):
    """The program is the same, so it is enough that the people are."""
    from smplify_jax.fitting.observations import observations_of

    matrix = np.array([[900.0, 0, 320], [0, 900.0, 240], [0, 0, 1]])
    nothing: dict[str, Any] = {"init": None, "init_precision": None, "keypoint_weights": None}
    forms = [900.0, np.array([900.0]), (900.0, 900.0), matrix, Camera(np.full(2, 900.0), np.array([320.0, 240.0]))]
    for keypoints, rows in ((np.zeros((17, 3)), 1), (np.zeros((3, 17, 3)), 3)):
        many = [np.full((3, 1), 900.0), np.full((3, 2), 900.0), np.tile(matrix, (3, 1, 1))] if rows == 3 else []
        for camera in [*forms, *many]:
            people = observations_of(problem, keypoints, camera=camera, image_size=(640, 480), **nothing).people
            shape = (*keypoints.shape[:-2], 2)
            np.testing.assert_array_equal(people.camera.focal_length, np.full(shape, 900.0))
            np.testing.assert_array_equal(people.camera.camera_center, np.broadcast_to([320.0, 240.0], shape))
    guessed = observations_of(problem, np.zeros((17, 3)), camera=None, image_size=(300, 400), **nothing).people.camera
    np.testing.assert_allclose(guessed.focal_length, [500.0, 500.0])
