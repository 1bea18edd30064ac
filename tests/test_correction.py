"""The second network of a proposal: how a body misses its keypoints, the mirror image, and what zeros change."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import draw_people
from test_proposal import observe, small_network

from smplify_jax import load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.kinematics import forward_kinematics
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.proposal.correction import corrected, corrected_symmetrically, with_told_noise
from smplify_jax.proposal.misfit import body_misfit
from smplify_jax.proposal.network import RawProposal, SeenPerson
from smplify_jax.proposal.slots import all_slots, slot_matrix
from smplify_jax.proposal.view import person_view

LAYOUT = get_layout("coco17")
SLOTS = jnp.asarray(slot_matrix(LAYOUT, all_slots()))


@pytest.fixture(scope="module")
def body():
    return keypoint_body(load_body(num_betas=10), LAYOUT, num_betas=10)


@pytest.fixture(scope="module")
def person():
    """A person as the networks see them, and the true body in the same view."""
    people = draw_people(1, "coco17", seed=3)
    observation = observe(people.keypoints[0], people.focal_length[0])
    view = person_view(observation)
    truth = {name: jnp.asarray(value[0]) for name, value in people.parameters.items()}
    pelvis = view.rotation @ jnp.asarray(people.joints[0, 0])
    rotations = exp_so3(jnp.concatenate([truth["global_orient"], truth["body_pose"]]).reshape(24, 3))
    raw = RawProposal(
        rotations=rotations.at[0].set(view.rotation @ rotations[0]),
        betas=truth["betas"],
        pelvis=pelvis[:2] / pelvis[2] * view.depth / PERSON_HEIGHT,
        log_depth=jnp.log(pelvis[2] / view.depth),
        log_std_pose=jnp.full(69, -1.5),
        log_std_betas=jnp.zeros(10),
        log_noise=jnp.full(len(all_slots()), -5.0),
    )
    points = view.points(observation)
    return SeenPerson(points, observation.confidence, view.depth, view.depth, jnp.ones(())), raw


def test_the_true_body_does_not_miss(body, person):
    seen, raw = person
    misfit = body_misfit(body, SLOTS, seen, raw)
    assert np.abs(misfit.residuals).max() < 1e-4
    assert np.abs(misfit.turns).max() < 1e-3
    rest = body.joint_template + body.joint_shapedirs @ raw.betas
    joints = forward_kinematics(raw.rotations, rest, body.parents)[1]
    np.testing.assert_allclose(misfit.joints, joints - joints[:1], atol=1e-5)


def test_residuals_are_keypoint_minus_body_and_nothing_where_unseen(body, person):
    seen, raw = person
    moved = dataclasses.replace(seen, points=seen.points.at[9].add(0.05), confidence=seen.confidence.at[5].set(0.0))
    misfit = body_misfit(body, SLOTS, moved, raw)
    expected = np.zeros((17, 2))
    expected[9] = 0.05
    np.testing.assert_allclose(misfit.residuals, expected, atol=1e-4)
    assert misfit.weight[9] < 0.1 < 0.9 < misfit.weight[10]


@pytest.mark.parametrize("joint", ["left_shoulder", "right_hip", "spine1", "left_knee"])
def test_the_turn_of_a_joint_points_the_way_back(body, person, joint):
    """A joint that is turned wrongly is asked to turn back about the axes that the keypoints see."""
    seen, raw = person
    number = load_body().joint_names.index(joint)
    view_axis = np.asarray(body_misfit(body, SLOTS, seen, raw).view_axes[number])
    wrong = exp_so3(0.1 * jnp.asarray(view_axis)) @ raw.rotations[number]
    misfit = body_misfit(body, SLOTS, seen, dataclasses.replace(raw, rotations=raw.rotations.at[number].set(wrong)))
    back = float(np.asarray(misfit.turns[number]) @ view_axis)
    assert -0.15 < back < -0.01


def test_zero_outputs_change_nothing_but_the_told_noise(body, person):
    seen, raw = person
    network = small_network()
    still = dataclasses.replace(
        network.correcting, last=0 * network.correcting.last, last_bias=0 * network.correcting.last_bias
    )
    network = dataclasses.replace(network, correcting=still)
    for correct in (corrected, corrected_symmetrically):
        after = correct(network, body, SLOTS, seen, raw)
        for name in ("rotations", "betas", "pelvis", "log_depth", "log_std_pose", "log_std_betas"):
            np.testing.assert_allclose(getattr(after, name), getattr(raw, name), atol=1e-6, err_msg=name)


def test_the_confidence_tells_the_noise_of_keypoints_beside_each_other(person):
    seen, raw = person
    confidence = jnp.full(17, 0.8).at[3].set(0.5)
    told = with_told_noise(raw, dataclasses.replace(seen, confidence=confidence), SLOTS)
    of_keypoint = SLOTS.T @ told.log_noise
    assert float(of_keypoint[3] - of_keypoint[4]) == pytest.approx(0.7, abs=1e-5)
    assert float(jnp.mean(of_keypoint)) == pytest.approx(-5.0, abs=1e-5)


def test_the_mirror_image_is_corrected_to_the_mirror_image(body, person):
    seen, raw = person
    flip = np.array(LAYOUT.flip)
    across = jnp.array([-1.0, 1.0])
    order = np.array([load_body().joint_names.index(name) for name in mirrored_names()])
    signs = np.outer([-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    raw = dataclasses.replace(raw, betas=0 * raw.betas)
    mirrored_raw = dataclasses.replace(raw, rotations=raw.rotations[order] * signs, pelvis=raw.pelvis * across)
    mirrored_seen = dataclasses.replace(seen, points=seen.points[flip] * across, confidence=seen.confidence[flip])
    network = small_network(seed=5)
    one = corrected_symmetrically(network, body, SLOTS, seen, raw)
    other = corrected_symmetrically(network, body, SLOTS, mirrored_seen, mirrored_raw)
    np.testing.assert_allclose(one.rotations[order] * signs, other.rotations, atol=1e-5)
    np.testing.assert_allclose(one.pelvis * across, other.pelvis, atol=1e-5)
    np.testing.assert_allclose((SLOTS.T @ one.log_noise)[flip], SLOTS.T @ other.log_noise, atol=1e-5)
    assert np.abs(np.asarray(one.rotations - raw.rotations)).max() > 0.02


def mirrored_names():
    swap = {"left": "right", "right": "left"}
    for name in load_body().joint_names:
        side, _, part = name.partition("_")
        yield f"{swap[side]}_{part}" if side in swap else name


def test_people_in_a_batch_are_corrected_as_alone(body, person):
    seen, raw = person
    network = small_network(seed=2)
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf, 0.5 * leaf]), seen)
    together = jax.vmap(lambda one: corrected_symmetrically(network, body, SLOTS, one, raw))(batch)
    for row in (0, 2):
        alone = corrected_symmetrically(network, body, SLOTS, one_of(batch, row), raw)
        for ours, theirs in zip(jax.tree.leaves(one_of(together, row)), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)


def one_of(batch, row):
    return jax.tree.map(lambda leaf: leaf[row], batch)


def test_a_body_without_hands_is_corrected_too(person):
    seen, raw = person
    small = keypoint_body(load_body(num_betas=10), LAYOUT, num_betas=10, num_joints=22)
    assert small.num_joints == 22
    after = corrected_symmetrically(small_network(), small, SLOTS, seen, raw)
    assert np.isfinite(matrix_to_axis_angle(after.rotations)).all()
