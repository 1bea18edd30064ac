"""The published recipes: each round's numbers, and its energy and gradient against a naive float64 twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import random_body_with_points, with_random_capsules
from published_rounds import Scene, published_rounds, twin_energy, twin_gradient
from test_keypoint_body import random_parameters
from test_terms import random_moments

from smplify_jax import PROFILES, Camera, PosePrior, get_layout
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.spheres import body_spheres
from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.profiles import PLAIN_DIFFERENCE
from smplify_jax.fitting.search import Problem
from smplify_jax.fitting.starts import is_seen_from_the_side, torso_depth
from smplify_jax.keypoints.subsets import torso_rows
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.terms import objective
from smplify_jax.terms.objective import linearize

CASES = [(profile, layout) for profile in ("smplify2016", "spin") for layout in ("lsp14", "openpose25")]
START_DEPTH = 3.3


def rounds_of(profile):
    recipe = PROFILES[profile]
    assert not recipe.explore
    return [*recipe.camera, *recipe.refine]


def scene_of(layout):
    """A person seen by a detector that missed one keypoint."""
    rng = np.random.default_rng(7)
    num_keypoints = get_layout(layout).num_keypoints
    confidence = rng.uniform(0.2, 1.0, num_keypoints)
    confidence[0] = 0.0
    return Scene(
        body=with_random_capsules(random_body_with_points(24)),
        layout=get_layout(layout),
        keypoints_px=rng.uniform(100, 500, (num_keypoints, 2)),
        confidence=confidence,
        focal_length=np.array([900.0, 950.0]),
        camera_center=np.array([320.0, 240.0]),
        pixel_scale=0.7,
        start_depth=START_DEPTH,
        prior_moments=random_moments(),
    )


def f64(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), tree)


def problem_of(scene):
    camera = Camera(scene.focal_length, scene.camera_center)
    observation = Observation(scene.keypoints_px, scene.confidence, camera, jnp.asarray(scene.pixel_scale))
    prior = PosePrior.from_moments(*scene.prior_moments)
    body = f64(keypoint_body(scene.body, scene.layout))
    spheres = f64(body_spheres(scene.body))
    shared = objective.Scene(body, f64(prior), np.eye(69), spheres)
    return shared, Problem(jnp.asarray(True), f64(observation), jnp.asarray(scene.start_depth))


def blocks_at(seed):
    drawn = random_parameters(seed=seed, spread=0.3)
    blocks = {n: np.asarray(getattr(drawn, n), np.float64) for n in ("global_orient", "body_pose", "betas")}
    return {**blocks, "transl": np.array([0.2, -0.1, 3.5])}


@pytest.mark.parametrize(("profile", "layout"), CASES)
def test_energies_and_gradients_of_every_round_are_the_published_ones(float64, profile, layout):
    scene = scene_of(layout)
    shared, problem = problem_of(scene)
    model = jax.jit(lambda one, at: linearize((shared, one.weights), (problem.round_inputs(shared, one), at)))
    for number, (ours, published) in enumerate(zip(rounds_of(profile), published_rounds(profile, layout), strict=True)):
        blocks = blocks_at(seed=number)
        result = model(f64(ours.for_layout(scene.layout)), BodyParameters(**f64(blocks)))
        # The shipped arrays of body and prior are float32; a plain difference under our finite sigma is one to 1e-7.
        np.testing.assert_allclose(result.energy, twin_energy(scene, published, **blocks), rtol=2e-5)
        expected = twin_gradient(scene, published, blocks)
        np.testing.assert_allclose(2 * result.gradient, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("profile", "layout"), CASES)
def test_every_round_frees_what_is_published(profile, layout):
    for ours, published in zip(rounds_of(profile), published_rounds(profile, layout), strict=True):
        freed = {n for n in ("transl", "global_orient", "body_pose", "betas") if getattr(ours, f"frees_{n}") == 1.0}
        assert freed == published.frees


@pytest.mark.parametrize(("profile", "layout"), CASES)
def test_every_round_has_the_published_weights(profile, layout):
    for ours, published in zip(rounds_of(profile), published_rounds(profile, layout), strict=True):
        weights = ours.weights
        assert weights.sigma == (PLAIN_DIFFERENCE if published.sigma is None else published.sigma)
        shown = (weights.pose_prior, weights.bend, weights.shape, weights.depth)
        assert shown == pytest.approx((published.w_theta, published.w_bend, published.w_beta, published.w_depth))
        assert (ours.uses_confidence == 1.0) == published.uses_confidence


def test_solvers_starts_and_cameras_are_the_published_ones():
    paper, spin, plain = PROFILES["smplify2016"], PROFILES["spin"], PROFILES["plain"]
    assert all(one.solver == SolverOptions(max_steps=100, relative_gain=1e-4) for one in rounds_of("smplify2016"))
    assert all(one.solver == AdamOptions(num_steps=100, learning_rate=0.01) for one in rounds_of("spin"))
    assert (paper.num_starts, paper.starts_at_zero_pose, paper.takes_depth_from_torso) == (1, True, True)
    assert (paper.focal_length_px, paper.side_view_px, paper.compared_terms) == (5000.0, 25.0, ("data",))
    assert (spin.num_starts, spin.starts_at_zero_pose, spin.side_view_px) == (1, False, None)
    assert spin.reference_height_px == pytest.approx(224 / 1.2)
    assert spin.focal_length_boxes == pytest.approx(5000 * 1.2 / 224)
    assert plain.num_starts == 4
    assert sum(one.solver.max_steps for one in plain.refine if isinstance(one.solver, SolverOptions)) == 23
    published = [one for one in published_rounds("smplify2016", "lsp14") if one.w_theta]
    for ours, theirs in zip(plain.refine, published, strict=True):
        shown = (ours.weights.sigma, ours.weights.pose_prior, ours.weights.bend, ours.weights.shape)
        assert shown == pytest.approx((theirs.sigma, theirs.w_theta, theirs.w_bend, theirs.w_beta))
        assert ours.frees_transl == 1.0


def test_a_plain_difference_is_one_in_float32():
    e = np.array([0.0, 1e-3, 1.0, 30.0, 3000.0], np.float32)
    sigma = np.float32(PLAIN_DIFFERENCE)
    # At 3000 px, ten times a person's height, the two differ by 5e-6.
    np.testing.assert_allclose(sigma * e / np.sqrt(sigma**2 + e**2), e, rtol=1e-5)


def test_a_round_whose_subset_was_not_seen_looks_at_all_keypoints():
    scene = scene_of("lsp14")
    torso = np.isin(scene.layout.keypoint_names, ["left_shoulder", "right_shoulder", "left_hip", "right_hip"])
    prior = PosePrior.from_moments(*scene.prior_moments)
    shared = objective.Scene(keypoint_body(scene.body, scene.layout), prior, np.eye(69))
    camera_round = PROFILES["smplify2016"].camera[0].for_layout(scene.layout)
    for num_seen, looked_at in ((4, torso), (3, torso), (2, ~torso), (0, ~torso)):
        confidence = np.ones(14, np.float32)
        confidence[np.flatnonzero(torso)[num_seen:]] = 0.0
        camera = Camera(scene.focal_length.astype(np.float32), scene.camera_center.astype(np.float32))
        seen = Observation(jnp.zeros((14, 2)), jnp.asarray(confidence), camera, jnp.asarray(1.0))
        given = Problem(jnp.asarray(True), seen, jnp.asarray(3.0)).round_inputs(shared, camera_round)
        weights = np.asarray(given.keypoint_weights)
        np.testing.assert_array_equal(weights[looked_at], 1.0)
        assert (weights.sum() == 14) == (num_seen < 3)


def upright_torso(distance_of_shoulders=0.0):
    """LSP keypoints [px] of a torso 100 px long on the left and 60 on the right; all others are not seen."""
    layout = get_layout("lsp14")
    points, confidence = np.zeros((14, 2), np.float32), np.zeros(14, np.float32)
    places = {"left_shoulder": (distance_of_shoulders, 0), "right_shoulder": (0, 0)}
    places |= {"left_hip": (distance_of_shoulders, 100), "right_hip": (0, 60)}
    for name, place in places.items():
        points[layout.index(name)], confidence[layout.index(name)] = place, 1.0
    return points, confidence


def observe(points, confidence, scale=1.0):
    camera = Camera(jnp.array([5000.0, 5000.0]), jnp.zeros(2))
    return Observation(jnp.asarray(points), jnp.asarray(confidence), camera, jnp.asarray(scale))


def test_depth_comes_from_similar_triangles_of_the_sides_that_are_seen():
    layout, body = get_layout("lsp14"), random_body_with_points(24)
    cut, rows = keypoint_body(body, layout), torso_rows(layout)
    zeros = {"betas": np.zeros(10), "global_orient": np.zeros(3), "body_pose": np.zeros(69), "transl": np.zeros(3)}
    rest = np.asarray(body.keypoints(**{name: np.float32(value) for name, value in zeros.items()}, layout=layout))
    left, right = (
        np.linalg.norm(rest[layout.index(f"{side}_shoulder")] - rest[layout.index(f"{side}_hip")])
        for side in ("left", "right")
    )
    points, confidence = upright_torso()
    depth = torso_depth(cut, observe(points, confidence), rows, jnp.asarray(7.0))
    assert depth == pytest.approx(5000 * (left + right) / (100 + 60), rel=1e-5)
    confidence[layout.index("right_hip")] = 0.0
    depth = torso_depth(cut, observe(points, confidence), rows, jnp.asarray(7.0))
    assert depth == pytest.approx(5000 * left / 100, rel=1e-5)
    confidence[layout.index("left_shoulder")] = 0.0
    assert torso_depth(cut, observe(points, confidence), rows, jnp.asarray(7.0)) == 7.0


@pytest.mark.parametrize(("distance", "scale", "expected"), [(24, 1, True), (26, 1, False), (96, 0.25, True)])
def test_a_side_view_has_shoulders_nearer_than_25_px_at_a_height_of_300(distance, scale, expected):
    points, confidence = upright_torso(distance)
    rows = torso_rows(get_layout("lsp14"))
    assert bool(is_seen_from_the_side(observe(points, confidence, scale), rows, 25.0)) == expected
    confidence[get_layout("lsp14").index("left_shoulder")] = 0.0
    assert not is_seen_from_the_side(observe(points, confidence, scale), rows, 25.0)
