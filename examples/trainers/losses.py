"""Losses that the systems share. Keypoints and weights as in `Pictures`; sums over parts, means over people."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from examples.trainers.bodies import Estimate, Points


def reprojection(projected: Array, keypoints: Array) -> Array:
    """L1 distance on visible keypoints, sum_i v_i |x_i - p_i|_1 / sum_i v_i (HMR, equation 1, up to its normalisation)."""
    visible = (keypoints[..., 2] > 0).astype(jnp.float32)
    distance = jnp.abs(projected - keypoints[..., :2]).sum(axis=-1)
    return (visible * distance).sum() / jnp.maximum(visible.sum(), 1.0)


def on_maps(maps: Array, keypoints: Array) -> Array:
    """Cross-entropy of maps (B, side^2, K) with the places of visible keypoints; the four cells around one share it by their nearness.

    The mean place of a map alone teaches little at first, when the map is the same everywhere.
    """
    side = round(maps.shape[1] ** 0.5)
    at = jnp.clip((keypoints[..., :2] + 1) * side / 2 - 0.5, 0, side - 1)
    near = jnp.maximum(1 - jnp.abs(at[..., None] - jnp.arange(side)), 0)
    target = jnp.einsum("nky,nkx->nyxk", near[..., 1, :], near[..., 0, :]).reshape(maps.shape)
    entropy = -(target * jax.nn.log_softmax(maps, axis=1)).sum(axis=1)
    return _weighted(entropy, (keypoints[..., 2] > 0).astype(jnp.float32))


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
