"""Gradient descent on the bidirectional distance between a capsule and the surface of its part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FreeCapsules:
    """Capsules that do not depend on betas; leading axes are shapes and parts.

    Attributes:
        centers: (..., 3) middle of the axis [m].
        directions: (..., 3) along the axis, of any length except zero.
        lengths: (...,) of the axis [m], positive.
        radii: (...,) [m], positive.
    """

    centers: Array
    directions: Array
    lengths: Array
    radii: Array


@dataclass(frozen=True)
class SearchOptions:
    """How capsules are fitted to points.

    Attributes:
        inward_weight: weight of the distance from the capsule's surface to the part's; the other direction has weight one.
        num_steps: number of steps of gradient descent (Adam).
        step_size: relative change of lengths and radii per step at the start; it decreases to zero.
        turn_weight: weight of the squared rotation from the initial direction, against distances relative to the part's size. A round part,
            such as a shoulder or a neck, hardly determines the direction: without this weight, its axis differs for every shape.
        holds_directions: whether the axes keep their direction.
    """

    inward_weight: float = 0.1
    num_steps: int = 200
    step_size: float = 0.03
    turn_weight: float = 2e-3
    holds_directions: bool = False


def signed_distance(points: Array, capsule: FreeCapsules) -> Array:
    """Signed distance (N,) [m] of points (N, 3) from the surface of one capsule, negative inside."""
    axis = capsule.directions / jnp.linalg.norm(capsule.directions)
    half = 0.5 * capsule.lengths
    offset = points - capsule.centers
    along = jnp.clip(offset @ axis, -half, half)
    # The small number keeps the derivative finite for a point on the axis.
    return jnp.sqrt(jnp.sum((offset - along[:, None] * axis) ** 2, axis=-1) + 1e-12) - capsule.radii


def capsule_points(capsule: FreeCapsules, num_rings: int = 5, num_around: int = 12) -> tuple[Array, Array]:
    """Points on the surface of one capsule, and their shares of its area.

    Returns:
        points (M, 3) [m] and shares (M,), which sum to one.
    """
    axis = capsule.directions / jnp.linalg.norm(capsule.directions)
    least = jnp.argmin(jnp.abs(axis))
    first = jnp.cross(axis, jnp.eye(3, dtype=axis.dtype)[least])
    first = first / jnp.linalg.norm(first)
    angle = np.arange(num_around) * (2 * np.pi / num_around)
    around = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32) @ jnp.stack(
        [first, jnp.cross(axis, first)]
    )
    middles = (np.arange(num_rings, dtype=np.float32) + 0.5) / num_rings
    on_side = (middles - 0.5)[:, None, None] * capsule.lengths * axis + capsule.radii * around
    # Rings at equal steps along the axis cut a sphere into bands of equal area (Archimedes).
    height = middles[:, None, None]
    ring = jnp.sqrt(1 - height**2) * around
    caps = [sign * (0.5 * capsule.lengths * axis + capsule.radii * (height * axis + ring)) for sign in (1.0, -1.0)]
    points = capsule.centers + jnp.concatenate([part.reshape(-1, 3) for part in (on_side, *caps)])
    areas = jnp.stack([capsule.lengths, capsule.radii, capsule.radii])  # all times 2 pi r
    per_point = areas / jnp.sum(areas) / (num_rings * num_around)
    return points, jnp.repeat(per_point, num_rings * num_around, total_repeat_length=len(points))


def squared_distance_inward(capsule: FreeCapsules, skin: Array, normals: Array, spacing: Array) -> Array:
    """Mean squared distance from the surface of one capsule to that of its part (N, 3) [m²].

    The distance is measured along the normal of the nearest point of the skin, plus across it beyond the points' spacing, so that neither
    gaps between the points nor the small distance to the neighbouring parts' skin count.
    """
    points, shares = capsule_points(capsule)
    squared = jnp.sum(points**2, -1)[:, None] - 2 * points @ skin.T + jnp.sum(skin**2, -1)
    nearest = jnp.argmin(jax.lax.stop_gradient(squared), axis=-1)
    offset = points - skin[nearest]
    along = jnp.sum(offset * normals[nearest], axis=-1)
    across = jnp.maximum(jnp.sum(offset**2, axis=-1) - along**2 - spacing**2, 0.0)
    return jnp.sum(jax.lax.stop_gradient(shares) * (along**2 + across))


def bidirectional(
    capsule: FreeCapsules, skin: Array, normals: Array, spacing: Array, inward_weight: Array | float
) -> Array:
    """The bidirectional distance that is minimised for one capsule [m²]."""
    outward = jnp.mean(signed_distance(skin, capsule) ** 2)
    return outward + inward_weight * squared_distance_inward(capsule, skin, normals, spacing)


@partial(jax.jit, static_argnames="options")
def fit_capsules(
    start: FreeCapsules, skins: Array, normals: Array, spacing: Array, options: SearchOptions
) -> FreeCapsules:
    """Fit each capsule to its part, independently of the others.

    Args:
        start: leading axes (S, C).
        skins: (S, C, N, 3) points of S shapes of C parts [m].
        normals: (C, N, 3).
        spacing: (C,) [m].
        options: of the search.
    Returns:
        Capsules with leading axes (S, C) and unit directions.
    """

    def moved(unknowns: Array, start: FreeCapsules) -> FreeCapsules:
        """Apply unknowns (8,), each of which is scaled as a relative change."""
        size = start.radii + 0.5 * start.lengths
        turn = 0.0 if options.holds_directions else unknowns[3:6]
        return FreeCapsules(
            centers=start.centers + size * unknowns[:3],
            directions=start.directions + turn,
            lengths=start.lengths * jnp.exp(unknowns[6]),
            radii=start.radii * jnp.exp(unknowns[7]),
        )

    def loss(unknowns: Array, start: FreeCapsules, skin: Array, normals: Array, spacing: Array) -> Array:
        # Relative to the part's size, so that one step size serves fingers and chests.
        size = start.radii + 0.5 * start.lengths
        distance = bidirectional(moved(unknowns, start), skin, normals, spacing, options.inward_weight) / size**2
        return distance + options.turn_weight * jnp.sum(unknowns[3:6] ** 2)

    over_parts = jax.vmap(jax.grad(loss), in_axes=(0, 0, 0, 0, 0))
    over_shapes = jax.vmap(over_parts, in_axes=(0, 0, 0, None, None))
    search = optax.adam(optax.cosine_decay_schedule(options.step_size, options.num_steps))

    def step(state: tuple, _: None) -> tuple[tuple, None]:
        unknowns, memory = state
        gradient = over_shapes(unknowns, start, skins, normals, spacing)
        update, memory = search.update(gradient, memory)
        return (optax.apply_updates(unknowns, update), memory), None

    unknowns = jnp.zeros((*start.radii.shape, 8))
    (unknowns, _), _ = jax.lax.scan(step, (unknowns, search.init(unknowns)), length=options.num_steps)
    found = jax.vmap(jax.vmap(moved))(unknowns, start)
    norms = jnp.linalg.norm(found.directions, axis=-1, keepdims=True)
    return FreeCapsules(found.centers, found.directions / norms, found.lengths, found.radii)
