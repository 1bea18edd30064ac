"""Points in space, prepared for a fit: seen by imagined cameras around the person, whose proposals give pose and shape to start from.

A similarity transform of the resting trunk onto the points (Kabsch) tells where the person stands and faces. Cameras are then imagined in
front of, beside and behind them, because the proposal network knows people who are seen upright; its bodies are fused like those of real
cameras, and aligned with the points again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.observation import REFERENCE_PX_PER_M, PointsObservation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.execution.batching import padded_batches
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.frames_of_views import rest_pelvis
from smplify_jax.fitting.fusion import fuse
from smplify_jax.fitting.person import UNIT_NOISE_PX, Person, Setup
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.starts import trunk_weights
from smplify_jax.fitting.track_starts import typical_start
from smplify_jax.geometry.alignment import rigidly_aligned
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.result import MIN_KEYPOINTS, FitStatus

MIN_NOISE = 0.0005
"""[m] Points that are told to be more exact count no more: the body itself is no more accurate."""

FINGER_STD = 0.03
"""[m] How far points on fingers are from those of the body, whose fingers are stretched: those of a fist would pull the wrist along."""

_PAIRS_AT_ONCE = 2**22
_PARAMETERS = ("betas", "global_orient", "body_pose", "transl")
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")

_NUM_VIEWS = 4
_DISTANCE = 5.0
"""[m] of the imagined cameras: far enough that perspective is mild, as in most pictures."""

_FOCAL_LENGTH = 1000.0
_IMAGE_SIZE = 1000.0
_OUTLIER = 0.15
"""[m] Distance at which a point counts half in an alignment."""


@dataclass(frozen=True)
class RestBody:
    """The keypoints of the mean body in the prior's mean pose.

    Attributes:
        keypoints: the body, cut to the layout.
        points: (K, 3) [m]; zero where undefined.
        weights: (K,) of the trunk and, less, of everything else; zero where undefined.
        std: (K,) how far the person's point may be from the body's, however exactly it was measured [m].
    """

    keypoints: KeypointBody
    points: np.ndarray
    weights: np.ndarray
    std: np.ndarray

    @property
    def is_exact(self) -> np.ndarray:
        """(K,) the defined ones that are where the person's are."""
        return np.logical_and(np.asarray(self.keypoints.is_defined), self.std == 0)

    @classmethod
    def of(cls, setup: Setup, layout: Layout, std: ArrayLike = 0.0) -> RestBody:
        """For the layout and the body of a fit, and what is known of `std`; points on fingers have at least FINGER_STD."""
        body = setup.scene.body
        pose = np.asarray(setup.scene.prior.mean_pose)
        zero = np.zeros(3, np.float32)
        points = body.keypoints(
            betas=np.zeros(body.num_betas, np.float32), global_orient=zero, body_pose=pose, transl=zero
        )
        is_defined = np.asarray(body.is_defined)
        points = np.where(is_defined[:, None], np.asarray(points, np.float64), 0.0)
        on_fingers = np.where([_is_on_finger(names) for names in layout.points], FINGER_STD, 0.0)
        return cls(body, points, trunk_weights(layout.keypoint_names) * is_defined, np.maximum(on_fingers, std))

    def posed(self, parameters: Mapping[str, ArrayLike]) -> np.ndarray:
        """(B, K, 3) the keypoints of bodies (B, ...) [m]; zero where undefined, and where there is no body.

        In batches of a few sizes: each size is compiled.
        """
        parts = []
        for rows, is_body in padded_batches(len(np.asarray(parameters["transl"]))):
            some = {name: np.asarray(parameters[name], np.float32)[rows] for name in _PARAMETERS}
            parts.append(np.asarray(self.keypoints.keypoints(**some), np.float64)[is_body])
        return np.nan_to_num(np.concatenate(parts))

    def first_scale(self, rows: np.ndarray) -> np.ndarray:
        """(B,) metres per unit of points (B, K, 4): the ratio of the distances between all pairs of points that the trunk keeps rigid."""
        weight = (rows[..., 3] > 0) * self.weights
        rest = np.linalg.norm(self.points[:, None] - self.points, axis=-1)
        some = max(1, _PAIRS_AT_ONCE // rest.size)
        parts = []
        for start in range(0, len(rows), some):
            places, own_weight = rows[start : start + some, :, :3], weight[start : start + some]
            pair = own_weight[:, :, None] * own_weight[:, None, :]
            own = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
            parts.append((pair * rest).sum(axis=(1, 2)) / np.maximum((pair * own).sum(axis=(1, 2)), 1e-12))
        return np.concatenate(parts)


@dataclass(frozen=True)
class SeenFromAround:
    """Bodies of points as imagined cameras see them.

    Attributes:
        people: B V of them, for the proposal network.
        extrinsics: of each body's cameras, (B, V, 3, 3) and (B, V, 3).
        is_enough: (B,) whether a body has enough points.
    """

    people: Person
    extrinsics: Extrinsics
    is_enough: np.ndarray


def seen_from_around(rest: RestBody, rows: np.ndarray) -> SeenFromAround:
    """Imagine cameras around each body of points (B, K, 4) [m]."""
    weight = rows[..., 3] * (rest.weights > 0)
    is_enough = _is_enough(rows, weight)
    rest_points = np.broadcast_to(rest.points, rows[..., :3].shape)
    turn, _ = rigidly_aligned(rest_points, rows[..., :3], (rows[..., 3] > 0) * rest.weights, _OUTLIER)
    middle = (weight[..., None] * rows[..., :3]).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    rotation = np.stack([_facing(turn, 2 * np.pi * view / _NUM_VIEWS) for view in range(_NUM_VIEWS)], axis=1)
    translation = np.array([0.0, 0.0, _DISTANCE]) - np.einsum("bvij,bj->bvi", rotation, middle)
    in_camera = np.einsum("bvij,bkj->bvki", rotation, rows[..., :3]) + translation[:, :, None]
    pixels = _FOCAL_LENGTH * in_camera[..., :2] / np.maximum(in_camera[..., 2:], 0.1) + 0.5 * _IMAGE_SIZE
    confidence = np.broadcast_to(rows[:, None, :, 3:], (*pixels.shape[:-1], 1))
    keypoints = np.where(confidence > 0, np.concatenate([pixels, confidence], axis=-1), 0.0)
    num_people = len(rows) * _NUM_VIEWS
    people = Person(
        keypoints=keypoints.reshape(num_people, -1, 3).astype(np.float32),
        camera=Camera(
            np.full((num_people, 2), _FOCAL_LENGTH, np.float32), np.full((num_people, 2), 0.5 * _IMAGE_SIZE, np.float32)
        ),
        image_size=np.full((num_people, 2), _IMAGE_SIZE, np.float32),
        is_plausible=np.repeat(is_enough, _NUM_VIEWS),
        is_focal_length_known=np.ones(num_people, bool),
        start=None,
        anchor=None,
    )
    return SeenFromAround(people, Extrinsics(rotation, translation), is_enough)


def frames_of_points(
    rest: RestBody,
    rows: np.ndarray,
    seen: SeenFromAround,
    proposed: ProposedPeople,
    pose: np.ndarray | None,
    times: np.ndarray | None,
    max_gap: float,
) -> Frames:
    """Prepare bodies of points; the points themselves come by `with_points`.

    Args:
        rest: the body's keypoints at rest.
        rows: (B, K, 4) points [m] and confidence.
        seen: by the imagined cameras.
        proposed: for the people that these see.
        pose: (B, 3 (J - 1)) that the points show by themselves, for the start; NaN where they do not [rad].
        times: (B,) [s] if the bodies are one person's; None if they have nothing to do with each other.
        max_gap: [s] between bodies between which others are filled in.
    """
    checked, proposals = proposed.checked, proposed.proposals
    if proposals is None:
        raise ValueError("bodies of points start from proposals: the profile must use the network")
    proposals = jax.tree.map(lambda leaf: leaf.reshape(-1, _NUM_VIEWS, *leaf.shape[1:]), proposals)
    is_fittable = np.asarray(checked.is_fittable).reshape(-1, _NUM_VIEWS)
    is_seen = seen.is_enough & is_fittable.any(axis=1)
    pelvis = rest_pelvis(rest.keypoints, np.asarray(proposals.parameters.betas))
    fused = fuse(proposals, is_fittable, seen.extrinsics, pelvis)
    parameters = fused.parameters
    if pose is not None:
        parameters = dataclasses.replace(parameters, body_pose=np.where(np.isfinite(pose), pose, parameters.body_pose))
    placed = _placed(rest, parameters, rows)
    given = PointsObservation(rows[..., :3].astype(np.float32), (rows[..., 3] * is_seen[:, None]).astype(np.float32))
    of_input: dict[str, Any] = {
        "observed": given,
        "as_given": given,
        "anchor": fused.anchor,
        "is_seen": is_seen,
        "input_status": np.where(is_seen, FitStatus.CONVERGED, FitStatus.TOO_FEW_KEYPOINTS).astype(np.int32),
    }
    if times is None:
        return Frames.apart(start=placed, **of_input)
    return Frames.prepared(start=typical_start(placed, is_seen, times), times=times, max_gap=max_gap, **of_input)


def with_points(rest: RestBody, frames: Frames, rows: np.ndarray, noise: np.ndarray) -> Frames:
    """The frames with points (B, K, 4) [m] whose standard deviation along each axis is `noise` (B,) [m], and larger on fingers."""
    confidence = np.where(frames.is_seen[:, None], rows[..., 3], 0.0)
    unit = UNIT_NOISE_PX / (REFERENCE_PX_PER_M * np.hypot(np.maximum(noise, MIN_NOISE)[:, None], rest.std))
    given = PointsObservation(rows[..., :3].astype(np.float32), confidence.astype(np.float32))
    observed = dataclasses.replace(given, confidence=(unit * confidence).astype(np.float32))
    return dataclasses.replace(frames, observed=observed, as_given=given)


def _placed(rest: RestBody, parameters: BodyParameters, rows: np.ndarray) -> BodyParameters:
    """The bodies (B, ...) turned and moved onto their points."""
    posed = rest.posed(parameters.blocks())
    weights = (rows[..., 3] > 0) * (rest.weights > 0)
    turn, shift = rigidly_aligned(posed, rows[..., :3], weights, _OUTLIER)
    orient = Rotation.from_matrix(turn) * Rotation.from_rotvec(parameters.global_orient)
    # The root turns about the pelvis, which is not the origin.
    pelvis = rest_pelvis(rest.keypoints, np.asarray(parameters.betas))
    transl = np.einsum("bij,bj->bi", turn, pelvis + parameters.transl) + shift - pelvis
    return dataclasses.replace(parameters, global_orient=orient.as_rotvec(), transl=transl)


def _facing(turn: np.ndarray, yaw: float) -> np.ndarray:
    """(B, 3, 3) world to camera of cameras that see a body of orientation `turn` upright, from the front if `yaw` is zero."""
    # The camera's x is the body's left-right axis reversed, its y points down, and it looks at the body's front.
    front = np.diag([1.0, -1.0, -1.0])
    return front @ Rotation.from_euler("y", yaw).as_matrix() @ np.swapaxes(turn, 1, 2)


def _is_on_finger(names: tuple[str, ...]) -> bool:
    return any(finger in name for name in names for finger in _FINGERS)


def _is_enough(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(B,) whether there are MIN_KEYPOINTS points, and they do not all coincide."""
    is_seen = weight > 0
    low = np.where(is_seen[..., None], rows[..., :3], np.inf).min(axis=1)
    high = np.where(is_seen[..., None], rows[..., :3], -np.inf).max(axis=1)
    return (is_seen.sum(axis=1) >= MIN_KEYPOINTS) & ((high - low).max(axis=1) > 0)
