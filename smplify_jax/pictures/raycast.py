"""Render bodies by casting one ray per sample, without OpenGL or a display.

Camera frame: x right, y down, z forward [m]. Pixel (i, j) of a picture covers [i, i+1) x [j, j+1), so its centre is at
(i + 0.5, j + 0.5) and a picture of size (w, h) has its centre at (w/2, h/2), as `camera.project` has it.

A rasteriser needs a GL context, which servers lack; with embree a body of 14,000 faces takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from smplify_jax.geometry.mesh_normals import face_normals, vertex_normals

SKIN_COLOR = (222, 184, 160)
"""Default colour of a body, RGB."""


@dataclass(frozen=True)
class Shape:
    """One triangle mesh in the camera frame with its colour.

    Attributes:
        vertices: (V, 3) [m].
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        color: RGB, each 0 to 255; one for the mesh, or (V, 3), blended between the vertices.
    """

    vertices: np.ndarray
    faces: np.ndarray
    color: tuple[int, int, int] | np.ndarray = SKIN_COLOR


@dataclass(frozen=True)
class Lighting:
    """Strengths and directions of the lights; a surface that faces all of them appears in about its own colour.

    Attributes:
        ambient: light from everywhere; half as strong from below as from above.
        head: light from the camera.
        fill: light from `fill_direction`.
        fill_direction: (3,) camera-frame direction towards the fill light; the default is above, left and in front.
        gloss: strength of a broad white highlight.
    """

    ambient: float = 0.34
    head: float = 0.46
    fill: float = 0.36
    fill_direction: tuple[float, float, float] = (-0.55, -0.75, -0.45)
    gloss: float = 0.06


DEFAULT_LIGHTING = Lighting()

MAX_RAYS = 200_000
"""At once."""


def render(
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: np.ndarray | Sequence[float],
    camera_center: np.ndarray | Sequence[float],
    image_size: tuple[int, int],
    color: tuple[int, int, int] = SKIN_COLOR,
    supersampling: int = 2,
    lighting: Lighting = DEFAULT_LIGHTING,
) -> np.ndarray:
    """Render one body; see `render_shapes`.

    Args:
        vertices: (V, 3) [m], camera frame.
        faces: (F, 3) vertex indices.
        focal_length: (2,) [px].
        camera_center: (2,) [px], (x, y).
        image_size: (width, height) [px].
        color: RGB, each 0 to 255.
        supersampling: samples per pixel side; 1 gives a hard silhouette.
        lighting: lights.

    Returns:
        (height, width, 4) uint8 RGBA, straight alpha, alpha 0 outside the body.
    """
    shapes = [Shape(vertices, faces, color)]
    return render_shapes(shapes, focal_length, camera_center, image_size, supersampling, lighting)


def render_shapes(
    shapes: Sequence[Shape],
    focal_length: np.ndarray | Sequence[float],
    camera_center: np.ndarray | Sequence[float],
    image_size: tuple[int, int],
    supersampling: int = 2,
    lighting: Lighting = DEFAULT_LIGHTING,
) -> np.ndarray:
    """Render meshes with a pinhole camera; nearer surfaces cover farther ones.

    Args:
        shapes: meshes in the camera frame; an empty sequence gives an empty picture.
        focal_length: (2,) [px].
        camera_center: (2,) [px], (x, y).
        image_size: (width, height) [px].
        supersampling: samples per pixel side.
        lighting: lights.

    Returns:
        (height, width, 4) uint8 RGBA, straight alpha. The picture is empty if a vertex is not finite; parts behind the
        camera are not visible.
    """
    width, height = image_size
    picture = np.zeros((height, width, 4), np.uint8)
    caster = Caster.of(shapes, focal_length, camera_center, image_size, lighting)
    if caster is None:
        return picture
    left, top, right, bottom = caster.bounds
    offsets = (np.arange(supersampling) + 0.5) / supersampling
    x = (np.arange(left, right)[:, None] + offsets).reshape(-1)
    # Rendering a few rows at a time bounds the memory for large pictures; rays are independent of each other.
    rows_at_once = max(1, MAX_RAYS // (x.size * supersampling))
    for first in range(top, bottom, rows_at_once):
        last = min(bottom, first + rows_at_once)
        y = (np.arange(first, last)[:, None] + offsets).reshape(-1)
        samples = caster.cast(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).colors
        picture[first:last, left:right] = _resolve(samples, last - first, right - left, supersampling)
    return picture


class Samples(NamedTuple):
    """What N rays met.

    Attributes:
        colors: (N, 4) float32 colour and coverage, 0 to 1; zeros for rays that hit nothing.
        shapes: (N,) the number of the shape, -1 for none.
        depths: (N,) distance of what they hit [m]; inf for nothing.
    """

    colors: np.ndarray
    shapes: np.ndarray
    depths: np.ndarray


@dataclass(frozen=True)
class Caster:
    """Shapes before a camera, ready for rays.

    Attributes:
        scene: the shapes.
        rays: the same, for queries.
        focal_length: (2,) [px].
        camera_center: (2,) [px].
        bounds: left, top, right, bottom of the pixels that the shapes can touch.
        lighting: lights.
    """

    scene: _Scene
    rays: EmbreeScene
    focal_length: np.ndarray
    camera_center: np.ndarray
    bounds: tuple[int, int, int, int]
    lighting: Lighting

    @classmethod
    def of(
        cls,
        shapes: Sequence[Shape],
        focal_length: np.ndarray | Sequence[float],
        camera_center: np.ndarray | Sequence[float],
        image_size: tuple[int, int],
        lighting: Lighting = DEFAULT_LIGHTING,
    ) -> Caster | None:
        """Arguments as for `render_shapes`; None if there is nothing in the picture, or a vertex is not finite."""
        if not shapes or not all(np.isfinite(shape.vertices).all() for shape in shapes):
            return None
        scene = _Scene.of(shapes)
        focal, center = np.asarray(focal_length, np.float64), np.asarray(camera_center, np.float64)
        left, top, right, bottom = bounds = _pixel_bounds(scene.vertices, focal, center, image_size)
        if left >= right or top >= bottom:
            return None
        rays = EmbreeScene()
        TriangleMesh(rays, scene.vertices.astype(np.float32), scene.faces.astype(np.int32))
        return cls(scene, rays, focal, center, bounds, lighting)

    def cast(self, pixels: np.ndarray) -> Samples:
        """Cast a ray through each of N points of the picture, (N, 2) [px]."""
        directions = np.ones((len(pixels), 3), np.float32)
        directions[:, :2] = (pixels - self.camera_center) / self.focal_length
        return _shade(self.scene, self.rays, directions, self.lighting)


@dataclass(frozen=True)
class _Scene:
    """All shapes in one mesh, so that one ray query finds the nearest."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    face_normals: np.ndarray
    colors: np.ndarray
    shape_of_face: np.ndarray

    @classmethod
    def of(cls, shapes: Sequence[Shape]) -> _Scene:
        starts = np.cumsum([0, *(len(shape.vertices) for shape in shapes)])
        vertices = np.concatenate([np.asarray(shape.vertices, np.float64) for shape in shapes])
        faces = np.concatenate(
            [np.asarray(s.faces, np.int64) + start for s, start in zip(shapes, starts, strict=False)]
        )
        colors = [np.broadcast_to(np.asarray(shape.color, np.float64) / 255, shape.vertices.shape) for shape in shapes]
        shape_of_face = np.repeat(np.arange(len(shapes)), [len(shape.faces) for shape in shapes])
        # Rays are many and single precision is enough for their colours.
        smooth, flat = vertex_normals(vertices, faces), face_normals(vertices, faces)
        normals, of_faces, blended = (one.astype(np.float32) for one in (smooth, flat, np.concatenate(colors)))
        return cls(vertices, faces, normals, of_faces, blended, shape_of_face)


