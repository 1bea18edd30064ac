"""Wavefront OBJ."""

from __future__ import annotations

import os
from collections.abc import Sequence

from smplify_jax.exports.meshes import Mesh
from smplify_jax.files.atomic import atomic_write


def write_obj(path: str | os.PathLike[str], meshes: Sequence[Mesh], frame: str) -> None:
    """Write meshes as text, several of them as named objects.

    Args:
        path: the file.
        meshes: at least one.
        frame: of the vertices, in words.
    """
    first = 1  # OBJ counts from one, through all objects
    with atomic_write(path) as file:
        file.write(f"# metres; {frame}\n".encode())
        for name, vertices, faces in meshes:
            lines = [f"o {name}\n"] if len(meshes) > 1 else []
            lines += [f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in vertices.tolist()]
            lines += [f"f {a} {b} {c}\n" for a, b, c in (faces + first).tolist()]
            file.write("".join(lines).encode())
            first += len(vertices)
