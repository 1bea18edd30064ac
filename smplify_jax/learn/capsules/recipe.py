"""The recipe: start, search, regression, then search and regression again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.body.capsule_files import NUM_FILE_BETAS
from smplify_jax.body.capsule_placement import place_on_joints
from smplify_jax.body.capsules import PART_JOINTS, PARTS, Capsules
from smplify_jax.body.model import BodyModel
from smplify_jax.learn.capsules.regression import Regression, cross_validated_ridge
from smplify_jax.learn.capsules.search import (
    FreeCapsules,
    SearchOptions,
    fit_capsules,
    signed_distance,
    squared_distance_inward,
)
from smplify_jax.learn.capsules.surfaces import PartSurfaces, part_surfaces


@dataclass(frozen=True)
class Recipe:
    """Everything that determines learned capsules, except the body.

    Attributes:
        num_shapes: number of sampled bodies to learn from.
        num_held_out: number of further bodies to measure on.
        num_points: number of points sampled on the skin of each part.
        max_beta: betas are normal, clipped at this many standard deviations.
        first: the search from the hand-made start.
        again: the search from the regression, with fixed axes.
        seed: of all random numbers.
    """

    num_shapes: int = 64
    num_held_out: int = 16
    num_points: int = 256
    max_beta: float = 2.5
    first: SearchOptions = field(default_factory=SearchOptions)
    again: SearchOptions = field(default_factory=lambda: SearchOptions(num_steps=120, holds_directions=True))
    seed: int = 0


@dataclass(frozen=True)
class Learned:
    """Capsules and their errors; lengths in metres.

    Attributes:
        capsules: of the body.
        surface_rms: (C,) distance from the skin of each part to its capsule, on held-out shapes, with the regression's lengths and radii.
        searched_rms: (C,) the same for the capsules that the search found for each shape: a lower bound for any regression.
        inward_rms: (C,) distance from the capsule's surface to the skin of the part, held out; large for the trunk, whose capsules end
            inside.
        length_error, radius_error, center_error: (C,) held-out root mean square error of the regressions.
        strengths: of the three ridge regressions.
    """

    capsules: Capsules
    surface_rms: np.ndarray
    searched_rms: np.ndarray
    inward_rms: np.ndarray
    length_error: np.ndarray
    radius_error: np.ndarray
    center_error: np.ndarray
    strengths: tuple[float, float, float]


def learn_capsules(body: BodyModel, recipe: Recipe, say: Callable[[str], None] = lambda text: None) -> Learned:
    """Learn the capsules of a body.

    Args:
        body: its first ten betas are used.
        recipe: how to learn.
        say: called with a sentence about each step.
    Raises:
        InputError: a part of the body has no surface.
    """
    num_betas = min(body.num_betas, NUM_FILE_BETAS)
    body = replace(body, shapedirs=body.shapedirs[..., :num_betas], capsules=None)
    surfaces = part_surfaces(body, recipe.num_points, recipe.seed)
    betas, held_out = _draw_betas(recipe, num_betas)
    skins = jax.vmap(surfaces.shaped)(betas)
    say(f"searching capsules of {len(PARTS)} parts for {len(betas)} shapes")
    found = _search(_hand_made_start(body, betas, skins), skins, surfaces, recipe.first)
    capsules, _ = _regress(betas, found)
    say("regression, and again from what it says")
    found = _search(_as_free(capsules, betas), skins, surfaces, recipe.again)
    capsules, (center, length, radius) = _regress(betas, found)
    regressed, fresh = _as_free(capsules, held_out), jax.vmap(surfaces.shaped)(held_out)
    return Learned(
        capsules=capsules,
        surface_rms=_outward_rms(regressed, fresh),
        searched_rms=_outward_rms(found, skins),
        inward_rms=_inward_rms(regressed, fresh, surfaces),
        length_error=length.held_out,
        radius_error=radius.held_out,
        center_error=np.linalg.norm(center.held_out, axis=-1),
        strengths=(length.strength, radius.strength, center.strength),
    )


def _draw_betas(recipe: Recipe, num_betas: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng([recipe.seed, 1])
    drawn = generator.normal(size=(recipe.num_shapes + recipe.num_held_out, num_betas))
    drawn = np.clip(drawn, -recipe.max_beta, recipe.max_beta).astype(np.float32)
    return drawn[: recipe.num_shapes], drawn[recipe.num_shapes :]


def _hand_made_start(body: BodyModel, betas: np.ndarray, skins: jax.Array) -> FreeCapsules:
    """Axes along the bones, with radius and length from the distances of the skin from the axis and along it."""
    axes, rows = place_on_joints(body, PART_JOINTS)
    centers = np.einsum("sb,bcx->scx", betas, rows[:-1]) + rows[-1]
    offset = np.asarray(skins) - centers[:, :, None]
    along = np.einsum("scnx,cx->scn", offset, axes)
    radii = np.sqrt(((offset - along[..., None] * axes[:, None]) ** 2).sum(axis=-1).mean(axis=-1))
    lengths = np.maximum(2 * np.quantile(np.abs(along), 0.9, axis=-1) - 0.5 * radii, 0.3 * radii)
    directions = np.broadcast_to(axes, centers.shape)
    return FreeCapsules(*(jnp.asarray(each, jnp.float32) for each in (centers, directions, lengths, radii)))


def _search(start: FreeCapsules, skins: jax.Array, surfaces: PartSurfaces, options: SearchOptions) -> FreeCapsules:
    return fit_capsules(start, skins, jnp.asarray(surfaces.normals), jnp.asarray(surfaces.spacing), options)


def _regress(betas: np.ndarray, found: FreeCapsules) -> tuple[Capsules, tuple[Regression, Regression, Regression]]:
    directions = np.asarray(found.directions, np.float64).mean(axis=0)
    axes = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    parts = [np.asarray(part, np.float64) for part in (found.centers, found.lengths, found.radii)]
    center, length, radius = (cross_validated_ridge(betas.astype(np.float64), part) for part in parts)
    rows = [each.rows.astype(np.float32) for each in (center, length, radius)]
    return Capsules(axes.astype(np.float32), *rows), (center, length, radius)


def _as_free(capsules: Capsules, betas: np.ndarray) -> FreeCapsules:
    ends = capsules.ends(betas)
    # The search multiplies lengths by factors, so it must not start from zero.
    lengths = jnp.maximum(capsules.lengths(betas), 1e-3)
    directions = jnp.broadcast_to(jnp.asarray(capsules.axes), (*ends.shape[:-2], 3))
    return FreeCapsules(jnp.mean(ends, axis=-2), directions, lengths, capsules.radii(betas))


def _outward_rms(capsules: FreeCapsules, skins: jax.Array) -> np.ndarray:
    distance = jax.vmap(jax.vmap(signed_distance))(skins, capsules)
    return np.sqrt(np.mean(np.asarray(distance, np.float64) ** 2, axis=(0, 2)))


def _inward_rms(capsules: FreeCapsules, skins: jax.Array, surfaces: PartSurfaces) -> np.ndarray:
    over_shapes = jax.vmap(jax.vmap(squared_distance_inward), in_axes=(0, 0, None, None))
    squared = over_shapes(capsules, skins, jnp.asarray(surfaces.normals), jnp.asarray(surfaces.spacing))
    return np.sqrt(np.asarray(squared, np.float64).mean(axis=0))
