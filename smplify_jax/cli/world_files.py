"""The files of one person who lives in a world, seen by several cameras or given by points in space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.cli.options import WriteOptions
from smplify_jax.cli.outputs import MESH_ENDINGS, export_endings
from smplify_jax.files.atomic import atomic_write
from smplify_jax.result import FitResult


def write_world_person(
    out: Path,
    name: str,
    result: FitResult,
    times: np.ndarray,
    frame_rate: float | None,
    *,
    write: WriteOptions,
    **of_input: ArrayLike,
) -> tuple[str, ...]:
    """Write NAME.npz and the exports: by default NAME.obj of one moment, NAME_amass.npz and NAME.glb of a motion; returns their names.

    Args:
        out: the folder.
        name: of the person.
        result: one person, or one person in T frames.
        times: (T,) of the frames [s].
        frame_rate: of these frames [1/s]; None for people of one moment, who have none.
        write: which exports. Meshes stay in the world of the result; the other formats state which axis is up.
        of_input: arrays to write beside those of the result, such as the keypoints.
    """
    names = [f"{name}.npz"]
    of_motion = {"times": times} if len(result) > 1 else {}
    of_motion |= {} if frame_rate is None else {"frame_rate": frame_rate}
    with atomic_write(out / names[0]) as file:
        np.savez_compressed(file, **result.arrays(), **of_motion, **of_input)  # pyright: ignore[reportArgumentType]
    is_motion = frame_rate is not None and len(result) > 1
    for ending in export_endings(write, is_motion=is_motion):
        names.append(name + ending)
        if is_motion:
            result.export(out / names[-1], fps=frame_rate, times=times)
        else:
            result[0].export(out / names[-1], frame="camera" if ending in MESH_ENDINGS else "upright")
    return tuple(names)
