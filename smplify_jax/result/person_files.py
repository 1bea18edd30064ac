"""The files of one fitted person, each written completely or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.files.atomic import atomic_write
from smplify_jax.result.fit_result import FitResult


def write_arrays(path: Path, fitted: FitResult, **of_input: ArrayLike) -> None:
    """Write the keys of `to_smplify`, all arrays that `FitResult.load` reads, and those of the input, such as its keypoints."""
    arrays: dict[str, Any] = {**fitted.arrays(), **fitted.to_smplify(), **of_input}
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def write_obj(
    path: Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    frame: str = "y up, z towards the camera, which is at the origin",
) -> None:
    """Write a mesh as Wavefront OBJ.

    Args:
        path: the file.
        vertices: (V, 3) [m], usually in the upright frame, see `smplify_jax.geometry.frames`.
        faces: (F, 3).
        frame: of the vertices, in words.
    """
    with atomic_write(path) as file:
        file.write(f"# metres; {frame}\n".encode())
        file.write("".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in vertices.tolist()).encode())
        file.write("".join(f"f {a} {b} {c}\n" for a, b, c in (faces + 1).tolist()).encode())
