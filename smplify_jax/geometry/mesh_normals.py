"""Normals of triangle meshes, for shading."""

from __future__ import annotations

import numpy as np


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Normals (F, 3), twice as long as the face's area."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(second - first, third - first)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), the area-weighted mean over the faces at each vertex; zero if these have no area."""
    of_faces = face_normals(vertices, faces)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], of_faces[:, axis], len(vertices))
    squared = np.einsum("vc,vc->v", normals, normals)[:, None]
    return normals / np.maximum(np.sqrt(squared), 1e-12)
