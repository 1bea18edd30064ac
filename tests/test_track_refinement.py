"""Refined proposals of tracks: means over time, denoised keypoints, and what the network proposes from them."""

import dataclasses
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax import load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.fitting.person import CheckedPerson
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_arguments import setup_tracks
from smplify_jax.fitting.track_refinement import WINDOW_SIZES, with_refined_proposals
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.propose import Proposal, Proposer, propose
from smplify_jax.proposal.track_denoising import denoised
from smplify_jax.proposal.track_refinement import refine_track
from smplify_jax.proposal.track_smoothing import bodies_of, filled, smoothed, track_of

LAYOUT = get_layout("coco17")
BODY = load_body(num_betas=10)
SEEN_BODY = keypoint_body(BODY, LAYOUT, num_betas=10)
NUM_FRAMES = 40
HEIGHT_PX = 425.0  # of a person who stands 4 m away, at a focal length of 1000 px


@dataclasses.dataclass(frozen=True)
class Video:
    """A person who waves and turns before the camera, and what a detector found; all with a leading axis of frames."""

    truth: BodyParameters
    points: np.ndarray
    observations: Observation
    times: np.ndarray

    @property
    def is_seen(self):
        return np.ones(len(self.times), bool)


def video(num_frames=NUM_FRAMES, fps=30.0, noise_px=0.0, seed=0):
    rng, times = np.random.default_rng(seed), np.arange(num_frames) / fps
    pose = np.zeros((num_frames, 72))
    pose[:, 3 * 16 + 2] = -0.7 + 0.4 * np.sin(4 * times)
    pose[:, 3 * 17 + 2] = 0.8 + 0.3 * np.sin(3 * times)
    pose[:, 3 * 4] = 0.4 + 0.3 * np.sin(5 * times)
    orient = Rotation.from_euler("x", np.pi) * Rotation.from_euler("y", 0.3 * np.sin(times)[:, None])
    betas = np.tile(np.clip(rng.normal(size=10), -1, 1), (num_frames, 1))
    transl = np.stack([0.1 * times, 0.1 * np.sin(times), 4.0 + 0.1 * times], axis=-1)
    truth = BodyParameters(*(np.asarray(a, np.float32) for a in (orient.as_rotvec(), pose[:, 3:], betas, transl)))
    camera = Camera(np.full((num_frames, 2), 1000.0, np.float32), np.full((num_frames, 2), 500.0, np.float32))
    points = np.asarray(project(BODY.keypoints(**truth.blocks(), layout=LAYOUT), camera))
    found = (points + noise_px * rng.normal(size=points.shape)).astype(np.float32)
    confidence = jnp.ones(points.shape[:2])
    seen = Observation(jnp.asarray(found), confidence, camera, jnp.ones(num_frames))
    return Video(truth, points, seen, times.astype(np.float32))


def erring(truth, angle=0.2, seed=1):
    """Proposals that err independently in every frame."""
    rng, num_frames = np.random.default_rng(seed), len(truth.transl)
    turn = Rotation.from_rotvec(angle * rng.normal(size=(num_frames, 3)))
    parameters = BodyParameters(
        (Rotation.from_rotvec(truth.global_orient) * turn).as_rotvec().astype(np.float32),
        (truth.body_pose + angle * rng.normal(size=(num_frames, 69))).astype(np.float32),
        (truth.betas + angle * rng.normal(size=(num_frames, 10))).astype(np.float32),
        (truth.transl + 0.02 * rng.normal(size=(num_frames, 3))).astype(np.float32),
    )
    std_pose, std_betas, noise = (
        jnp.asarray(rng.uniform(0.1, 0.4, (num_frames, size)), jnp.float32) for size in (69, 10, 17)
    )
    return Proposal(parameters, std_pose, std_betas, noise)


@jax.jit
def smoothed_bodies(proposals, times, is_seen):
    return bodies_of(SEEN_BODY, smoothed(filled(track_of(SEEN_BODY, proposals), times, is_seen), times, is_seen))


def off(bodies, truth):
    """(T, 24) angles between the joints' rotations and the true ones [rad]."""
    one, true = (np.concatenate([b.global_orient, b.body_pose], axis=-1).reshape(-1, 3) for b in (bodies, truth))
    return (Rotation.from_rotvec(one).inv() * Rotation.from_rotvec(true)).magnitude().reshape(-1, 24)


