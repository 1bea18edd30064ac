"""How a proposed body misses the keypoints, and what would mend it: distances, and the torques that they exert on the joints."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.kinematics import joint_positions, sum_over_axes
from smplify_jax.body.posed_keypoints import hang_keypoints, with_batch_axis
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.proposal.network import NUM_SMPL_JOINTS, RawProposal, SeenPerson, resized_betas

_MODEL_NOISE = 0.004  # heights: the body itself is no more exact than this
_OUTLIER = 3.0  # in units of the noise: a keypoint so far off counts half
_PRIOR_INERTIA = 20.0  # of a joint without keypoints, in the unit of weight times squared lever: it turns little
_MIN_DEPTH = 0.1  # [m]


class Misfit(NamedTuple):
    """How a body misses K keypoints, in the view's frame.

    Attributes:
        residuals: (K, 2) keypoint minus body, in heights; zero where not seen.
        white_residuals: (K, 2) the same over the noise.
        weight: (K,) by which outliers count less.
        turns: (24, 3) rotation vector of each joint, in its parent's frame, that the torque of the distances asks for [rad].
        log_inertia: (24,) how firmly keypoints hold the joint.
        shifts: (24, 2) mean shift of the keypoints that hang on the joint [m].
        view_axes: (24, 3) the direction of view in the parent's frame.
        joints: (24, 3) relative to the pelvis [m].
    """

    residuals: Array
    white_residuals: Array
    weight: Array
    turns: Array
    log_inertia: Array
    shifts: Array
    view_axes: Array
    joints: Array


def body_misfit(body: KeypointBody, slots: Array, seen: SeenPerson, raw: RawProposal) -> Misfit:
    """How the proposed body of one person misses their keypoints.

    Args:
        body: K keypoints; joints that it lacks have zeros.
        slots: (S, K) which keypoint is in which slot.
        seen: the K keypoints.
        raw: the proposal.
    """
    depth = seen.depth * jnp.exp(raw.log_depth)
    pelvis = jnp.append(raw.pelvis * PERSON_HEIGHT / seen.depth, 1.0) * depth
    betas = resized_betas(raw.betas, body.num_betas, 0.0)
    rest_pelvis = body.joint_template[0] + body.joint_shapedirs[0] @ betas
    points = jnp.clip(seen.points, -5.0, 5.0)  # an outlier behind the view must not overflow
    log_noise, scale = slots.T @ raw.log_noise, seen.depth / PERSON_HEIGHT
    rotations = raw.rotations[: body.num_joints]
    return _misfit(body, (rotations, betas, pelvis - rest_pelvis, points, seen.confidence, log_noise, scale))


@batch_last
def _misfit(body: KeypointBody, personal: tuple[Array, ...]) -> Misfit:
    """From local rotations (J, 3, 3, ...), betas, transl, points (K, 2, ...), confidence, log noise, and the view's distance in heights."""
    rotations, betas, transl, points, confidence, log_noise, scale = personal
    posed = hang_keypoints(body, rotations, betas, transl)
    places = posed.keypoints_cam
    expected = places[:, :2] / jnp.maximum(places[:, 2:], _MIN_DEPTH) * scale
    is_seen = (confidence > 0).astype(points.dtype)
    residuals = jnp.clip(points - expected, -1.0, 1.0) * is_seen[:, None]
    variance = jnp.exp(2.0 * log_noise) + _MODEL_NOISE**2
    white = residuals / jnp.sqrt(variance)[:, None]
    weight = 1.0 / (1.0 + jnp.sum(white**2, axis=1) / _OUTLIER**2)

    stiffness = is_seen * weight / variance
    pull = stiffness[:, None] * residuals * PERSON_HEIGHT
    x, y, z = posed.levers[:, :, 0], posed.levers[:, :, 1], posed.levers[:, :, 2]
    torque = jnp.stack(
        [-jnp.sum(z * pull[:, 1], 1), jnp.sum(z * pull[:, 0], 1), jnp.sum(x * pull[:, 1] - y * pull[:, 0], 1)], axis=1
    )
    inertia = jnp.sum(stiffness * (x**2 + y**2 + z**2), axis=1)
    turn = torque / (inertia + _PRIOR_INERTIA)[:, None]
    hangs = ((x != 0) | (y != 0) | (z != 0)).astype(points.dtype)
    load = jnp.sum(hangs * stiffness, axis=1)
    shift = jnp.sum(hangs[:, :, None] * pull, axis=1) / (load + _PRIOR_INERTIA)[:, None]

    above = posed.parent_rotations
    rest = with_batch_axis(body.joint_template, betas) + jnp.tensordot(body.joint_shapedirs, betas, axes=1)
    joints = joint_positions(above, rest, body.parents)
    return Misfit(
        residuals=batch_first(residuals, 2),
        white_residuals=batch_first(white, 2),
        weight=batch_first(weight, 1),
        turns=batch_first(_padded(sum_over_axes(lambda b: above[:, b] * turn[:, b, None])), 2),
        log_inertia=batch_first(_padded(jnp.log1p(inertia / _PRIOR_INERTIA)), 1),
        shifts=batch_first(_padded(shift), 2),
        view_axes=batch_first(_padded(above[:, 2]), 2),
        joints=batch_first(_padded(joints - joints[:1]), 2),
    )


def _padded(by_joint: Array) -> Array:
    """(24, ...) from (J, ...)."""
    return jnp.pad(by_joint, [(0, NUM_SMPL_JOINTS - len(by_joint))] + [(0, 0)] * (by_joint.ndim - 1))
