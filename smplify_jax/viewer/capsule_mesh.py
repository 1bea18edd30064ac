"""Triangles of capsules, which are cylinders with round ends, and of ellipsoids."""

from __future__ import annotations

import numpy as np

_RINGS, _SIDES = 5, 16
"""Rings of each half sphere, and corners of each ring."""


def capsule_mesh(ends: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One mesh of C capsules.

    Args:
        ends: (C, 2, 3) centres of the round ends.
        radii: (C,).
    Returns:
        Vertices (V, 3) and faces (F, 3), counter-clockwise seen from outside.
    """
    directions, is_far, faces = _unit_capsule()
    axes = ends[:, 1] - ends[:, 0]
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    along = np.where(lengths > 1e-9, axes / np.maximum(lengths, 1e-9), (0.0, 0.0, 1.0))
    # Any direction that is not along the axis spans the ring with it.
    helper = np.where(np.abs(along[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    first = np.cross(helper, along)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    frames = np.stack([first, np.cross(along, first), along], axis=2)
    spread = np.einsum("cij,vj->cvi", frames, directions) * radii[:, None, None]
    vertices = ends[:, is_far.astype(int)] + spread
    offsets = len(directions) * np.arange(len(ends))
    return vertices.reshape(-1, 3), (faces + offsets[:, None, None]).reshape(-1, 3)


def ellipsoid_mesh(centers: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One mesh of N ellipsoids with their axes along x, y and z.

    Args:
        centers: (N, 3).
        radii: (N, 3) half axes.
    Returns:
        Vertices (V, 3) and faces (F, 3), counter-clockwise seen from outside.
    """
    directions, _, faces = _unit_capsule()
    vertices = centers[:, None] + radii[:, None] * directions
    offsets = len(directions) * np.arange(len(centers))
    return vertices.reshape(-1, 3), (faces + offsets[:, None, None]).reshape(-1, 3)


def _unit_capsule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions (V, 3) from the centre of the end that each vertex belongs to, whether it is the far end (V,), and faces (F, 3)."""
    down, up = np.linspace(-np.pi / 2, 0, _RINGS), np.linspace(0, np.pi / 2, _RINGS)
    latitude = np.concatenate([down, up])
    longitude = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    rings = np.stack(
        [
            np.outer(np.cos(latitude), np.cos(longitude)),
            np.outer(np.cos(latitude), np.sin(longitude)),
            np.outer(np.sin(latitude), np.ones(_SIDES)),
        ],
        axis=-1,
    )
    here = np.arange(_SIDES)
    beside = np.roll(here, -1)
    bands = [
        np.concatenate(
            [
                np.stack([low + here, low + beside, high + beside], 1),
                np.stack([low + here, high + beside, high + here], 1),
            ]
        )
        for low, high in zip(_SIDES * np.arange(2 * _RINGS - 1), _SIDES * np.arange(1, 2 * _RINGS), strict=True)
    ]
    is_far = np.repeat(np.arange(2 * _RINGS) >= _RINGS, _SIDES)
    return rings.reshape(-1, 3), is_far, np.concatenate(bands)
