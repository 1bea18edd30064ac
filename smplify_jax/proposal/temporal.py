"""Refine the proposals of a track: from the proposals of single frames to those of frames that know their neighbours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import place_keypoints
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import MIN_DEPTH, project
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.proposal.network import NUM_BETAS
from smplify_jax.proposal.propose import Proposal, Proposer, network_pass
from smplify_jax.proposal.slots import slot_matrix
from smplify_jax.proposal.temporal_network import Corrections, TemporalNetwork, split_corrections
from smplify_jax.proposal.track_denoising import denoised, standing_height_px
from smplify_jax.proposal.track_features import feature_mirror, output_mirror, track_features
from smplify_jax.proposal.track_smoothing import Track, filled, smoothed, track_of

_MIN_KEYPOINTS = 4  # in a frame, for another proposal
_LOG_STD_POSE, _LOG_STD_BETAS = (-4.0, 1.0), (-3.0, 0.5)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackRefiner:
    """A temporal network prepared for a layout.

    Attributes:
        network: trained.
        slots: (S, K) which keypoint is in which slot, see `slot_matrix`.
        inverse_correlation: (3 (J - 1), 3 (J - 1)) of the refined proposals' errors, see `AnchorTerm`.
        knows_betas: 1.0 if the body is the one whose betas the network has learned, 0.0 if its betas mean something else.
    """

    network: TemporalNetwork
    slots: Array | np.ndarray
    inverse_correlation: Array | np.ndarray
    knows_betas: float | Array

    @classmethod
    def of(cls, network: TemporalNetwork, layout: Layout, body_name: str, num_joints: int) -> TrackRefiner:
        """Prepare a network for a layout and a body."""
        num_pose = 3 * (num_joints - 1)
        correlation = np.asarray(network.pose_correlation, np.float64)[:num_pose, :num_pose]
        return cls(
            network=network,
            slots=slot_matrix(layout, network.slots),
            inverse_correlation=np.linalg.inv(correlation).astype(np.float32),
            knows_betas=float(network.body_name == body_name),
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackInput:
    """What the network is given of a track.

    Attributes:
        base: the smoothed track that it corrects.
        features: (T, F).
        times: (T,) [s].
        is_seen: (T,).
    """

    base: Track
    features: Array
    times: Array
    is_seen: Array


def refine_track(
    refiner: TrackRefiner,
    proposer: Proposer,
    body: KeypointBody,
    proposals: Proposal,
    observations: Observation,
    is_focal_length_known: Array,
    is_seen: Array,
    times: Array,
) -> Proposal:
    """Refine the proposals of the frames of one track.

    Args:
        refiner: for the keypoints' layout.
        proposer: likewise, of the network for one frame.
        body: J joints and B betas.
        proposals: leading axis T, each from its frame alone.
        observations: leading axis T, those that `propose` returns, with exchanged sides corrected.
        is_focal_length_known: (T,) whether the camera was given rather than guessed.
        is_seen: (T,) whether a frame has a proposal. The others get one from their neighbours; frames appended as padding change nothing.
        times: (T,) of the frames [s], increasing, at any rate.
    Returns:
        Leading axis T: poses and places with their new standard deviations, and one shape, the same in all frames. The noise of the
        detections stays. Without any frame seen, the proposals as they are.
    """
    given, safe = track_input(refiner, proposer, body, proposals, observations, is_focal_length_known, is_seen, times)
    track = corrected(given, split_corrections(symmetric_outputs(refiner.network, given)))
    refined = _proposals_of(body, safe, track, refiner.knows_betas)
    return jax.tree.map(lambda new, old: jnp.where(jnp.any(is_seen), new, old), refined, proposals)


def track_input(
    refiner: TrackRefiner,
    proposer: Proposer,
    body: KeypointBody,
    proposals: Proposal,
    observations: Observation,
    is_focal_length_known: Array,
    is_seen: Array,
    times: Array,
) -> tuple[TrackInput, Proposal]:
    """The network's input, and harmless proposals for all frames; arguments as in `refine_track`."""
    is_seen, times = jnp.asarray(is_seen), jnp.asarray(times, jnp.float32)
    # Numbers of frames without a proposal may be anything.
    safe, observations = jax.tree.map(
        lambda leaf: jnp.where(is_seen.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, _first_seen(leaf, is_seen)),
        (proposals, observations),
    )
    first = smoothed(filled(track_of(body, safe, refiner.knows_betas), times, is_seen), times, is_seen)
    clean = _denoised(proposer, body, safe, first, observations, is_seen, times)
    again = jax.vmap(partial(network_pass, proposer, body))(clean, jnp.asarray(is_focal_length_known))
    is_enough = jnp.sum(clean.confidence > 0, axis=1) >= _MIN_KEYPOINTS
    again = jax.tree.map(
        lambda new, old: jnp.where(is_enough.reshape(-1, *[1] * (new.ndim - 1)), new, old),
        dataclasses.replace(again, noise=safe.noise),
        safe,
    )
    raw = filled(track_of(body, again, refiner.knows_betas), times, is_seen)
    base = smoothed(raw, times, is_seen)
    slots, is_clean = jnp.asarray(refiner.slots), clean.confidence > 0
    residuals = jnp.where(is_clean[..., None], _residuals(body, base, safe, clean), 0.0)
    count = is_clean.astype(jnp.float32) @ slots.T
    share = jnp.where(count > 0, 1.0 / jnp.maximum(count, 1.0), 0.0)
    residuals = jnp.einsum("sk,tkc->tsc", slots, residuals) * share[..., None]
    log_noise = jnp.where(is_clean, jnp.log(jnp.maximum(safe.noise, 1e-6)), 0.0) @ slots.T * share
    features = track_features(raw, base, residuals, log_noise, clean.confidence @ slots.T * share, is_seen)
    return TrackInput(base, features, times, is_seen), safe


