"""Training of the proposal network: poses, detections, examples that agree with themselves, and a loss that falls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from smplify_jax import load_body, load_prior
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.mirror import mirrored_poses
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.learn.mocap.limits import joint_bounds
from smplify_jax.learn.proposal.detections import detect, detection_tables
from smplify_jax.learn.proposal.people import draw_examples
from smplify_jax.learn.proposal.pose_bank import PoseBank, draw_poses, jittered
from smplify_jax.learn.proposal.train import Training, seen_body, train
from smplify_jax.proposal.network import make_features
from smplify_jax.proposal.slots import all_slots

SLOTS = all_slots()


def bank_of(poses):
    return PoseBank(jnp.asarray(poses, jnp.float32), jnp.arange(1, len(poses) + 1) / len(poses))


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


def test_the_truth_of_an_example_projects_to_what_the_network_sees(bank):
    body = seen_body(load_body(num_betas=10), SLOTS)
    examples = draw_examples(bank, body, detection_tables(SLOTS), jax.random.key(3), 16)

    def project(example):
        pose = matrix_to_axis_angle(example.local_rotations)
        zero = {"global_orient": pose[0], "body_pose": pose[1:].ravel(), "betas": example.betas, "transl": jnp.zeros(3)}
        points = body.keypoints(**zero)
        relative = points[:-1] - points[-1]
        return relative

    relative = np.asarray(jax.vmap(project)(examples))
    num = len(SLOTS)
    features = np.asarray(examples.features)
    seen = features[:, 3 * num : 4 * num] > 0
    positions = np.stack([features[:, :num], features[:, num : 2 * num]], axis=-1)
    scale = np.asarray(make_features(jnp.ones((num, 2)), jnp.ones(num), jnp.ones(()), jnp.ones(()), jnp.ones(())))[0]
    observed = positions / scale - np.asarray(examples.slot_errors)
    known = features[:, 4 * num] > 0
    checked = 0
    for i in np.flatnonzero(known):
        depth = 5.0 * np.exp(features[i, 4 * num + 1])
        pelvis_z = depth * np.exp(float(examples.log_depth[i]))
        pelvis = np.append(np.asarray(examples.pelvis[i]) * PERSON_HEIGHT / depth, 1.0) * pelvis_z
        points = relative[i] + pelvis
        expected = points[:, :2] / points[:, 2:] * depth / PERSON_HEIGHT
        inside = (
            seen[i]
            & (np.abs(expected).max(axis=1) < 1.4)
            & (np.abs(np.asarray(examples.slot_errors[i])).max(axis=1) < 0.9)
        )
        np.testing.assert_allclose(observed[i][inside], expected[inside], atol=2e-4)
        checked += inside.sum()
    assert checked > 50


def test_training_lowers_the_loss_and_learns_its_errors(bank):
    pytest.importorskip("optax", reason="training needs the extra `learn`")
    told = []
    training = Training(width=16, num_blocks=1, batch_size=32, num_steps=300, learning_rate=3e-3)
    network = train(bank, load_body(num_betas=10), training, lambda step, parts: told.append((step, parts)))
    assert [step for step, _ in told] == [50, 100, 150, 200, 250, 300]
    for part in ("joints", "place", "uncertainty"):
        assert told[-1][1][part] < told[0][1][part]
    correlation = np.asarray(network.pose_correlation)
    np.testing.assert_allclose(np.diag(correlation), 1.0, atol=1e-5)
    assert np.linalg.eigvalsh(correlation).min() > 0


def test_the_body_that_is_seen_ends_with_the_pelvis():
    body = seen_body(load_body(num_betas=10), SLOTS)
    direct = keypoint_body(load_body(num_betas=10), "smpl24", num_betas=10)
    zero = {"betas": np.zeros(10), "global_orient": np.zeros(3), "body_pose": np.zeros(69), "transl": np.zeros(3)}
    np.testing.assert_allclose(body.keypoints(**zero)[-1], direct.keypoints(**zero)[0], atol=1e-6)
