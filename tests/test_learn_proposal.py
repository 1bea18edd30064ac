"""Training of the proposal network: poses, detections, examples that agree with themselves, and a loss that falls."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax import load_body, load_prior
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import place_keypoints
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.mirror import mirrored_poses
from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.limits import joint_bounds
from smplify_jax.learn.proposal.detections import detect, detection_tables
from smplify_jax.learn.proposal.loss import _aligned, _mean_distance
from smplify_jax.learn.proposal.people import draw_examples
from smplify_jax.learn.proposal.pose_bank import PoseBank, draw_poses, jittered
from smplify_jax.learn.proposal.train import Training, seen_body, train
from smplify_jax.learn.proposal.unusual_poses import draw_any_poses, in_other_conventions
from smplify_jax.proposal.slots import all_slots

SLOTS = all_slots()


def bank_of(poses):
    poses = jnp.asarray(poses, jnp.float32)
    return PoseBank(poses, jnp.arange(1, len(poses) + 1) / len(poses), families=poses[:0])


@pytest.fixture(scope="module")
def bank():
    rng = np.random.default_rng(0)
    prior = load_prior()
    poses = np.zeros((64, 72), np.float32)
    poses[:, 3:] = np.asarray(prior.means)[rng.integers(len(prior.means), size=64)]
    poses[:, 3:] += 0.1 * rng.normal(size=(64, 69))
    return bank_of(poses)


def test_a_bank_of_one_pose_gives_it_and_its_mirror_image_but_for_jitter():
    pose = np.zeros((1, 72), np.float32)
    pose[0, 3 * 16 : 3 * 16 + 3] = [0.3, -0.5, 0.8]  # left shoulder
    drawn = np.asarray(draw_poses(bank_of(pose), jax.random.key(0), 200))
    off = np.minimum(*(np.abs(drawn - p).max(axis=1) for p in (pose, mirrored_poses(pose))))
    assert (off == 0).mean() > 0.4
    assert off.max() < 0.8
    is_mirrored = np.abs(drawn[:, 49]) < np.abs(drawn[:, 52])
    assert 0.3 < is_mirrored.mean() < 0.7


def test_jitter_leaves_joints_within_their_limits_or_where_they_were_recorded():
    low, high = (bound[1:].ravel() for bound in joint_bounds())
    rng = np.random.default_rng(0)
    recorded = rng.normal(0, 1.5, size=(200, 69)).astype(np.float32)  # many of them beyond the limits
    moved = np.asarray(jittered(jnp.asarray(recorded), jnp.asarray(rng.normal(0, 1, size=(200, 69)), jnp.float32)))
    assert (moved >= np.minimum(low, recorded) - 1e-6).all()
    assert (moved <= np.maximum(high, recorded) + 1e-6).all()
    assert (moved != recorded).mean() > 0.5


def test_detections_are_as_varied_as_they_are_meant_to_be():
    truth = jnp.asarray(np.random.default_rng(0).normal(size=(2000, len(SLOTS), 2)), jnp.float32)
    found, confidence = detect(detection_tables(SLOTS), jax.random.key(0), truth, jnp.ones(2000))
    confidence = np.asarray(confidence)
    off = np.linalg.norm(np.asarray(found - truth), axis=-1)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    is_seen = confidence > 0
    assert set(np.unique(is_seen.sum(axis=1))) > {8, 15, 20}
    typical = np.array(
        [np.median(errors[seen]) if seen.any() else np.nan for errors, seen in zip(off, is_seen, strict=True)]
    )
    assert (typical < 1e-3).mean() > 0.1  # people seen exactly
    assert 0.03 < np.nanpercentile(typical, 95) < 0.1


def test_whole_limbs_err_together_for_some_people_only():
    tables = detection_tables(SLOTS)
    truth = jnp.asarray(np.random.default_rng(0).normal(size=(4000, len(SLOTS), 2)), jnp.float32)
    found, confidence = (np.asarray(array) for array in detect(tables, jax.random.key(1), truth, jnp.ones(4000)))
    errors = found - np.asarray(truth)
    elbow, wrist, knee = (SLOTS.index(name) for name in ("left_elbow", "left_wrist", "left_knee"))

    def agreement(one, other):
        chosen = (confidence[:, one] > 0) & (confidence[:, other] > 0)
        a, b = errors[chosen, one], errors[chosen, other]
        # Of the signs, because a few outliers would decide a correlation.
        return np.mean(np.sign(a) * np.sign(b))

    assert 0.05 < agreement(elbow, wrist) < 0.25
    assert abs(agreement(elbow, knee)) < 0.04


def test_the_truth_of_an_example_projects_to_what_the_networks_see(bank):
    body = seen_body(load_body(num_betas=10), SLOTS)
    examples = draw_examples(bank, body, detection_tables(SLOTS), jax.random.key(3), 16)

    def relative_to_pelvis(example):
        pose = matrix_to_axis_angle(example.local_rotations)
        placed = BodyParameters(pose[0], pose[1:].ravel(), example.betas, jnp.zeros(3))
        return place_keypoints(body, placed) - body.joint_template[0] - body.joint_shapedirs[0] @ example.betas

    relative = np.asarray(jax.vmap(relative_to_pelvis)(examples))
    seen, checked = examples.seen, 0
    for i in np.flatnonzero(seen.is_focal_length_known):
        depth = float(seen.depth[i])
        pelvis_z = depth * np.exp(float(examples.log_depth[i]))
        pelvis = np.append(np.asarray(examples.pelvis[i]) * PERSON_HEIGHT / depth, 1.0) * pelvis_z
        points = relative[i] + pelvis
        expected = points[:, :2] / points[:, 2:] * depth / PERSON_HEIGHT
        errors = np.asarray(examples.slot_errors[i])
        is_known = (np.asarray(seen.confidence[i]) > 0) & (np.abs(errors).max(axis=1) < 0.9)
        np.testing.assert_allclose((seen.points[i] - errors)[is_known], expected[is_known], atol=2e-4)
        checked += is_known.sum()
    assert checked > 50


def test_poses_in_other_conventions_look_the_same_but_for_the_feet(bank):
    body = load_body(num_betas=10)
    moved = np.asarray(in_other_conventions(jax.random.key(0), bank.poses))
    feet = np.repeat([name.endswith(("ankle", "foot")) for name in SMPL_JOINT_NAMES], 3)
    collars = np.repeat([name.endswith(("collar", "shoulder")) for name in SMPL_JOINT_NAMES], 3)
    assert (moved == bank.poses)[:, ~(feet | collars)].all()
    is_resting = (moved[:, 39:42] == 0).all(axis=1) & (np.asarray(bank.poses[:, 39:42]) != 0).any(axis=1)
    assert 0.05 < is_resting.mean() < 0.5
    zero = {"betas": np.zeros(10), "global_orient": np.zeros(3), "transl": np.zeros(3)}
    elbow, wrist = (SMPL_JOINT_NAMES.index(name) for name in ("left_elbow", "left_wrist"))
    bones = []
    for poses in (np.asarray(bank.poses), moved):
        joints = np.stack([body.joints(**zero, body_pose=pose[3:]) for pose in poses])
        bones.append(joints[:, wrist] - joints[:, elbow])
    np.testing.assert_allclose(bones[0], bones[1], atol=1e-5)


def test_some_people_are_upside_down_and_some_are_of_the_families(bank):
    families = jnp.full((1, 72), 0.7, jnp.float32).at[0, :3].set(0.0)
    drawn = np.asarray(draw_any_poses(dataclasses.replace(bank, families=families), jax.random.key(2), 4000))
    up = np.asarray(exp_so3(jnp.asarray(drawn[:, :3])))[:, 1, 1]
    assert 0.01 < (up < -0.5).mean() < 0.05
    spine = slice(3 * SMPL_JOINT_NAMES.index("spine1"), 3 * SMPL_JOINT_NAMES.index("spine1") + 3)
    assert 0.02 < (drawn[:, spine] == np.float32(0.7)).all(axis=1).mean() < 0.06
    assert np.isfinite(drawn).all()


def test_the_alignment_of_the_loss_is_that_of_the_metric():
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(2, 24, 3)).astype(np.float32)
    own = float(_mean_distance(_aligned(jnp.asarray(points), jnp.asarray(target)), jnp.asarray(target)))
    assert own == pytest.approx(float(pa_mpjpe(points.astype(float), target.astype(float))), rel=1e-3)


def test_training_lowers_the_loss_and_learns_its_errors(bank):
    pytest.importorskip("optax", reason="training needs the extra `learn`")
    told = []
    training = Training(
        width=16,
        num_blocks=1,
        correction_width=16,
        correction_blocks=1,
        batch_size=32,
        num_steps=300,
        learning_rate=3e-3,
    )
    network = train(bank, load_body(num_betas=10), training, lambda step, parts: told.append((step, parts)))
    assert [step for step, _ in told] == [50, 100, 150, 200, 250, 300]
    for part in ("first joints", "first place", "joints", "place", "uncertainty"):
        assert told[-1][1][part] < told[0][1][part]
    assert told[-1][1]["joints"] < told[-1][1]["first joints"]
    correlation = np.asarray(network.pose_correlation)
    np.testing.assert_allclose(np.diag(correlation), 1.0, atol=1e-5)
    assert np.linalg.eigvalsh(correlation).min() > 0
