"""Sampled adults as shapes in the T-pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.open_body.factors import macro_target_names
from smplify_jax.learn.open_body.joints import JOINT_RECIPES, anchor_knee, knee_ring, place_joints
from smplify_jax.learn.open_body.population import Population, local_target_names, sample_population
from smplify_jax.learn.open_body.smoothing import hinge_share, smooth
from smplify_jax.learn.open_body.source import BaseMesh, Rig, Source
from smplify_jax.learn.open_body.t_pose import TURNING, to_t_pose, turning_weights
from smplify_jax.learn.open_body.topology import Half


@dataclass(frozen=True)
class Targets:
    """Displacements that morph the base mesh.

    Attributes:
        macro_names: names of the macro targets.
        offsets: (T, 19158, 3) float32 displacements [m], macro targets first, then local ones.
    """

    macro_names: list[str]
    offsets: np.ndarray


@dataclass(frozen=True)
class Adults:
    """S adults in the T-pose.

    Attributes:
        population: how they were sampled.
        shapes: (S, N, 3) left halves, the pelvis at the origin [m].
        rig_joints: (S, 15, 3) left and middle joints of the rig [m].
        joints: (S, 15, 3) the same with the knee tied to the skin; the body's joint regressor is learned from these.
    """

    population: Population
    shapes: np.ndarray
    rig_joints: np.ndarray
    joints: np.ndarray


def read_targets(source: Source, base: BaseMesh, ages: tuple[str, ...]) -> Targets:
    """Read the macro and the local targets; a local one named after the left side acts on both."""
    macro_names = macro_target_names(source, ages)
    offsets = []
    for name in macro_names + local_target_names():
        offset = source.target(name, base.mirror)
        # Reading averages a target with its mirror image, which halves a target that acts on one side only.
        offsets.append((2.0 * offset if "/l-" in name else offset).astype(np.float32))
    return Targets(macro_names, np.stack(offsets))


def make_adults(
    rng: np.random.Generator, num_samples: int, version: str, targets: Targets, base: BaseMesh, rig: Rig, half: Half
) -> Adults:
    """Sample adults, of the version as in `sample_factors`, and bring them to the T-pose."""
    on_half = targets.offsets[:, half.base_index]
    rest = base.vertices[half.base_index]
    population = sample_population(rng, num_samples, version, targets.macro_names, on_half, rest, half.triangles)

    def morph(places: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        moved = population.coefficients @ offsets.reshape(len(offsets), -1).astype(np.float64)
        scale = population.scale.reshape(-1, *[1] * places.ndim)
        return scale * (places + moved.reshape(num_samples, *places.shape))

    heads = {}
    for bone in _needed_bones():
        skin = rig.head_vertices[bone]
        heads[bone] = morph(base.vertices[skin].mean(axis=0), targets.offsets[:, skin].mean(axis=1))
    weights = turning_weights(rig, half.base_index, len(base.vertices))
    shapes, heads = to_t_pose(morph(rest, on_half), heads, weights, rig)
    bone = {name: weights[:, 1 + k] for k, name in enumerate(TURNING)}
    shapes = smooth(shapes, half.triangles, hinge_share(bone["upperarm02"], bone["lowerarm01"]))
    joints = place_joints(heads)
    pelvis = joints[:, :1] * [0.0, 1.0, 1.0]
    shapes, joints = shapes - pelvis, joints - pelvis
    shapes[:, : half.num_midline, 0] = 0.0
    ring = knee_ring(bone["upperleg01"], bone["lowerleg01"])
    return Adults(population, shapes, joints, anchor_knee(shapes, joints, ring))


def _needed_bones() -> list[str]:
    """The left and middle bones whose heads define the T-pose and the joints."""
    wanted = {bone for recipe in JOINT_RECIPES.values() for bone in recipe}
    wanted |= {f"{bone}.L" for bone in TURNING} | {f"finger{k}-1.L" for k in (2, 3, 4, 5)}
    return sorted(wanted)
