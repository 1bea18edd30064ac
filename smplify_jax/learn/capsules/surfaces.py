"""The surface of each body part as points that are linear in the betas."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.capsules import PART_JOINTS, PARTS
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PartSurfaces:
    """N points on the skin of each of C parts, sampled evenly by area, relative to the joint that moves the part.

    Attributes:
        template: (C, N, 3) for the mean shape [m].
        shapedirs: (C, N, 3, B) change per unit of each beta [m].
        normals: (C, N, 3) outward, of the mean shape.
        spacing: (C,) typical distance between neighbouring points [m].
    """

    template: Array | np.ndarray
    shapedirs: Array | np.ndarray
    normals: Array | np.ndarray
    spacing: Array | np.ndarray

    def shaped(self, betas: Array | np.ndarray) -> Array:
        """The points (C, N, 3) [m] for one shape, betas (B,)."""
        return jnp.asarray(self.template) + self.shapedirs @ jnp.asarray(betas)


def part_of_vertices(body: BodyModel) -> np.ndarray:
    """Index (V,) into PARTS of the part whose joints move each vertex most; feet include toes, hands fingers, the head the face."""
    part_of_joint: list[int] = []
    carriers = list(PART_JOINTS.values())
    for name, parent in zip(body.joint_names, body.parents, strict=True):
        part_of_joint.append(carriers.index(name) if name in carriers else part_of_joint[parent])
    weights = np.asarray(body.lbs_weights, np.float64) @ np.eye(len(PARTS))[part_of_joint]
    return weights.argmax(axis=1)


def part_surfaces(body: BodyModel, num_points: int, seed: int) -> PartSurfaces:
    """Sample points on every part of a body.

    Raises:
        InputError: a part has no surface, so that no capsule can be learned for it.
    """
    part, faces = part_of_vertices(body), np.asarray(body.faces)
    # The majority of a triangle's corners decides its part; if all three differ, the first does.
    corner_parts = part[faces]
    owner = np.where(corner_parts[:, 1] == corner_parts[:, 2], corner_parts[:, 1], corner_parts[:, 0])
    template, shapedirs = np.asarray(body.v_template, np.float64), np.asarray(body.shapedirs, np.float64)
    corners = template[faces]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = 0.5 * np.linalg.norm(crossed, axis=-1)
    regressor = np.asarray(body.J_regressor, np.float64)
    joint_dirs = np.einsum("jv,vcb->jcb", regressor, shapedirs, optimize=True)
    joints = regressor @ template
    generator = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = {"template": [], "shapedirs": [], "normals": [], "spacing": []}
    for index, (name, joint) in enumerate(PART_JOINTS.items()):
        rows = np.flatnonzero((owner == index) & (area > 0))
        if not len(rows):
            raise InputError(
                f"The body {body.name!r} has no surface at its part {name!r} (joint {joint!r}): "
                "capsules can be learned for a closed body mesh of the SMPL family only."
            )
        chosen, mixing = _draw_on_triangles(area[rows], num_points, generator)
        at, triangles = body.joint_names.index(joint), faces[rows[chosen]]
        found["template"].append(np.einsum("nk,nkc->nc", mixing, template[triangles]) - joints[at])
        found["shapedirs"].append(np.einsum("nk,nkcb->ncb", mixing, shapedirs[triangles]) - joint_dirs[at])
        found["normals"].append(crossed[rows[chosen]] / (2 * area[rows[chosen]])[:, None])
        found["spacing"].append(np.sqrt(area[rows].sum() / num_points))
    return PartSurfaces(**{name: np.array(value, np.float32) for name, value in found.items()})


def _draw_on_triangles(
    area: np.ndarray, num_points: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The triangle of each point, and its barycentric weights (N, 3): stratified by area, so that no region is left out."""
    ends = np.cumsum(area)
    where = (np.arange(num_points) + generator.uniform(size=num_points)) / num_points * ends[-1]
    chosen = np.minimum(np.searchsorted(ends, where), len(area) - 1)
    root, along = np.sqrt(generator.uniform(size=num_points)), generator.uniform(size=num_points)
    return chosen, np.stack([1 - root, root * (1 - along), root * along], axis=-1)
