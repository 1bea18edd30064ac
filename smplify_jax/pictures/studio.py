"""A plain photo studio: a floor that curves up into a wall, soft shadows, and a body in simple clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from PIL import Image
from trimesh.ray.ray_pyembree import RayMeshIntersector

from smplify_jax.body.model import BodyModel
from smplify_jax.pictures.canvas import Canvas
from smplify_jax.pictures.raycast import DEFAULT_LIGHTING, Shape, render_shapes

SKIN, HAIR, SHIRT, TROUSERS = (228, 186, 160), (84, 62, 48), (104, 150, 158), (84, 90, 122)
_FLOOR_COLOR, _WALL_COLOR, _WALL_TOP_COLOR = (214, 208, 200), (226, 224, 220), (188, 194, 202)

_COLOR_OF_JOINT = {
    **dict.fromkeys(
        ("spine1", "spine2", "spine3", "left_collar", "right_collar", "left_shoulder", "right_shoulder"), SHIRT
    ),
    **dict.fromkeys(("pelvis", "left_hip", "right_hip", "left_knee", "right_knee"), TROUSERS),
}


@dataclass(frozen=True)
class Studio:
    """The empty studio and its camera.

    Attributes:
        image_size: (width, height) [px].
        focal_length: [px]; the principal point is the picture's centre.
        up: (3,) unit vector, camera frame.
        floor: height of the floor along `up` relative to the camera [m]; negative.
        shadow_rays: from each point of the floor to each of two lights; fewer are quicker, and the shadow has bands.
        shadow_step: distance of these points [px]. Shadows are soft, so every second pixel is enough.
        supersampling: samples per pixel side of the body.
    """

    image_size: tuple[int, int]
    focal_length: float
    up: np.ndarray
    floor: float
    shadow_rays: int = 256
    shadow_step: int = 2
    supersampling: int = 3

    def rays(self) -> np.ndarray:
        """Directions (H, W, 3) through the pixel centres, with z = 1."""
        width, height = self.image_size
        x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
        return np.stack([x / self.focal_length, y / self.focal_length, np.ones_like(x)], axis=-1)


def clothes(body: BodyModel) -> np.ndarray:
    """Vertex colours (V, 3) RGB: mainly the colour of the joint that moves a vertex most; hair on the top and back of the head."""
    weights = np.asarray(body.lbs_weights, np.float64)
    palette = np.array([_COLOR_OF_JOINT.get(name, SKIN) for name in body.joint_names], np.float64)
    # Blend colours slightly where two joints share a vertex: a hem that followed the triangles would be jagged.
    shares = weights**4 / (weights**4).sum(axis=1, keepdims=True)
    colors = shares @ palette
    main_joint = weights.argmax(axis=1)
    rest = np.asarray(body.v_template)
    ear, eye, top = (_surface_point(body, rest, name) for name in ("left_ear", "left_eye", "head_top"))
    on_head = main_joint == body.joint_names.index("head")
    is_above = rest[:, 1] > 0.45 * eye[1] + 0.55 * top[1]
    is_behind = (rest[:, 2] < ear[2] - 0.005) & (rest[:, 1] > ear[1] - 0.05)
    colors[on_head & (is_above | is_behind)] = HAIR
    return colors


def _surface_point(body: BodyModel, vertices: np.ndarray, name: str) -> np.ndarray:
    row = body.point_names.index(name)
    return np.asarray(body.point_weights)[row] @ vertices[np.asarray(body.point_vertices)[row]]


def render_in_studio(shape: Shape, studio: Studio) -> np.ndarray:
    """Render a shape in the studio, with its shadow on the floor: (H, W, 3) uint8."""
    center = np.array(studio.image_size) / 2
    canvas = Canvas(studio.image_size, _empty_room(studio, shape))
    focal = np.full(2, studio.focal_length)
    canvas.lay_over(render_shapes([shape], focal, center, studio.image_size, studio.supersampling))
    return canvas.to_image()[..., :3]


def _empty_room(studio: Studio, shape: Shape) -> np.ndarray:
    rays = studio.rays()
    downward = -(rays @ studio.up)
    is_floor = downward > 1e-3
    distance = np.where(is_floor, -studio.floor / np.where(is_floor, downward, 1.0), np.inf)
    # The floor blends into the wall, as in a studio with a curved backdrop.
    wall_share = np.clip((distance - 3.2) / 4.0, 0, 1)[..., None]
    wall_share = wall_share**2 * (3 - 2 * wall_share)
    upward = np.clip(0.5 + rays[..., 1:2] * -1.2, 0, 1)
    wall = np.asarray(_WALL_COLOR) * (1 - upward) + np.asarray(_WALL_TOP_COLOR) * upward
    room = np.asarray(_FLOOR_COLOR) * (1 - wall_share) + wall * wall_share
    points = rays * np.where(np.isfinite(distance), distance, 0)[..., None]
    some = (slice(None, None, studio.shadow_step),) * 2
    shade = _shadow(studio, shape, points[some], (wall_share[some][..., 0] < 1) & is_floor[some])
    shade = np.asarray(Image.fromarray(shade.astype(np.float32)).resize(studio.image_size, Image.Resampling.BICUBIC))
    return np.rint(np.clip(room * (1 - shade[..., None]), 0, 255)).astype(np.uint8)


def _shadow(studio: Studio, shape: Shape, points: np.ndarray, is_lit: np.ndarray) -> np.ndarray:
    """Fraction of light (H, W) that the shape blocks from the floor: from a large lamp and from the whole room."""
    intersector = RayMeshIntersector(trimesh.Trimesh(shape.vertices, shape.faces, process=False))
    floor_points = points[is_lit] + 1e-3 * studio.up
    share = np.zeros(len(floor_points))
    rng = np.random.default_rng(0)
    lamp = np.asarray(DEFAULT_LIGHTING.fill_direction) / np.linalg.norm(DEFAULT_LIGHTING.fill_direction)
    for weight, directions in (
        (0.30, lamp + 0.2 * rng.normal(size=(studio.shadow_rays, 3))),
        (0.55, studio.up + _unit(rng.normal(size=(studio.shadow_rays, 3)))),  # cosine-weighted over the half sphere
    ):
        for direction in _unit(directions):
            is_hidden = np.asarray(
                intersector.intersects_any(floor_points, np.broadcast_to(direction, floor_points.shape))
            )
            share += weight / len(directions) * is_hidden
    shade = np.zeros(is_lit.shape)
    shade[is_lit] = share
    return shade


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
