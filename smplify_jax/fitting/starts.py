"""Where a fit starts: depth from the torso, the mean pose, and several yaw angles.

One view does not distinguish front from back, and the energy has a local minimum for each; so several yaw angles are tried.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.depth import MAX_START_DEPTH, MIN_START_DEPTH
from smplify_jax.camera.observation import Observation
from smplify_jax.geometry.rotations import compose_axis_angle, exp_so3

_TRUNK_WORDS = ("shoulder", "hip", "neck", "thorax", "pelvis", "spine")


def torso_depth(body: KeypointBody, observation: Observation, torso: Array | np.ndarray, otherwise: Array) -> Array:
    """Depth by similar triangles of the torso in the rest pose, z = f h3d / h2d, as in the paper.

    h is the mean length from shoulder to hip over the observed sides, between the points that the layout defines, which are also those
    that the data term compares.

    Args:
        body: the body, cut to the keypoints.
        observation: of one person.
        torso: (4, K) from `torso_rows`.
        otherwise: depth to return if neither side is observed [m].
    Returns:
        Depth [m], within bounds that keep a solver's start finite.
    """
    zero_pose = jnp.zeros(3 * (body.num_joints - 1))
    points = body.keypoints(
        betas=jnp.zeros(body.num_betas), global_orient=jnp.zeros(3), body_pose=zero_pose, transl=jnp.zeros(3)
    )
    rest = torso @ jnp.where(body.is_defined[:, None], points, 0.0)
    observed = torso @ (observation.keypoints_px / observation.camera.focal_length)
    is_seen = torso @ (observation.confidence > 0).astype(jnp.float32) > 0
    # Rows are left and right shoulder, left and right hip.
    is_side = is_seen[:2] & is_seen[2:]
    length, apparent = (jnp.sum(is_side * jnp.linalg.norm(x[:2] - x[2:], axis=-1)) for x in (rest, observed))
    depth = jnp.where(jnp.any(is_side), length / jnp.maximum(apparent, 1e-12), otherwise)
    return jnp.clip(depth, MIN_START_DEPTH, MAX_START_DEPTH)


def is_seen_from_the_side(observation: Observation, torso: Array | np.ndarray, least_px: float) -> Array:
    """Whether both shoulders are observed and appear closer together than `least_px` [reference px].

    Front and back are then hard to distinguish.
    """
    is_seen = torso[:2] @ (observation.confidence > 0).astype(jnp.float32) > 0
    left, right = torso[:2] @ observation.keypoints_px
    return jnp.all(is_seen) & (jnp.linalg.norm(left - right) * observation.pixel_scale < least_px)


def turned_around(parameters: BodyParameters) -> BodyParameters:
    """Bodies that face the other way: R R_y(pi), half a turn about the body's own vertical axis through the pelvis."""
    half_turn = jnp.array([0.0, np.pi, 0.0], jnp.float32)
    orient = jnp.asarray(parameters.global_orient)
    return dataclasses.replace(
        parameters, global_orient=compose_axis_angle(orient, jnp.broadcast_to(half_turn, orient.shape))
    )


def trunk_weights(keypoint_names: tuple[str, ...]) -> np.ndarray:
    """(K,) weight of each keypoint in aligning the trunk: 1 on the trunk, 0.1 on limbs and face."""
    return np.array([1.0 if any(word in name for word in _TRUNK_WORDS) else 0.1 for name in keypoint_names], np.float32)


def yaw_starts(
    body: KeypointBody,
    observation: Observation,
    pose: Array | np.ndarray,
    depth: Array | np.ndarray,
    trunk: Array | np.ndarray,
    num_starts: int,
) -> BodyParameters:
    """Upright bodies in the given pose at `num_starts` evenly spaced yaw angles, each aligned with the keypoints.

    Args:
        body: the body, cut to the keypoints.
        observation: of one person.
        pose: (3 (J - 1),) [rad].
        depth: [m].
        trunk: (K,) from `trunk_weights`.
        num_starts: S; the first start faces the camera, and if S is even, one faces away from it.
    Returns:
        Parameters with leading axis S.
    """
    yaws = jnp.arange(num_starts) * (2 * np.pi / num_starts)
    return jax.vmap(lambda yaw: _start_at_yaw(body, observation, pose, depth, trunk, yaw))(yaws)


def _start_at_yaw(
    body: KeypointBody,
    observation: Observation,
    pose: Array | np.ndarray,
    depth: Array | np.ndarray,
    trunk: Array | np.ndarray,
    yaw: Array | np.ndarray,
) -> BodyParameters:
    facing_camera = jnp.array([np.pi, 0.0, 0.0], jnp.float32)  # y up to y down, front towards the camera
    upright = compose_axis_angle(facing_camera, jnp.array([0.0, 1.0, 0.0]) * yaw)
    betas = jnp.zeros(body.num_betas)
    weights = trunk * observation.confidence * body.is_defined

    points = body.keypoints(betas=betas, global_orient=upright, body_pose=pose, transl=jnp.zeros(3))
    points = jnp.where(body.is_defined[:, None], points, 0.0)
    roll = _roll_between(points[:, :2], _rays(observation) * depth, weights)
    roll_vector = jnp.array([0.0, 0.0, 1.0]) * roll
    # The pelvis is not at the origin, so rotating the body about it is not quite the same as rotating the points; for a start it will do.
    points = points @ exp_so3(roll_vector).T
    centre = _centre(observation, points, depth, jnp.asarray(weights))
    return BodyParameters(compose_axis_angle(roll_vector, upright), pose, betas, jnp.append(centre, depth))


def centred_translation(
    body: KeypointBody, observation: Observation, parameters: BodyParameters, depth: Array | np.ndarray
) -> Array:
    """(3,) translation to the given depth [m] that brings the keypoints of a body, given without its own, closest to the observed ones."""
    points = jnp.where(body.is_defined[:, None], body.keypoints(**parameters.blocks()), 0.0)
    weights = jnp.asarray(observation.confidence * body.is_defined)
    return jnp.append(_centre(observation, points, depth, weights), depth)


def _centre(observation: Observation, points: Array, depth: Array | np.ndarray, weights: Array) -> Array:
    """(2,) x and y of that translation: u = f (X + t) / (Z + z) + c for known z is linear in t; each keypoint gives one estimate."""
    offset = _rays(observation) * (points[:, 2:] + depth) - points[:, :2]
    return jnp.sum(weights[:, None] * offset, axis=0) / jnp.maximum(jnp.sum(weights), 1e-12)


def _rays(observation: Observation) -> Array:
    """(K, 2) x/z and y/z of the rays through the keypoints."""
    return (observation.keypoints_px - observation.camera.camera_center) / observation.camera.focal_length


def _roll_between(model: Array | np.ndarray, observed: Array | np.ndarray, weights: Array | np.ndarray) -> Array:
    """Angle of the similarity that best maps model points (K, 2) to observed ones (K, 2): 2D Procrustes, in closed form [rad]."""
    total = jnp.maximum(jnp.sum(weights), 1e-12)
    model = model - jnp.sum(weights[:, None] * model, axis=0) / total
    observed = observed - jnp.sum(weights[:, None] * observed, axis=0) / total
    along = jnp.sum(weights * jnp.sum(model * observed, axis=-1))
    across = jnp.sum(weights * (model[:, 0] * observed[:, 1] - model[:, 1] * observed[:, 0]))
    # Both sums vanish if nothing determines the roll: stay upright.
    return jnp.where(jnp.abs(along) + jnp.abs(across) > 1e-9, jnp.arctan2(across, along), 0.0)
