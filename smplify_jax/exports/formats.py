"""The formats of exports: which suffix asks for which, and what each can hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from smplify_jax.errors import InputError
from smplify_jax.exports.amass import write_amass
from smplify_jax.exports.bvh import write_bvh
from smplify_jax.exports.glb import write_glb
from smplify_jax.exports.meshes import Mesh, frame_in_words, meshes_of
from smplify_jax.exports.motion import BodyMotion
from smplify_jax.exports.obj import write_obj
from smplify_jax.exports.ply import write_ply
from smplify_jax.exports.smpl import write_smpl
from smplify_jax.geometry.frames import Frame

_MESHES: dict[str, Callable[[Path, Sequence[Mesh], str], None]] = {".obj": write_obj, ".ply": write_ply}
"""Formats of everybody's mesh at one moment."""

_MOTIONS: dict[str, Callable[[Path, BodyMotion, float | None], None]] = {
    ".bvh": write_bvh,
    ".npz": write_amass,
    ".smpl": write_smpl,
}
"""Formats of one person, at one moment or moving, in frames at equal distances."""

SUFFIXES = (*_MESHES, ".glb", *_MOTIONS)


def write_people(
    path: str | os.PathLike[str],
    people: Sequence[BodyMotion],
    *,
    fps: float | None = None,
    frame: Frame = "upright",
) -> None:
    """Write people in the format that the path's suffix asks for, completely or not at all.

    Args:
        path: ending in one of `SUFFIXES`.
        people: of one moment, or their motions.
        fps: frames per second, for formats whose frames are at equal distances; by default those of the motion's times.
        frame: of the vertices of .obj and .ply. The other formats state which axis is up.
    Raises:
        InputError: the suffix is of no format, the format cannot hold these people, nobody has a body, or the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{target}: a result is exported to a file that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    if frame != "upright" and suffix not in _MESHES:
        raise InputError(
            f"{target}: the frame is chosen for {' and '.join(_MESHES)}; other formats state which axis is up."
        )
    if not any(person.is_usable.any() for person in people):
        raise InputError("Nobody in this result has a body, so there is nothing to write: see its statuses.")
    if suffix in _MESHES:
        _MESHES[suffix](target, meshes_of(people, frame), frame_in_words(frame, is_z_up=people[0].is_z_up))
    elif suffix == ".glb":
        write_glb(target, people)
    else:
        if len(people) > 1:
            raise InputError(
                f"{target}: {suffix} holds one person, and this result has {len(people)}: export each, as in result[0]; "
                "if these are the frames of one person, say so with fps= or times=."
            )
        _MOTIONS[suffix](target, people[0], fps)