def _denoised(
    proposer: Proposer,
    body: KeypointBody,
    proposals: Proposal,
    track: Track,
    observations: Observation,
    is_seen: Array,
    times: Array,
) -> Observation:
    parameters = parameters_of(body, track, proposals)
    expected = jax.vmap(lambda one, camera: project(place_keypoints(body, one), camera))(parameters, observations.camera)
    height = standing_height_px(jnp.exp(track.pelvis[:, 2]), observations.camera.focal_length)
    return denoised(observations, expected, height, proposer.flip, is_seen, times)


def symmetric_outputs(network: TemporalNetwork, given: TrackInput) -> Array:
    """The mean (T, O) of the network's output for a track and, mirrored back, for its mirror image."""
    order, signs = feature_mirror(network.slots)
    both = jnp.stack([given.features, given.features[:, order] * signs])
    one, other = jax.vmap(network, in_axes=(0, None, None))(both, given.times, given.is_seen)
    order, signs = output_mirror()
    return 0.5 * (one + other[:, order] * signs)


def corrected(given: TrackInput, change: Corrections) -> Track:
    """The smoothed track with the network's corrections."""
    base = given.base
    height_per_ray = jnp.exp(base.pelvis[:, 2:]) / PERSON_HEIGHT
    units = jnp.concatenate([height_per_ray, height_per_ray, jnp.ones_like(height_per_ray)], axis=-1)
    share = jax.nn.softmax(jnp.where(given.is_seen, change.log_share, -1e9))[:, None]
    betas = jnp.sum(share * (base.betas + change.betas), axis=0)
    log_std_betas = jnp.sum(share * (base.log_std_betas + change.log_std_betas), axis=0)
    return Track(
        rotations=base.rotations @ change.rotations,
        pelvis=base.pelvis + change.pelvis / units,
        betas=jnp.broadcast_to(betas, base.betas.shape),
        log_std_pose=jnp.clip(base.log_std_pose + change.log_std_pose, *_LOG_STD_POSE),
        log_std_betas=jnp.broadcast_to(jnp.clip(log_std_betas, *_LOG_STD_BETAS), base.log_std_betas.shape),
    )


def _residuals(body: KeypointBody, base: Track, proposals: Proposal, observations: Observation) -> Array:
    """(T, K, 2) detections minus the keypoints of the smoothed track, in heights."""
    expected = jax.vmap(lambda one: place_keypoints(body, one))(parameters_of(body, base, proposals))
    depth = jnp.maximum(expected[..., 2:], MIN_DEPTH)
    camera = observations.camera
    rays = (observations.keypoints_px - camera.camera_center[:, None]) / camera.focal_length[:, None]
    return (rays - expected[..., :2] / depth) * jnp.exp(base.pelvis[:, None, 2:]) / PERSON_HEIGHT


def parameters_of(body: KeypointBody, track: Track, proposals: Proposal) -> BodyParameters:
    """Bodies (T, ...) in the camera frame; betas that the network does not know stay as proposed."""
    own = jnp.asarray(proposals.parameters.betas)
    num_known = min(NUM_BETAS, own.shape[-1])
    is_known = jnp.isfinite(jnp.asarray(proposals.std_betas)[..., :num_known])
    betas = own.at[..., :num_known].set(jnp.where(is_known, track.betas[..., :num_known], own[..., :num_known]))
    depth = jnp.exp(track.pelvis[:, 2:])
    pelvis = jnp.concatenate([track.pelvis[:, :2] * depth, depth], axis=-1)
    pose = matrix_to_axis_angle(track.rotations[:, : body.num_joints])
    return BodyParameters(
        global_orient=pose[:, 0],
        body_pose=pose[:, 1:].reshape(len(pose), -1),
        betas=betas,
        transl=pelvis - (body.joint_template[0] + betas @ body.joint_shapedirs[0].T),
    )


def _proposals_of(body: KeypointBody, proposals: Proposal, track: Track, knows_betas: Array | float) -> Proposal:
    num_pose, std_betas = 3 * (body.num_joints - 1), jnp.asarray(proposals.std_betas)
    num_known = min(NUM_BETAS, std_betas.shape[-1])
    is_known = jnp.isfinite(std_betas[..., :num_known]) & (jnp.asarray(knows_betas) > 0)
    known_std = jnp.where(is_known, jnp.exp(track.log_std_betas[..., :num_known]), std_betas[..., :num_known])
    return Proposal(
        parameters=parameters_of(body, track, proposals),
        std_pose=jnp.exp(track.log_std_pose[:, :num_pose]),
        std_betas=std_betas.at[..., :num_known].set(known_std),
        noise=proposals.noise,
    )


def _first_seen(leaf: Array, is_seen: Array) -> Array:
    return jnp.nan_to_num(leaf[jnp.argmax(is_seen)], nan=0.0, posinf=jnp.inf, neginf=-jnp.inf)
