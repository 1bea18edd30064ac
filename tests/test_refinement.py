"""The refinement pass: exchanged sides and outliers are found with the first proposal, and hardly affect the final proposal."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit, load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.propose import Proposer, propose
from smplify_jax.proposal.refinement import with_sides_corrected, without_outliers

LAYOUT = get_layout("coco17")
FLIP = np.array(LAYOUT.flip)
LEFT_WRIST, RIGHT_WRIST = LAYOUT.index("left_wrist"), LAYOUT.index("right_wrist")
HEIGHT_PX = 400.0


def observe(keypoints, focal_length=1000.0):
    camera = Camera(jnp.full(2, focal_length), jnp.asarray(IMAGE_SIZE, jnp.float32) / 2)
    keypoints = np.asarray(keypoints, np.float32)
    return Observation(jnp.asarray(keypoints[:, :2]), jnp.asarray(keypoints[:, 2]), camera, jnp.ones(()))


@pytest.fixture
def keypoints():
    """Points far apart, all confidences different."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2)[:17] * 120.0
    return np.column_stack([grid + 5 * rng.normal(size=(17, 2)), np.linspace(0.3, 0.9, 17)])


def noisy(keypoints, share, seed=0):
    out = keypoints.copy()
    out[:, :2] += share * HEIGHT_PX * np.random.default_rng(seed).normal(size=(17, 2))
    return out


def expected(keypoints):
    return jnp.asarray(keypoints[:, :2], jnp.float32)


