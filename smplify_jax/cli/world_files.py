"""The files of one person who lives in a world, seen by several cameras or given by points in space."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.cli.options import WriteOptions
from smplify_jax.cli.outputs import MESH_ENDINGS, export_endings, make_folder
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import Frame
from smplify_jax.result import FitResult
from smplify_jax.result.person_files import is_exported


def write_world_person(
    out: Path,
    name: str,
    result: FitResult,
    times: np.ndarray,
    frame_rate: float | None,
    *,
    write: WriteOptions,
    complain: Callable[[str], None],
    **of_input: ArrayLike,
) -> tuple[str, ...]:
    """Write NAME.npz and the exports: by default NAME.obj of one moment, NAME_amass.npz and NAME.glb of a motion; returns their names.

    Meshes of a motion, if they are wanted, are NAME_ply/FRAME.ply.

    Args:
        out: the folder.
        name: of the person.
        result: one person, or one person in T frames.
        times: (T,) of the frames [s].
        frame_rate: of these frames [1/s]; None for people of one moment, who have none.
        write: which exports. Meshes stay in the world of the result; the other formats state which axis is up.
        complain: is called with a sentence for each export that cannot be written.
        of_input: arrays to write beside those of the result, such as the keypoints.
    """
    names = [f"{name}.npz"]
    of_motion = {"times": times} if len(result) > 1 else {}
    of_motion |= {} if frame_rate is None else {"frame_rate": frame_rate}
    with atomic_write(out / names[0]) as file:
        np.savez_compressed(file, **result.arrays(), **of_motion, **of_input)  # pyright: ignore[reportArgumentType]
    is_motion = frame_rate is not None and len(result) > 1
    for ending in export_endings(write, is_motion=is_motion):
        file_name = name + ending
        if ending in MESH_ENDINGS and is_motion:
            file_name = f"{name}_{ending[1:]}"
            export = partial(_export_frames, out / file_name, ending, result, of_input["frames"])
        elif is_motion:
            export = partial(result.export, out / file_name, fps=frame_rate, times=times)
        else:
            frame: Frame = "camera" if ending in MESH_ENDINGS else "upright"
            export = partial(result[0].export, out / file_name, frame=frame)
        names += [file_name] * is_exported(export, complain)
    return tuple(names)


def _export_frames(folder: Path, ending: str, result: FitResult, frames: ArrayLike) -> None:
    """A file for each frame with a body, by its number."""
    make_folder(folder)
    for number, person in zip(np.asarray(frames).tolist(), result, strict=True):
        if person.statuses()[0].is_usable:
            person.export(folder / f"{number:06d}{ending}", frame="camera")
