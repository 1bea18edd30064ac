"""Frames seen by several cameras at once, from the network's proposals for every view of each."""

from __future__ import annotations

import dataclasses

import numpy as np

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.camera.depth import pixel_scale
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.observation import Observation, ViewsObservation
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.frames_of_picture import input_status
from smplify_jax.fitting.fusion import fuse
from smplify_jax.fitting.person import CheckedPerson
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_starts import typical_start


def frames_of_views(
    body: KeypointBody, proposed: ProposedPeople, extrinsics: Extrinsics, times: np.ndarray, max_gap: float
) -> Frames:
    """Prepare one person.

    Args:
        body: cut to the keypoints.
        proposed: observations, weighted, and proposals; leading axes T, V.
        extrinsics: of the V cameras.
        times: (T,) [s].
        max_gap: [s] the longest time between two observed frames between which bodies are filled in.
    """
    checked, proposals = proposed.checked, proposed.proposals
    if proposals is None:
        raise ValueError("frames start from proposals: the profile must use the network")
    view_is_seen = np.asarray(checked.is_fittable)
    fused = fuse(proposals, view_is_seen, extrinsics, rest_pelvis(body, np.asarray(proposals.parameters.betas)))
    is_seen = np.asarray(view_is_seen.any(axis=1))
    start = typical_start(fused.parameters, is_seen, times)
    places = np.asarray(start.transl)
    return Frames.prepared(
        observed=_observed(proposed.observations, view_is_seen, extrinsics, places),
        as_given=_observed(checked.observation, view_is_seen, extrinsics, places),
        start=start,
        anchor=fused.anchor,
        is_seen=is_seen,
        input_status=input_status(_typical_view(checked)),
        times=times,
        max_gap=max_gap,
    )


def rest_pelvis(body: KeypointBody, betas: np.ndarray) -> np.ndarray:
    """(..., 3) the pelvis of a body at rest at the origin [m], linear in the betas (..., B)."""
    mean, by_beta = (np.asarray(array, np.float64)[0] for array in (body.joint_template, body.joint_shapedirs))
    return mean + betas @ by_beta.T


def _observed(
    observation: Observation, view_is_seen: np.ndarray, extrinsics: Extrinsics, places: np.ndarray
) -> ViewsObservation:
    """All views of each frame, with the scale of each at the place (T, 3) where the body is."""
    num_frames = len(places)
    depth = (
        np.einsum("vj,tj->tv", np.asarray(extrinsics.rotation)[:, 2], places) + np.asarray(extrinsics.translation)[:, 2]
    )
    scale = np.asarray(pixel_scale(np.maximum(depth, 0.1), np.asarray(observation.camera.focal_length)))
    return ViewsObservation(
        keypoints_px=np.asarray(observation.keypoints_px),
        confidence=np.where(view_is_seen[..., None], observation.confidence, 0.0).astype(np.float32),
        camera=observation.camera,
        rotation=np.broadcast_to(np.asarray(extrinsics.rotation, np.float32), (num_frames, *extrinsics.rotation.shape)),
        translation=np.broadcast_to(
            np.asarray(extrinsics.translation, np.float32), (num_frames, *extrinsics.translation.shape)
        ),
        pixel_scale=scale.astype(np.float32),
    )


def _typical_view(checked: CheckedPerson) -> CheckedPerson:
    """The checks of each frame's best view: the person is seen if any view sees them."""
    names = ("has_enough_keypoints", "is_camera_valid", "is_plausible")
    return dataclasses.replace(checked, **{name: np.asarray(getattr(checked, name)).any(axis=1) for name in names})