def test_an_exchanged_pair_is_corrected_with_its_confidences(keypoints):
    swapped = keypoints.copy()
    swapped[[LEFT_WRIST, RIGHT_WRIST]] = keypoints[[RIGHT_WRIST, LEFT_WRIST]]
    corrected = with_sides_corrected(observe(swapped), expected(keypoints), jnp.asarray(HEIGHT_PX), FLIP)
    np.testing.assert_allclose(corrected.keypoints_px, keypoints[:, :2], rtol=1e-6)
    np.testing.assert_allclose(corrected.confidence, keypoints[:, 2], rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_noise_is_no_mistake(keypoints, share):
    observation = observe(noisy(keypoints, share))
    corrected = with_sides_corrected(observation, expected(keypoints), jnp.asarray(HEIGHT_PX), FLIP)
    kept = without_outliers(observation, expected(keypoints), jnp.asarray(HEIGHT_PX))
    np.testing.assert_array_equal(corrected.keypoints_px, observation.keypoints_px)
    np.testing.assert_array_equal(kept.confidence, observation.confidence)


def test_an_outlier_is_dropped_and_exchanges_nothing(keypoints):
    wild = keypoints.copy()
    wild[LEFT_WRIST, :2] += 600.0
    corrected = with_sides_corrected(observe(wild), expected(keypoints), jnp.asarray(HEIGHT_PX), FLIP)
    np.testing.assert_allclose(corrected.keypoints_px, wild[:, :2], rtol=1e-6)
    kept = np.asarray(without_outliers(corrected, expected(keypoints), jnp.asarray(HEIGHT_PX)).confidence)
    np.testing.assert_array_equal(np.flatnonzero(kept == 0), [LEFT_WRIST])


def test_a_pair_of_which_one_side_is_unseen_stays(keypoints):
    swapped = keypoints.copy()
    swapped[[LEFT_WRIST, RIGHT_WRIST]] = keypoints[[RIGHT_WRIST, LEFT_WRIST]]
    swapped[LEFT_WRIST, 2] = 0.0
    corrected = with_sides_corrected(observe(swapped), expected(keypoints), jnp.asarray(HEIGHT_PX), FLIP)
    np.testing.assert_allclose(corrected.keypoints_px, swapped[:, :2], rtol=1e-6)
    np.testing.assert_allclose(corrected.confidence, swapped[:, 2], rtol=1e-6)


@pytest.mark.parametrize("num_seen", [1, 2, 5, 17])
def test_half_of_what_is_seen_is_always_kept(keypoints, num_seen):
    rng = np.random.default_rng(num_seen)
    wild = keypoints.copy()
    wild[:, :2] = 3000 * rng.normal(size=(17, 2))
    wild[rng.permutation(17)[num_seen:], 2] = 0.0
    kept = without_outliers(observe(wild), expected(keypoints), jnp.asarray(HEIGHT_PX))
    assert np.count_nonzero(kept.confidence) >= num_seen / 2


@pytest.fixture(scope="module")
def people():
    return draw_people(30, "coco17", seed=21)


@pytest.fixture(scope="module")
def body_poses(people):
    """A function from keypoints of `people` to the poses proposed for them."""
    body = keypoint_body(load_body(num_betas=10), "coco17", num_betas=10)
    proposer = Proposer.of(load_proposal_network(), LAYOUT, "open body", 24)

    @partial(jax.jit, static_argnames=("num_passes", "chunk_size"))
    def proposed(observations, is_active, num_passes, chunk_size):
        is_known = jnp.ones(len(observations.confidence), bool)
        sizes = {"num_passes": num_passes, "chunk_size": chunk_size}
        proposal, _ = propose(proposer, body, observations, is_known, is_active, **sizes)
        return proposal.parameters.body_pose

    def of(keypoints, num_passes=2, chunk_size=30, is_active=True):
        observations = [observe(k, f) for k, f in zip(keypoints, people.focal_length, strict=True)]
        observations = jax.tree.map(lambda *one: jnp.stack(one), *observations)
        is_active = jnp.broadcast_to(is_active, len(keypoints))
        return np.asarray(proposed(observations, is_active, num_passes, chunk_size))

    return of


def test_only_people_with_mistakes_get_a_refinement_pass_in_chunks(people, body_poses):
    wild = people.keypoints.copy()
    wild[::3, LEFT_WRIST, 0] += 0.6 * people.height_px[::3]
    once, twice = body_poses(wild, num_passes=1), body_poses(wild)
    is_other = np.abs(twice - once).max(axis=1) > 1e-3
    assert is_other[::3].all()
    assert not is_other.all()
    np.testing.assert_array_equal(twice[~is_other], once[~is_other])
    for chunk_size in (4, 7):
        np.testing.assert_allclose(body_poses(wild, chunk_size=chunk_size), twice, atol=1e-4)


def test_an_inactive_person_gets_no_pass_and_changes_no_other(people, body_poses):
    is_active = np.arange(30) % 3 > 0
    everybody, some = (body_poses(people.keypoints, chunk_size=7, is_active=wanted) for wanted in (True, is_active))
    # Inactive people in a chunk with an active one get a pass along with them, and keep nothing of it.
    assert not some[~is_active].any()
    np.testing.assert_allclose(some[is_active], everybody[is_active], atol=1e-4)


def share_alike(one, other):
    return np.mean(np.abs(one - other).max(axis=1) < 1e-3)


def test_a_wild_keypoint_is_as_good_as_unseen(people, body_poses):
    wild, unseen = people.keypoints.copy(), people.keypoints.copy()
    wild[:, LEFT_WRIST, 0] += 0.6 * people.height_px
    unseen[:, LEFT_WRIST] = 0.0
    assert share_alike(body_poses(wild), body_poses(unseen)) > 0.95


@pytest.mark.parametrize("part", ["knee", "elbow", "shoulder"])
def test_exchanged_sides_are_as_good_as_right_ones(people, body_poses, part):
    swapped = people.keypoints.copy()
    pair = [LAYOUT.index(f"left_{part}"), LAYOUT.index(f"right_{part}")]
    swapped[:, pair] = people.keypoints[:, pair[::-1]]
    apart = np.linalg.norm(np.diff(people.keypoints[:, pair, :2], axis=1)[:, 0], axis=-1) / people.height_px
    is_clear = apart > 0.12  # nearer to each other they may be noise
    assert is_clear.sum() > 15
    # Nobody can tell all: legs may be crossed.
    assert share_alike(body_poses(swapped)[is_clear], body_poses(people.keypoints)[is_clear]) > 0.85


def test_errors_are_told_of_the_keypoints_as_given():
    people = draw_people(1, "coco17", seed=5)
    swapped = people.keypoints[0].copy()
    legs = [LAYOUT.index(f"{side}_{part}") for side in ("left", "right") for part in ("knee", "ankle")]
    swapped[legs] = swapped[FLIP[legs]]
    result = fit(swapped, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length[0])
    distance = np.linalg.norm(np.asarray(result.keypoints_px) - swapped[:, :2], axis=1)
    np.testing.assert_allclose(result.reprojection_error_px, distance, rtol=1e-3, atol=0.05)


def test_a_profile_may_do_with_one_pass():
    people = draw_people(16, "coco17", seed=5)
    swapped = people.keypoints.copy()
    pairs = [LAYOUT.index(name) for name in ("left_knee", "right_knee", "left_elbow", "right_elbow")]
    swapped[:, pairs] = swapped[:, FLIP[pairs]]
    given = {"layout": "coco17", "image_size": IMAGE_SIZE, "camera": people.focal_length}
    one_pass = dataclasses.replace(PROFILES["default"], num_passes=1)

    def mean_error(profile):
        joints = np.asarray(fit(swapped, profile=profile, **given).joints)
        return np.mean([pa_mpjpe(*pair) for pair in zip(joints, people.joints, strict=True)])

    assert mean_error("default") < mean_error(one_pass) - 0.01
    with pytest.raises(InputError, match="at least once"):
        dataclasses.replace(one_pass, num_passes=0)
