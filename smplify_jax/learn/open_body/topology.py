"""The left half of the open body's mesh; the right one is its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.open_body.cavities import closed_left_half
from smplify_jax.learn.open_body.decimation import HalfMesh, decimate
from smplify_jax.learn.open_body.source import BaseMesh, Rig

NUM_VERTICES = 7000
"""About as dense as SMPL, but not 6890 vertices, so that nobody mistakes this for SMPL's topology."""
DETAIL = {"finger": 0.55, "metacarpal": 0.7, "wrist": 0.8, "toe": 0.6, "foot": 0.8, "head": 0.7, "jaw": 0.7}
"""Target edge length where bones with these names act, relative to elsewhere; without it, decimation would remove hands first."""


@dataclass(frozen=True)
class Half:
    """The left half of the body.

    Attributes:
        base_index: (N,) base vertex of each vertex; midline vertices come first.
        num_midline: number of vertices on the midline.
        triangles: (F, 3) outward winding.
        eye_front: the vertex at the front of the left eye.
    """

    base_index: np.ndarray
    num_midline: int
    triangles: np.ndarray
    eye_front: int


def build_half(base: BaseMesh, rig: Rig, shape: np.ndarray, protected: np.ndarray) -> Half:
    """Close the pockets, decimate, renumber.

    Args:
        base: the base mesh.
        rig: its bones; their weights determine where detail is kept.
        shape: (19158, 3) the shape on which errors are measured [m].
        protected: base vertices that must stay.
    """
    triangles, eye_front = closed_left_half(base)
    is_midline = base.mirror == np.arange(len(base.mirror))
    is_protected = np.zeros(len(base.vertices), dtype=bool)
    is_protected[protected] = True
    is_protected[eye_front] = True
    mesh = HalfMesh(shape, triangles, is_midline, is_protected, _detail_scale(rig, len(base.vertices)))
    triangles = decimate(mesh, NUM_VERTICES)
    used = np.unique(triangles)
    used = np.concatenate([used[is_midline[used]], used[~is_midline[used]]])
    number = np.full(len(base.vertices), -1)
    number[used] = np.arange(len(used))
    return Half(used, int(is_midline[used].sum()), number[triangles], int(number[eye_front]))


def _detail_scale(rig: Rig, num_vertices: int) -> np.ndarray:
    """Relative edge length (N,), blended by the bones' weights."""
    scale = np.ones(num_vertices)
    for bone, (indices, values) in rig.weights.items():
        wanted = next((value for name, value in DETAIL.items() if bone.startswith(name)), 1.0)
        scale[indices] += values * (wanted - 1.0)
    return scale
