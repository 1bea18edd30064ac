"""PLY, binary: the meshes of all people as one, in single precision."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from smplify_jax.exports.meshes import Mesh
from smplify_jax.files.atomic import atomic_write

_HEADER = """ply
format binary_little_endian 1.0
comment metres; {frame}
element vertex {num_vertices}
property float x
property float y
property float z
element face {num_faces}
property list uchar int vertex_indices
end_header
"""

_FACE = np.dtype([("count", "u1"), ("vertices", "<i4", 3)])


def write_ply(path: str | os.PathLike[str], meshes: Sequence[Mesh], frame: str) -> None:
    """Write meshes.

    Args:
        path: the file.
        meshes: at least one.
        frame: of the vertices, in words.
    """
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)])
    rows = np.empty(len(faces), _FACE)
    rows["count"], rows["vertices"] = 3, faces
    header = _HEADER.format(frame=frame, num_vertices=starts[-1], num_faces=len(faces))
    with atomic_write(path) as file:
        file.write(header.encode())
        for mesh in meshes:
            file.write(mesh.vertices.astype("<f4").tobytes())
        file.write(rows.tobytes())
