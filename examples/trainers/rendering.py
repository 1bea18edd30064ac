"""Pictures of a body: its clothes, the lights and what is behind it are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from smplify_jax.body.model import BodyModel
from smplify_jax.pictures.raycast import Lighting, Shape, render_shapes
from smplify_jax.pictures.studio import HAIR, clothes

SIZE = 64
"""[px] Side of the pictures."""

FOCAL_SIDES = 5.0
"""Focal length of the camera that looks at the crop's centre, in sides of the crop: people stand some 10 m away."""

_SHIRT = ("spine1", "spine2", "spine3", "left_collar", "right_collar", "left_shoulder", "right_shoulder")
_SLEEVES, _TROUSERS = ("left_elbow", "right_elbow"), ("pelvis", "left_hip", "right_hip")
_LEGS, _SHOES = ("left_knee", "right_knee"), ("left_ankle", "right_ankle", "left_foot", "right_foot")
_SKIN = np.array([(240, 205, 180), (222, 184, 160), (190, 140, 110), (130, 90, 66), (86, 58, 44)], float)


@dataclass(frozen=True)
class Look:
    """What a person wears and where they are, the same in all frames of a track.

    Attributes:
        colors: (V, 3) RGB of the vertices.
        lighting: the lights.
        background: (SIZE, SIZE, 3) uint8 RGB.
    """

    colors: np.ndarray
    lighting: Lighting
    background: np.ndarray


def draw_look(body: BodyModel, generator: np.random.Generator) -> Look:
    """A random person in random surroundings."""
    direction = generator.normal(size=3) + np.array([0, -0.8, -0.8])
    lighting = Lighting(
        ambient=generator.uniform(0.2, 0.6),
        head=generator.uniform(0.0, 0.5),
        fill=generator.uniform(0.1, 0.7),
        fill_direction=tuple(direction),
        gloss=generator.uniform(0, 0.1),
    )
    return Look(_draw_clothes(body, generator), lighting, _draw_background(generator))


def render_person(vertices: np.ndarray, faces: np.ndarray, look: Look) -> np.ndarray:
    """A person without background, (SIZE, SIZE, 4) uint8 RGBA, of vertices (V, 3) before the crop's camera [m]."""
    focal, center = np.full(2, FOCAL_SIDES * SIZE), np.full(2, SIZE / 2)
    return render_shapes([Shape(vertices, faces, look.colors)], focal, center, (SIZE, SIZE), 2, look.lighting)


@lru_cache(maxsize=2)
def _parts(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """How much each joint moves each vertex (V, J), sharpened so that hems are narrow; and which vertices are hair."""
    weights = np.asarray(body.lbs_weights, np.float64) ** 4
    is_hair = np.abs(clothes(body) - np.asarray(HAIR)).max(axis=1) < 1
    return weights / weights.sum(axis=1, keepdims=True), is_hair


def _draw_clothes(body: BodyModel, generator: np.random.Generator) -> np.ndarray:
    shares, is_hair = _parts(body)
    skin = _SKIN[generator.integers(len(_SKIN))] * generator.uniform(0.9, 1.05)
    shirt, trousers, shoes = np.clip(generator.uniform(15, 235, (3, 1)) + 40 * generator.normal(size=(3, 3)), 5, 250)
    if generator.uniform() < 0.2:
        trousers = shirt
    groups = [(_SHIRT, shirt), (_TROUSERS, trousers), (_SHOES, shoes)]
    groups += [(_SLEEVES, shirt)] if generator.uniform() < 0.5 else []
    groups += [(_LEGS, trousers)] if generator.uniform() < 0.7 else []
    color_of = {name: color for names, color in groups for name in names}
    palette = np.array([color_of.get(name, skin) for name in body.joint_names])
    is_cloth = np.array([name in color_of for name in body.joint_names], float)
    colors = shares @ palette
    # Stripes or blotches, whose period is 5 to 50 cm, on what is cloth.
    waves = generator.normal(size=(3, 3)) * generator.uniform(12, 120)
    pattern = np.sin(np.asarray(body.v_template) @ waves + generator.uniform(0, 6.3, 3)).mean(axis=1)
    colors += (shares @ is_cloth * pattern)[:, None] * generator.uniform(-60, 60, 3) * (generator.uniform() < 0.6)
    colors[is_hair] = generator.uniform(15, 120) * np.array([1.0, 0.8, 0.65])
    return np.clip(colors, 0, 255)


def _draw_background(generator: np.random.Generator) -> np.ndarray:
    """Blurred colours, with some boxes before them."""
    cells = generator.integers(2, 9)
    coarse = _muted(generator) + generator.uniform(5, 45) * generator.normal(size=(cells, cells, 1))
    coarse = coarse + generator.uniform(0, 15) * generator.normal(size=(cells, cells, 3))
    image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
    background = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC), float).copy()
    for _ in range(generator.integers(0, 6)):
        x, y = generator.integers(-8, SIZE, 2)
        width, height = generator.integers(3, SIZE, 2)
        background[max(y, 0) : y + height, max(x, 0) : x + width] = _muted(generator)
    return background.astype(np.uint8)


def _muted(generator: np.random.Generator) -> np.ndarray:
    """(3,) A colour as walls and streets have it."""
    return np.clip(generator.uniform(20, 235) + 22 * generator.normal(size=3), 0, 255)
