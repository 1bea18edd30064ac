"""The files of one person who lives in a world, seen by several cameras or given by points in space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.exports.animated_glb import write_animated_glb
from smplify_jax.files.atomic import atomic_write
from smplify_jax.result import FitResult
from smplify_jax.result.person_files import write_obj


def write_world_person(
    out: Path,
    name: str,
    result: FitResult,
    times: np.ndarray,
    frame_rate: float | None,
    *,
    world: str,
    writes_obj: bool,
    **of_input: ArrayLike,
) -> tuple[str, ...]:
    """Write NAME.npz, and NAME.obj of a person of one moment, or NAME_amass.npz and NAME.glb of a motion; returns their names.

    Args:
        out: the folder.
        name: of the person.
        result: one person, or one person in T frames.
        times: (T,) of the frames [s].
        frame_rate: of these frames [1/s]; None for people of one moment, who have none.
        world: in words, for the mesh.
        writes_obj: whether to write the mesh of a person of one moment.
        of_input: arrays to write beside those of the result, such as the keypoints.
    """
    names = [f"{name}.npz"]
    of_motion = {"times": times} if len(result) > 1 else {}
    of_motion |= {} if frame_rate is None else {"frame_rate": frame_rate}
    with atomic_write(out / names[0]) as file:
        np.savez_compressed(file, **result.arrays(), **of_motion, **of_input)  # pyright: ignore[reportArgumentType]
    if frame_rate is not None and len(result) > 1:
        names += [f"{name}_amass.npz", f"{name}.glb"]
        with atomic_write(out / names[1]) as file:
            np.savez_compressed(file, **result.to_amass(frame_rate))  # pyright: ignore[reportArgumentType]
        write_animated_glb(out / names[2], result, times)
    elif writes_obj:
        names.append(f"{name}.obj")
        vertices, faces = np.asarray(result[0].vertices()), np.asarray(result.body.faces)
        write_obj(out / names[-1], vertices, faces, frame=world)
    return tuple(names)