def hidden(tree, rows):
    """The same with NaN in some rows."""
    return jax.tree.map(lambda leaf: np.where(rows.reshape(-1, *[1] * (leaf.ndim - 1)), np.nan, leaf), tree)


def test_means_over_time_are_nearer_to_the_truth_than_what_they_are_means_of():
    one = video()
    proposals = erring(one.truth)
    means = smoothed_bodies(proposals, one.times, one.is_seen)
    # About five frames count: errors fall to 1 / sqrt(5) = 0.45 of theirs, and less at both ends.
    assert off(means, one.truth).mean() < 0.6 * off(proposals.parameters, one.truth).mean()
    assert np.ptp(means.betas, axis=0).max() == 0


def test_a_frame_that_disagrees_with_those_around_it_hardly_counts():
    one = video()
    orient = np.array(one.truth.global_orient)
    orient[20] = (Rotation.from_rotvec(orient[20]) * Rotation.from_euler("y", np.pi)).as_rotvec()  # back to front
    proposals = erring(dataclasses.replace(one.truth, global_orient=orient), angle=0.0)
    assert off(smoothed_bodies(proposals, one.times, one.is_seen), one.truth)[:, 0].max() < 0.05


def test_missing_frames_are_filled_in_whatever_they_hold():
    one, is_seen = video(), np.ones(NUM_FRAMES, bool)
    is_seen[10:13] = False
    is_seen[35:] = False
    proposals = erring(one.truth, angle=0.0)
    safe = jax.tree.map(lambda leaf: leaf[np.where(is_seen, np.arange(NUM_FRAMES), 0)], proposals)
    angles = off(smoothed_bodies(safe, one.times, is_seen), one.truth)
    assert (
        angles[:33].max() < 0.06
    )  # what a swing of 0.4 rad at 4 rad/s bends away from a straight line in 0.1 s, twice
    assert np.isfinite(angles).all()


@jax.jit
def cleaned(observations, expected_px, is_seen, times):
    height = jnp.full(len(times), HEIGHT_PX)
    return denoised(observations, expected_px, height, np.array(LAYOUT.flip), is_seen, times)


def test_denoising_averages_out_noise_although_the_expected_places_are_wrong():
    one = video(noise_px=8.0)
    expected = one.points + 15.0 * np.sin(2 * one.times)[:, None, None]
    clean = cleaned(one.observations, expected, one.is_seen, one.times)
    before, after = (np.abs(p - one.points).mean() for p in (one.observations.keypoints_px, clean.keypoints_px))
    assert after < 0.55 * before


def test_missed_keypoints_outliers_and_exchanged_sides_are_put_right_by_the_frames_around():
    one = video(noise_px=2.0)
    found, confidence = np.array(one.observations.keypoints_px), np.array(one.observations.confidence)
    wrist, left_ankle, right_ankle, nose = (
        LAYOUT.keypoint_names.index(name) for name in ("left_wrist", "left_ankle", "right_ankle", "nose")
    )
    found[20, wrist], confidence[20, wrist] = 0.0, 0.0
    found[10, nose] += 150.0
    found[30, [left_ankle, right_ankle]] = found[30, [right_ankle, left_ankle]]
    confidence[:, LAYOUT.keypoint_names.index("left_eye")] = 0.0
    seen = dataclasses.replace(one.observations, keypoints_px=found, confidence=confidence)
    clean = cleaned(seen, one.points + 5.0, one.is_seen, one.times)
    is_known = np.asarray(clean.confidence) > 0
    assert is_known[20, wrist]
    assert not is_known[:, LAYOUT.keypoint_names.index("left_eye")].any()  # never found
    assert np.abs(clean.keypoints_px - one.points)[is_known].max() < 8.0  # six standard deviations of a mean of five


PROPOSER = Proposer.of(load_proposal_network(), LAYOUT, BODY.name, BODY.num_joints)
PROPOSE = jax.jit(partial(propose, num_passes=2, chunk_size=8))
REFINE = jax.jit(refine_track)


def proposed(one, proposer=PROPOSER):
    known = np.ones(len(one.times), bool)
    return jax.tree.map(np.asarray, PROPOSE(proposer, SEEN_BODY, one.observations, known, known))


def refined(one, proposals, observations, is_seen=None, proposer=PROPOSER):
    is_seen, known = one.is_seen if is_seen is None else is_seen, np.ones(len(one.times), bool)
    arguments = proposals, observations, known, is_seen, one.times
    return jax.tree.map(np.asarray, REFINE(proposer, SEEN_BODY, *arguments))


