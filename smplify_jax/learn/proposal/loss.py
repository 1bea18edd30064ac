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
from smplify_jax.proposal.network import RawProposal


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss.

    Attributes:
        joints: per metre of joint error, including the orientation's.
        articulation: per metre of joint error, after aligning the roots.
        aligned: per metre of joint error, after aligning all joints by rotation, scale and shift.
        rotations: per unit of Frobenius distance.
        betas: per squared unit.
        place: of the pelvis's offset [heights] and log depth.
        uncertainty: of the negative log likelihoods.
    """

    joints: float = 5.0
    articulation: float = 6.0
    aligned: float = 6.0
    rotations: float = 0.3
    betas: float = 0.02
    place: float = 1.0
    uncertainty: float = 0.01


def loss(raw: RawProposal, body: KeypointBody, example: Example, weights: LossWeights) -> tuple[Array, dict]:
    """The loss of one person's proposal, and its parts by name, with the articulation error [m]."""
    rest = (
        body.joint_template
    )  # of the mean body for both, so that errors of the shape do not affect the loss of the pose
    proposed, true = _joints(raw.rotations, rest, body), _joints(example.local_rotations, rest, body)
    upright = _joints(raw.rotations.at[0].set(jnp.eye(3)), rest, body)
    true_upright = _joints(example.local_rotations.at[0].set(jnp.eye(3)), rest, body)
    squares = jnp.sum((raw.rotations - example.local_rotations) ** 2, axis=(-2, -1))
    parts = {
        "joints": _mean_distance(proposed, true),
        "articulation": _mean_distance(upright, true_upright),
        "aligned": _mean_distance(_aligned(proposed, true), true),
        "rotations": jnp.mean(jnp.sqrt(squares + 1e-6)),
        "betas": jnp.sum((raw.betas - example.betas) ** 2),
        "place": jnp.sum(jnp.abs(raw.pelvis - example.pelvis)) + jnp.abs(raw.log_depth - example.log_depth),
        "uncertainty": _surprise(raw, example),
    }
    total = sum((getattr(weights, name) * part for name, part in parts.items()), jnp.zeros(()))
    return example.weight * total, {name: example.weight * part for name, part in parts.items()}


def _aligned(points: Array, target: Array) -> Array:
    """Points (J, 3) rotated, scaled and moved onto their targets; the gradient takes these as given, where the distance is least anyway."""
    own, other = points - jnp.mean(points, axis=0), target - jnp.mean(target, axis=0)
    fixed = jax.lax.stop_gradient(own)
    left, sizes, right = jnp.linalg.svd(other.T @ fixed)
    signs = jnp.array([1.0, 1.0, 0.0]) + jnp.array([0.0, 0.0, 1.0]) * jnp.sign(jnp.linalg.det(left @ right))
    scale = jnp.sum(sizes * signs) / (jnp.sum(fixed**2) + 1e-9)
    return scale * own @ ((left * signs) @ right).T + jnp.mean(target, axis=0)


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
