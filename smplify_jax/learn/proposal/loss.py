"""Training loss of the network: joint positions, rotations, and calibrated uncertainties."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.kinematics import forward_kinematics
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.learn.proposal.people import Example
from smplify_jax.proposal.network import ProposalNetwork, RawProposal


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss.

    Attributes:
        joints: per metre of joint error, including the orientation's.
        articulation: per metre of joint error, after aligning the roots.
        rotations: per unit of Frobenius distance.
        betas: per squared unit.
        place: of the pelvis's offset [heights] and log depth.
        uncertainty: of the negative log likelihoods.
    """

    joints: float = 5.0
    articulation: float = 10.0
    rotations: float = 0.3
    betas: float = 0.02
    place: float = 1.0
    uncertainty: float = 0.01


def loss(network: ProposalNetwork, body: KeypointBody, example: Example, weights: LossWeights) -> tuple[Array, dict]:
    """The loss of one person, and its parts by name, with the articulation error [m]."""
    raw = network(example.features)
    betas = jnp.zeros_like(
        example.betas
    )  # the mean body for both, so that errors of the shape do not affect the loss of the pose
    rest = body.joint_template + body.joint_shapedirs @ betas
    joint_error = _mean_distance(_joints(raw.rotations, rest, body), _joints(example.local_rotations, rest, body))
    upright = example.local_rotations.at[0].set(jnp.eye(3))
    articulation = _mean_distance(
        _joints(raw.rotations.at[0].set(jnp.eye(3)), rest, body), _joints(upright, rest, body)
    )
    squares = jnp.sum((raw.rotations - example.local_rotations) ** 2, axis=(-2, -1))
    parts = {
        "joints": joint_error,
        "articulation": articulation,
        "rotations": jnp.mean(jnp.sqrt(squares + 1e-6)),
        "betas": jnp.sum((raw.betas - example.betas) ** 2),
        "place": jnp.sum(jnp.abs(raw.pelvis - example.pelvis)) + jnp.abs(raw.log_depth - example.log_depth),
        "uncertainty": _surprise(raw, example),
    }
    total = sum((getattr(weights, name) * part for name, part in parts.items()), jnp.zeros(()))
    return example.weight * total, {name: example.weight * part for name, part in parts.items()}


def _joints(local_rotations: Array, rest_joints: Array, body: KeypointBody) -> Array:
    """Joints (24, 3) relative to the pelvis [m]."""
    joints = forward_kinematics(local_rotations, rest_joints, body.parents)[1]
    return joints - joints[:1]


def _mean_distance(a: Array, b: Array) -> Array:
    return jnp.mean(jnp.sqrt(jnp.sum((a - b) ** 2, axis=-1) + 1e-8))


def _surprise(raw: RawProposal, example: Example) -> Array:
    """Negative log likelihoods of pose, betas and detections; their gradients do not reach the means."""
    predicted = jax.lax.stop_gradient(matrix_to_axis_angle(raw.rotations[1:]))
    pose_error = predicted.ravel() - example.body_pose
    betas_error = jax.lax.stop_gradient(raw.betas) - example.betas
    slots = jnp.sum(example.is_seen * _normal_surprise(example.slot_errors.T, raw.log_noise).sum(axis=0))
    return (
        jnp.sum(_normal_surprise(pose_error, raw.log_std_pose))
        + jnp.sum(_normal_surprise(betas_error, raw.log_std_betas))
        + slots
    )


def _normal_surprise(error: Array, log_std: Array) -> Array:
    return 0.5 * (error * jnp.exp(-log_std)) ** 2 + log_std