def joint_error(bodies, truth):
    """(T,) PA-MPJPE [mm]."""
    joints = (np.asarray(BODY.joints(**b.blocks())) for b in (bodies, truth))
    return 1e3 * np.array([pa_mpjpe(*pair) for pair in zip(*joints, strict=True)])


@pytest.fixture(scope="module")
def noisy():
    """2 % of the height, new in every frame."""
    one = video(noise_px=0.02 * HEIGHT_PX)
    return one, *proposed(one)


def test_refined_proposals_are_nearer_to_the_truth_than_their_means(noisy):
    one, proposals, observations = noisy
    means = smoothed_bodies(proposals, one.times, one.is_seen)
    better = refined(one, proposals, observations)
    errors = [joint_error(bodies, one.truth).mean() for bodies in (proposals.parameters, means, better.parameters)]
    assert errors[2] < 0.97 * errors[1] < 0.9 * errors[0]
    assert better.std_pose.mean() < proposals.std_pose.mean()
    np.testing.assert_array_equal(better.noise, proposals.noise)


def test_frames_appended_as_padding_change_nothing(noisy):
    one, proposals, observations = noisy
    rows = np.arange(NUM_FRAMES)
    is_own = rows < 25
    short = jax.tree.map(lambda leaf: leaf[:25], (proposals, observations))
    alone = refined(dataclasses.replace(one, times=one.times[:25]), *short)
    together = refined(one, hidden(proposals, ~is_own), observations, is_own)
    for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a[:25], b, atol=5e-4)  # half turns lose digits in float32


def test_frames_that_nobody_saw_get_a_proposal_from_those_around_them(noisy):
    one, proposals, observations = noisy
    is_seen = np.ones(NUM_FRAMES, bool)
    is_seen[18:22] = False
    better = refined(one, hidden(proposals, ~is_seen), hidden(observations, ~is_seen), is_seen)
    errors = joint_error(better.parameters, one.truth)
    assert errors[18:22].mean() < 1.3 * errors[is_seen].mean()


def test_without_any_frame_seen_the_proposals_stay(noisy):
    one, proposals, observations = noisy
    same = refined(one, proposals, observations, np.zeros(NUM_FRAMES, bool))
    for a, b in zip(jax.tree.leaves(same), jax.tree.leaves(proposals), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_single_frame_and_a_person_who_stands_still_at_any_rate_are_refined_to_finite_bodies(noisy):
    one, proposals, observations = noisy
    row = np.zeros(NUM_FRAMES, int)
    still = jax.tree.map(lambda leaf: leaf[row], (proposals, observations))
    found = [
        refined(dataclasses.replace(one, times=np.arange(NUM_FRAMES, dtype=np.float32) / fps), *still)
        for fps in (8.0, 30.0, 120.0)
    ]
    for other in found[1:]:
        assert off(other.parameters, found[0].parameters).max() < 2e-3
    alone = jax.tree.map(lambda leaf: leaf[:1], (proposals, observations))
    single = refined(dataclasses.replace(one, times=one.times[:1]), *alone)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(single))


def test_a_body_whose_shapes_the_network_does_not_know_keeps_them_free(noisy):
    one, _, observations = noisy
    stranger = dataclasses.replace(PROPOSER, knows_betas=0.0)
    proposals, _ = proposed(one, stranger)
    better = refined(one, proposals, observations, proposer=stranger)
    assert np.isinf(better.std_betas).all()
    assert np.isfinite(better.parameters.body_pose).all()


@dataclasses.dataclass(frozen=True)
class CheckedFrames:
    """What the refinement reads of checked people."""

    is_fittable: np.ndarray


def test_a_long_track_is_refined_in_windows_as_far_as_its_shape_allows():
    num_frames = WINDOW_SIZES[-1] + 12
    one = video(num_frames, noise_px=0.01 * HEIGHT_PX)
    proposals, observations = proposed(one)
    setup = setup_tracks(LAYOUT, BODY, None, 10, None, {})
    checked = cast(CheckedPerson, CheckedFrames(is_fittable=one.is_seen))
    known = np.ones(num_frames, bool)
    windows = with_refined_proposals(setup, ProposedPeople(checked, observations, proposals), known, one.times)
    assert windows.proposals is not None
    whole = refined(one, proposals, observations)
    angles = off(windows.proposals.parameters, whole.parameters)
    assert angles.max() < 0.05
    assert np.median(angles) < 2e-3
