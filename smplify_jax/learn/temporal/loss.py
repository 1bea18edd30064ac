"""Training loss of the temporal network: joints, their velocities, rotations, places, and calibrated uncertainties."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.kinematics import forward_kinematics
from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.rotations import exp_so3, matrix_to_axis_angle
from smplify_jax.learn.temporal.examples import TrackExample
from smplify_jax.proposal.temporal import corrected
from smplify_jax.proposal.temporal_network import split_corrections
from smplify_jax.proposal.track_smoothing import Track


@dataclass(frozen=True)
class TrackLossWeights:
    """Weights of the parts of the loss.

    Attributes:
        joints: per metre of joint error, including the orientation's.
        articulation: per metre of joint error, after aligning the roots.
        velocities: per m/s of the joints' velocity relative to the root.
        rotations: per unit of Frobenius distance.
        betas: per squared unit.
        place: of the pelvis's offset [heights] and log depth.
        uncertainty: of the negative log likelihoods.
    """

    joints: float = 5.0
    articulation: float = 10.0
    velocities: float = 0.3
    rotations: float = 0.3
    betas: float = 0.02
    place: float = 1.0
    uncertainty: float = 0.01


def track_loss(
    outputs: Array, body: KeypointBody, example: TrackExample, weights: TrackLossWeights
) -> tuple[Array, dict[str, Array]]:
    """The loss of one track, from the network's outputs (T, O), and its parts by name."""
    track, given = corrected(example.given, split_corrections(outputs)), example.given
    truth = exp_so3(example.pose.reshape(len(example.pose), -1, 3))
    rest = body.joint_template  # the mean body for both, so that errors of the shape do not affect the loss of the pose
    joints, true_joints = _joints(track.rotations, rest, body), _joints(truth, rest, body)
    step = jnp.maximum(jnp.diff(given.times), 1e-3)[:, None, None]
    velocity, true_velocity = jnp.diff(joints, axis=0) / step, jnp.diff(true_joints, axis=0) / step
    squares = jnp.sum((track.rotations - truth) ** 2, axis=(-2, -1))
    height_per_ray = jnp.exp(example.pelvis[:, 2:]) / PERSON_HEIGHT
    off_place = jnp.abs(track.pelvis - example.pelvis)
    parts = {
        "joints": _mean_distance(joints, true_joints),
        "articulation": _mean_distance(_upright(joints, track), _upright(true_joints, truth)),
        "velocities": _mean_distance(velocity, true_velocity),
        "rotations": jnp.mean(jnp.sqrt(squares + 1e-6)),
        "betas": jnp.sum((track.betas[0] - example.betas) ** 2),
        "place": jnp.mean(jnp.sum(off_place[:, :2] * height_per_ray, axis=-1) + off_place[:, 2]),
        "uncertainty": _surprise(track, example),
    }
    return sum((getattr(weights, name) * part for name, part in parts.items()), jnp.zeros(())), parts


def _joints(local_rotations: Array, rest_joints: Array, body: KeypointBody) -> Array:
    """Joints (T, 24, 3) relative to the pelvis [m]."""
    joints = forward_kinematics(local_rotations, rest_joints, body.parents)[1]
    return joints - joints[:, :1]


def _upright(joints: Array, rotations: Track | Array) -> Array:
    """The joints (T, 24, 3) in the root's frame."""
    root = rotations.rotations[:, 0] if isinstance(rotations, Track) else rotations[:, 0]
    return joints @ root


def _mean_distance(a: Array, b: Array) -> Array:
    return jnp.mean(jnp.sqrt(jnp.sum((a - b) ** 2, axis=-1) + 1e-8))


def pose_errors(track: Track, example: TrackExample) -> Array:
    """(T, 69) [rad] of the numbers of body_pose; a true vector beyond half a turn is taken by the other way round."""
    predicted = matrix_to_axis_angle(track.rotations[:, 1:]).reshape(len(example.pose), -1)
    true = matrix_to_axis_angle(exp_so3(example.pose[:, 3:].reshape(len(example.pose), -1, 3)))
    return predicted - true.reshape(predicted.shape)


def _surprise(track: Track, example: TrackExample) -> Array:
    """Negative log likelihoods of pose and betas; their gradients do not reach the means."""
    pose = _normal_surprise(jax.lax.stop_gradient(pose_errors(track, example)), track.log_std_pose)
    betas = _normal_surprise(jax.lax.stop_gradient(track.betas[0]) - example.betas, track.log_std_betas[0])
    return jnp.mean(jnp.sum(pose, axis=-1)) + jnp.sum(betas)


def _normal_surprise(error: Array, log_std: Array) -> Array:
    return 0.5 * (error * jnp.exp(-log_std)) ** 2 + log_std
