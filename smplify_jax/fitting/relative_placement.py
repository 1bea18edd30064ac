"""Where cameras stand that nobody has calibrated, found from the person whom all of them see.

Each view's proposal places the body before its camera, so any two views that see the body at one moment tell how their cameras stand to
each other: roughly, because a view hardly knows the depth. From there the body is fitted to all views, and the cameras to it, by turns.
The first camera is the world, and the size of the body, which the shape prior knows, is its scale.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.observation import ViewsObservation
from smplify_jax.camera.pinhole import MIN_DEPTH
from smplify_jax.errors import InputError
from smplify_jax.fitting.frames import Frames, rows_of
from smplify_jax.fitting.frames_of_views import frames_of_views, rest_pelvis
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.tracks import fit_track

_MAX_FRAMES = 32
"""More frames hardly tell more about where the cameras stand, and each turn fits all of them."""

_NUM_TURNS = 6

_OUTLIER_PX = 15.0
"""[reference px] Differences beyond which keypoints hardly move a camera."""


def place_cameras(setup: TrackSetup, proposed: ProposedPeople, times: np.ndarray) -> Extrinsics:
    """Place V cameras in the frame of the first.

    Args:
        setup: of the fit.
        proposed: leading axes T, V.
        times: (T,) [s].
    Raises:
        InputError: a camera sees the person in no frame in which the first one does.
    """
    is_seen = np.asarray(proposed.checked.is_fittable)
    useful = np.flatnonzero(is_seen.sum(axis=1) > 1)
    for view in range(1, is_seen.shape[1]):
        if not (is_seen[:, 0] & is_seen[:, view]).any():
            raise InputError(
                f"Camera {view} never sees the person together with the first camera, so where it stands cannot be found: leave it out, or "
                "give calibrated cameras."
            )
    chosen = useful[np.linspace(0, len(useful) - 1, min(_MAX_FRAMES, len(useful))).round().astype(int)]
    proposed, times = rows_of(proposed, chosen), times[chosen]
    extrinsics = _from_proposals(setup.keypoint_body, proposed)
    for _ in range(_NUM_TURNS):
        frames = frames_of_views(setup.keypoint_body, proposed, extrinsics, times, max_gap=0.0)
        points = _fitted_keypoints(setup.keypoint_body, fit_track(setup, frames))
        extrinsics = _moved_to_body(extrinsics, frames, points)
    return extrinsics


def _from_proposals(body: KeypointBody, proposed: ProposedPeople) -> Extrinsics:
    """From the bodies before each camera: the mean turn, and the median shift, between each view's body and the first view's."""
    assert proposed.proposals is not None
    parameters, is_seen = proposed.proposals.parameters, np.asarray(proposed.checked.is_fittable)
    orient = np.asarray(parameters.global_orient, np.float64)
    pelvis = rest_pelvis(body, np.asarray(parameters.betas)) + parameters.transl
    rotations, translations = [np.eye(3)], [np.zeros(3)]
    for view in range(1, orient.shape[1]):
        both = is_seen[:, 0] & is_seen[:, view]
        first, other = (Rotation.from_rotvec(orient[both, one]) for one in (0, view))
        turn = _typical_turn(other * first.inv())
        rotations.append(turn.as_matrix())
        translations.append(np.median(pelvis[both, view] - turn.apply(pelvis[both, 0]), axis=0))
    return Extrinsics(np.stack(rotations), np.stack(translations))


def _typical_turn(turns: Rotation) -> Rotation:
    """The mean of the turns that are near the most typical one: in some frames a proposal faces the wrong way."""
    apart = np.stack([(turns.inv() * one).magnitude() for one in turns])
    typical = int(np.argmin(np.median(apart, axis=1)))
    return turns[apart[typical] <= np.median(apart[typical]) + 1e-6].mean()


def _fitted_keypoints(keypoint_body: KeypointBody, fields: dict[str, Any]) -> np.ndarray:
    """(T, K, 3) in the world; NaN in frames without a body."""
    names = ("betas", "global_orient", "body_pose", "transl")
    return np.asarray(keypoint_body.keypoints(**{name: fields[name] for name in names}), np.float64)


def _moved_to_body(extrinsics: Extrinsics, frames: Frames, points: np.ndarray) -> Extrinsics:
    """The cameras, each moved so that the body's keypoints (T, K, 3) appear where it saw them; the first stays."""
    observed = frames.observed
    assert isinstance(observed, ViewsObservation)
    rotations, translations = np.array(extrinsics.rotation, float), np.array(extrinsics.translation, float)
    for view in range(1, len(rotations)):
        seen = jax.tree.map(lambda leaf, view=view: np.asarray(leaf)[:, view], observed)
        rotations[view], translations[view] = _resected(seen, rotations[view], translations[view], points)
    return dataclasses.replace(extrinsics, rotation=rotations, translation=translations)


def _resected(
    seen: ViewsObservation, rotation: np.ndarray, translation: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One camera's rotation and translation by robust least squares on its reprojection errors."""
    is_used = (np.asarray(seen.confidence) > 0) & np.isfinite(points).all(axis=-1)
    confidence = np.asarray(seen.confidence)[is_used][:, None]
    factor = np.broadcast_to(np.asarray(seen.pixel_scale)[:, None], is_used.shape)[is_used][:, None] * confidence
    focal_length, center = (
        np.broadcast_to(np.asarray(field)[:, None], (*is_used.shape, 2))[is_used]
        for field in (seen.camera.focal_length, seen.camera.camera_center)
    )
    pixels, places = np.asarray(seen.keypoints_px)[is_used], points[is_used]
    distance = max(float(np.linalg.norm(translation)), 1.0)

    def errors(step: np.ndarray) -> np.ndarray:
        turned = places @ (Rotation.from_rotvec(step[:3]).as_matrix() @ rotation).T
        in_camera = turned + translation + distance * step[3:]
        depth = np.maximum(in_camera[:, 2:], MIN_DEPTH)
        return (factor * (focal_length * in_camera[:, :2] / depth + center - pixels)).ravel()

    step = least_squares(errors, np.zeros(6), loss="soft_l1", f_scale=_OUTLIER_PX).x
    return Rotation.from_rotvec(step[:3]).as_matrix() @ rotation, translation + distance * step[3:]
