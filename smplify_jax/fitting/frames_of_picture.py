"""Frames of a video of one camera, from the network's proposals for each of them."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.person import CheckedPerson
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_starts import continuous, filled, typical_places, typical_rows
from smplify_jax.proposal.propose import Proposal
from smplify_jax.result import FitStatus
from smplify_jax.terms.anchor import Anchor


def frames_of_picture(proposed: ProposedPeople, times: np.ndarray, max_gap: float) -> Frames:
    """Prepare one track.

    Args:
        proposed: the frames' observations, weighted, and proposals, leading axis T.
        times: (T,) [s].
        max_gap: [s] the longest time between two observed frames between which bodies are filled in.
    """
    checked, proposals = proposed.checked, proposed.proposals
    if proposals is None:
        raise ValueError("frames start from proposals: the profile must use the network")
    is_seen = np.asarray(checked.is_fittable)
    is_frame = is_seen | is_between(is_seen, times, max_gap)
    return Frames(
        observed=_observed(proposed.observations, is_seen),
        as_given=checked.observation,
        start=_start(proposals, is_seen, times),
        anchor=_anchor(proposals, is_seen),
        times=(times - times[0]).astype(np.float32),
        is_seen=is_seen,
        is_frame=is_frame,
        is_fixed=np.zeros_like(is_frame),
        is_linked=is_linked(is_frame),
        input_status=input_status(checked),
    )


def is_between(is_seen: np.ndarray, times: np.ndarray, max_gap: float) -> np.ndarray:
    """(T,) which frames are unseen, but lie between seen ones that are at most `max_gap` apart."""
    seen = np.flatnonzero(is_seen)
    found = np.zeros(len(is_seen), bool)
    for before, after in pairwise(seen):
        if after > before + 1 and times[after] - times[before] <= max_gap:
            found[before + 1 : after] = True
    return found


def is_linked(is_frame: np.ndarray) -> np.ndarray:
    """(T,) which frames have a body in the frames before and after them."""
    around = np.concatenate([[False], is_frame, [False]])
    return around[:-2] & around[1:-1] & around[2:]


def input_status(checked: CheckedPerson) -> np.ndarray:
    """(T,) why a frame cannot be fitted; CONVERGED if it can."""
    status = np.where(checked.is_plausible, FitStatus.CONVERGED, FitStatus.IMPLAUSIBLE)
    status = np.where(checked.has_enough_keypoints, status, FitStatus.TOO_FEW_KEYPOINTS)
    return np.where(checked.is_camera_valid, status, FitStatus.NON_FINITE).astype(np.int32)


def _observed(weighed: Observation, is_seen: np.ndarray) -> Observation:
    """The observations with the scale of a typical frame: people grow and shrink slowly."""
    scale = np.asarray(weighed.pixel_scale)
    typical = np.median(scale[is_seen]) if is_seen.any() else 1.0
    return dataclasses.replace(
        weighed,
        confidence=np.where(is_seen[:, None], weighed.confidence, 0.0).astype(np.float32),
        pixel_scale=np.full_like(scale, typical),
    )


def _start(proposals: Proposal, is_seen: np.ndarray, times: np.ndarray) -> BodyParameters:
    """Each frame's most typical proposal of those around it, continuous in time."""
    parameters = proposals.parameters
    pose = np.concatenate([parameters.global_orient, parameters.body_pose], axis=-1)
    pose = pose.reshape(len(pose), -1, 3).astype(np.float64)
    rows = typical_rows(pose, is_seen)
    places = typical_places(np.asarray(parameters.transl, np.float64), is_seen)
    pose, transl = filled(pose[rows], places, is_seen, times)
    pose = continuous(pose).astype(np.float32)
    return BodyParameters(
        global_orient=pose[:, 0],
        body_pose=pose[:, 1:].reshape(len(pose), -1),
        betas=np.asarray(parameters.betas),
        transl=transl.astype(np.float32),
    )


def _anchor(proposals: Proposal, is_seen: np.ndarray) -> Anchor:
    anchor = proposals.anchor()
    seen = is_seen[:, None].astype(np.float32)
    return dataclasses.replace(
        anchor,
        body_pose=np.where(is_seen[:, None], anchor.body_pose, 0.0).astype(np.float32),
        pose_scale=np.asarray(anchor.pose_scale) * seen,
        betas_scale=np.asarray(anchor.betas_scale) * seen,
    )
