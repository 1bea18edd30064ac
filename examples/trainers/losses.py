"""Losses that the systems share. Keypoints and weights as in `Pictures`; sums over parts, means over people."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from examples.trainers.bodies import Estimate, Points


def reprojection(projected: Array, keypoints: Array) -> Array:
    """L1 distance on visible keypoints, sum_i v_i |x_i - p_i|_1 / sum_i v_i (HMR, equation 1, up to its normalisation)."""
    visible = (keypoints[..., 2] > 0).astype(jnp.float32)
    distance = jnp.abs(projected - keypoints[..., :2]).sum(axis=-1)
    return (visible * distance).sum() / jnp.maximum(visible.sum(), 1.0)


def joints_3d(points: Points, target: Points, weight: Array) -> Array:
    """Mean squared distance of joints relative to the pelvis [m^2], of the people with weight (B,)."""
    squared = ((points.joints - target.joints) ** 2).sum(axis=-1).mean(axis=-1)
    return _weighted(squared, weight)


def surface(points: Points, target: Points, weight: Array) -> Array:
    """Mean distance of vertices in each coordinate [m]."""
    return _weighted(jnp.abs(points.vertices - target.vertices).mean(axis=(1, 2)), weight)


def parameters(estimate: Estimate, target: Estimate, weight: Array) -> Array:
    """Mean squares of the differences of rotation matrices, and of betas times 0.01: shape is hardly seen in a silhouette of 64 px."""
    rotations = ((estimate.rotations - target.rotations) ** 2).sum(axis=(-1, -2)).mean(axis=-1)
    betas = ((estimate.betas - target.betas) ** 2).mean(axis=-1)
    return _weighted(rotations + 0.01 * betas, weight)


def shape_size(estimate: Estimate) -> Array:
    """Mean square of the betas, which only keeps them finite where nothing else is known of them."""
    return (estimate.betas**2).mean()


def _weighted(values: Array, weight: Array) -> Array:
    return (weight * values).sum() / jnp.maximum(weight.sum(), 1.0)