def _unit(vectors: np.ndarray) -> np.ndarray:
    squared = np.einsum("...c,...c->...", vectors, vectors)[..., None]
    return vectors / np.maximum(np.sqrt(squared), 1e-12)


def _pixel_bounds(
    vertices: np.ndarray, focal: np.ndarray, center: np.ndarray, image_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the pixels that the meshes can touch."""
    depths = vertices[:, 2:]
    if (depths <= 1e-3).any():
        # The projection of a mesh that reaches behind the camera is unbounded.
        return 0, 0, image_size[0], image_size[1]
    projected = focal * vertices[:, :2] / depths + center
    low = np.clip(np.floor(projected.min(axis=0)), 0, image_size).astype(int)
    high = np.clip(np.ceil(projected.max(axis=0)) + 1, 0, image_size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _shade(scene: _Scene, rays: EmbreeScene, directions: np.ndarray, lighting: Lighting) -> Samples:
    """What rays (N, 3) float32 from the origin meet."""
    samples = np.zeros((len(directions), 4), np.float32)
    found = rays.run(np.zeros_like(directions), directions, output=True)
    hits = np.flatnonzero(found["primID"] >= 0)
    hit_faces, directions = found["primID"][hits], _unit(directions[hits])
    corners = scene.faces[hit_faces]
    along_b, along_c = found["u"][hits, None], found["v"][hits, None]

    def blended(values: np.ndarray) -> np.ndarray:
        a, b, c = (values[corners[:, corner]] for corner in range(3))
        return (1 - along_b - along_c) * a + along_b * b + along_c * c

    normals, colors = _unit(blended(scene.normals)), blended(scene.colors)
    # In a mesh that is open or inside out, the visible side is lit as the outside.
    facing_away = np.einsum("nc,nc->n", scene.face_normals[hit_faces], directions) > 0
    normals[facing_away] *= -1
    diffuse, highlight = _light(normals, -directions, lighting)
    samples[hits, :3] = np.clip(colors * diffuse[:, None] + highlight[:, None], 0, 1)
    samples[hits, 3] = 1
    shapes, depths = np.full(len(samples), -1), np.full(len(samples), np.inf, np.float32)
    shapes[hits], depths[hits] = scene.shape_of_face[hit_faces], found["tfar"][hits]
    return Samples(samples, shapes, depths)


def _light(normals: np.ndarray, to_viewer: np.ndarray, lighting: Lighting) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse factor and added highlight for unit normals and unit directions to the viewer."""
    to_fill = _unit(np.asarray(lighting.fill_direction, np.float32))
    from_sky = 0.75 - 0.25 * normals[:, 1]
    head = np.maximum(np.einsum("nc,nc->n", normals, to_viewer), 0)
    fill = np.maximum(normals @ to_fill, 0)
    half = _unit(to_viewer + to_fill)
    gloss = np.maximum(np.einsum("nc,nc->n", normals, half), 0) ** 8
    return lighting.ambient * from_sky + lighting.head * head + lighting.fill * fill, lighting.gloss * gloss**3


def _resolve(samples: np.ndarray, height: int, width: int, supersampling: int) -> np.ndarray:
    """Average (height*s*width*s, 4) samples to (height, width, 4) uint8 with straight alpha."""
    blocks = samples.reshape(height, supersampling, width, supersampling, 4).mean(axis=(1, 3))
    # Samples that miss are black without coverage: dividing by the coverage gives the mean colour of those that hit.
    blocks[..., :3] /= np.maximum(blocks[..., 3:], 1e-9)
    return np.rint(blocks * 255).astype(np.uint8)
