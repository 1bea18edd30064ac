"""Frames of a video of one camera, from the network's proposals for each of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.person import CheckedPerson
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_starts import typical_start
from smplify_jax.result import FitStatus


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
    return Frames.prepared(
        observed=_observed(proposed.observations, is_seen),
        as_given=checked.observation,
        start=typical_start(proposals.parameters, is_seen, times),
        anchor=proposals.anchor(),
        is_seen=is_seen,
        input_status=input_status(checked),
        times=times,
        max_gap=max_gap,
    )


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
