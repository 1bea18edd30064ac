"""Refine the proposals of a track: the network for one frame runs again, on keypoints that the frames around have denoised."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.posed_keypoints import place_keypoints
from smplify_jax.camera.depth import REFERENCE_HEIGHT_PX, pixel_scale
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import project
from smplify_jax.proposal.propose import Proposal, Proposer, propose
from smplify_jax.proposal.track_denoising import denoised
from smplify_jax.proposal.track_smoothing import REACH, Track, bodies_of, filled, smoothed, track_of

TRACK_REACH = 3 * REACH
"""Frames to each side that a refined proposal depends on, its shape and frames without a proposal apart: each smoothing adds REACH."""

_MIN_KEYPOINTS = 4  # of a denoised frame, for another proposal
_NUM_PASSES = 2  # what disagrees with all else even after denoising is found as in single frames
_CHUNK_SIZE = 32


def refine_track(
    proposer: Proposer,
    body: KeypointBody,
    proposals: Proposal,
    observations: Observation,
    is_focal_length_known: Array,
    is_seen: Array,
    times: Array,
) -> Proposal:
    """Refine the proposals of the frames of one track.

    Averaged over time, proposals lose the errors that are new in every frame. But each was made from noisy keypoints, and so stays closer
    to usual poses than cleaner keypoints would ask for. So the mean only serves to denoise the keypoints, from which the network
    proposes again.

    Args:
        proposer: for the keypoints' layout.
        body: J joints and B betas.
        proposals: leading axis T, each from its frame alone.
        observations: leading axis T, those that `propose` returns, with exchanged sides corrected.
        is_focal_length_known: (T,) whether the camera was given rather than guessed.
        is_seen: (T,) whether a frame has a proposal. The others get one from their neighbours; frames appended as padding change nothing.
        times: (T,) of the frames [s], increasing, at any rate; the more frames there are in a tenth of a second, the more they tell.
    Returns:
        Leading axis T: poses and places with their new standard deviations, and one shape, the same in all frames. The noise of the
        detections stays. Without any frame seen, the proposals as they are.
    """
    is_seen, times = jnp.asarray(is_seen), jnp.asarray(times)
    # Numbers of frames without a proposal may be anything, so they become those of the first frame that has one.
    first = jnp.argmax(is_seen)
    safe, seen_observations = jax.tree.map(
        lambda leaf: jnp.where(_rows(is_seen, leaf), leaf, leaf[first]), (proposals, observations)
    )
    track = _smoothed(body, safe, times, is_seen)
    clean = _denoised(proposer, body, track, seen_observations, times, is_seen)
    is_enough = is_seen & (jnp.sum(clean.confidence > 0, axis=1) >= _MIN_KEYPOINTS)
    again, _ = propose(
        proposer,
        body,
        clean,
        jnp.asarray(is_focal_length_known),
        is_enough,
        num_passes=_NUM_PASSES,
        chunk_size=min(len(times), _CHUNK_SIZE),
    )
    again = jax.tree.map(lambda new, old: jnp.where(_rows(is_enough, new), new, old), again, safe)
    track = _smoothed(body, again, times, is_seen)
    refined = Proposal(bodies_of(body, track), jnp.exp(track.log_std_pose), track.std_betas, safe.noise)
    return jax.tree.map(lambda new, old: jnp.where(jnp.any(is_seen), new, old), refined, proposals)


def _smoothed(body: KeypointBody, proposals: Proposal, times: Array, is_seen: Array) -> Track:
    return smoothed(filled(track_of(body, proposals), times, is_seen), times, is_seen)


def _denoised(
    proposer: Proposer, body: KeypointBody, track: Track, observations: Observation, times: Array, is_seen: Array
) -> Observation:
    """The observations with their keypoints denoised by the help of the smoothed track."""
    camera = observations.camera
    points = jax.vmap(partial(place_keypoints, body))(bodies_of(body, track))
    scale = pixel_scale(jnp.exp(track.pelvis[:, 2]), camera.focal_length)
    return denoised(observations, project(points, camera), REFERENCE_HEIGHT_PX / scale, proposer.flip, is_seen, times)


def _rows(is_chosen: Array, leaf: Array) -> Array:
    """(T,) as an array that chooses rows of a leaf (T, ...)."""
    return is_chosen.reshape(-1, *[1] * (leaf.ndim - 1))
