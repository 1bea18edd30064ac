"""The caller's body and the network's proposal, fused into one start and one anchor. Everything here is traced by JAX.

Both say something about the pose: the caller's network has seen the picture, ours the keypoints. As Gaussians, their precisions add and
their means are weighted by them; so a poor start costs little, and a good one is not spoilt by noisy keypoints.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.starts import centred_translation
from smplify_jax.proposal.propose import Proposal
from smplify_jax.terms.anchor import Anchor


def fuse_init(
    body: KeypointBody,
    observation: Observation,
    sigma: Array | float,
    init: BodyParameters,
    anchor: Anchor | None,
    proposal: Proposal,
) -> tuple[BodyParameters, Anchor | None]:
    """Fuse one person's start and anchor.

    The translation and the orientation are those that agree best with the keypoints: networks often see a crop, whose camera is not that of
    the picture, and then a start is metres away or turned.

    Args:
        body: cut to the keypoints.
        observation: of one person.
        sigma: of the data term [reference px].
        init: the caller's body.
        anchor: around the caller's body; None for a fit without an anchor.
        proposal: of the network.
    Returns:
        The start, and the anchor; None if none was given.
    """
    proposed, fused, start = proposal.parameters, None, init
    if anchor is not None:
        nearby = dataclasses.replace(anchor, body_pose=_on_the_same_branch(anchor.body_pose, proposed.body_pose))
        fused = _product(nearby, proposal.anchor())
        start = dataclasses.replace(init, body_pose=fused.body_pose, betas=fused.betas)
    # Where a search starts changes nothing in where it ends.
    start, proposed = jax.lax.stop_gradient((start, proposed))
    return _best_placed(body, observation, sigma, start, proposed), fused


def _on_the_same_branch(pose: Array | np.ndarray, other: Array | np.ndarray) -> Array:
    """Axis-angle vectors of the same rotations, a full turn less where that is nearer to the other pose: near half a turn two are alike."""
    vectors, others = (jnp.asarray(one).reshape(-1, 3) for one in (pose, other))
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    angle = jnp.sqrt(jnp.where(squared > 1.0, squared, 1.0))
    turned = vectors * (1.0 - 2.0 * np.pi / angle)
    is_nearer = jnp.sum((turned - others) ** 2, axis=-1) < jnp.sum((vectors - others) ** 2, axis=-1)
    return jnp.where((squared > 1.0) & is_nearer[:, None], turned, vectors).reshape(jnp.shape(pose))


def _product(first: Anchor, second: Anchor) -> Anchor:
    """The product of two Gaussians whose numbers are correlated alike."""
    pose, pose_scale = _weighted(first.body_pose, first.pose_scale, second.body_pose, second.pose_scale)
    betas, betas_scale = _weighted(first.betas, first.betas_scale, second.betas, second.betas_scale)
    return Anchor(pose, betas, pose_scale, betas_scale)


def _weighted(
    first: Array | np.ndarray,
    first_scale: Array | np.ndarray,
    second: Array | np.ndarray,
    second_scale: Array | np.ndarray,
) -> tuple[Array, Array]:
    """Mean and scale. Relative to the larger scale, whose square might overflow; where neither knows anything, the first."""
    scale = jnp.maximum(jnp.maximum(first_scale, second_scale), 1e-12)
    a, b = (first_scale / scale) ** 2, (second_scale / scale) ** 2
    total = a + b
    share = jnp.where(total > 0, b / jnp.where(total > 0, total, 1.0), 0.0)
    return jnp.asarray(first) + share * (jnp.asarray(second) - first), scale * jnp.sqrt(total)


def _best_placed(
    body: KeypointBody,
    observation: Observation,
    sigma: Array | float,
    start: BodyParameters,
    proposed: BodyParameters,
) -> BodyParameters:
    """The start where and as it stands, moved to the keypoints at the proposed depth, or placed and turned as proposed: what fits best."""
    depth = jnp.asarray(proposed.transl)[2]
    orients = jnp.stack([start.global_orient, start.global_orient, proposed.global_orient])
    moved = centred_translation(body, observation, dataclasses.replace(start, transl=jnp.zeros(3)), depth)
    turned = dataclasses.replace(start, global_orient=proposed.global_orient, transl=jnp.zeros(3))
    translations = jnp.stack([start.transl, moved, centred_translation(body, observation, turned, depth)])

    def cost(global_orient: Array, transl: Array) -> Array:
        posed = dataclasses.replace(start, global_orient=global_orient, transl=transl)
        measured = observation.measure(jnp.where(body.is_defined[:, None], body.keypoints(**posed.blocks()), 0.0))
        squared = measured.differences**2
        weight = (measured.confidence * body.is_defined[:, None]) ** 2
        return jnp.sum(weight * squared / (1.0 + squared / sigma**2))

    costs = jax.vmap(cost)(orients, translations)
    # The caller's own place wins ties, and where it is not far from the best: 2D agreement alone knows little about depth.
    best = jnp.argmin(jnp.where(jnp.isfinite(costs), costs, jnp.inf) * jnp.array([0.8, 1.0, 1.0]))
    return dataclasses.replace(start, global_orient=orients[best], transl=translations[best])
