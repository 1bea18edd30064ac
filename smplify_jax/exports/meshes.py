"""The meshes of people at one moment, which every format of plain triangles is written from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.exports.motion import BodyMotion
from smplify_jax.geometry.frames import Frame, in_frame


class Mesh(NamedTuple):
    """One person's mesh: name, vertices (V, 3) [m] and faces (F, 3)."""

    name: str
    vertices: np.ndarray
    faces: np.ndarray


def meshes_of(people: Sequence[BodyMotion], frame: Frame) -> list[Mesh]:
    """The meshes of everybody who has a body.

    Args:
        people: of one moment, at least one of whom has a body.
        frame: as for `FitResult.vertices`.
    Raises:
        InputError: the people move.
    """
    longest = max(len(person.is_usable) for person in people)
    if longest > 1:
        raise InputError(
            f"This format holds one moment, and the result is a motion of {longest} frames: export one frame, as in "
            f"{'result[0]' if len(people) == 1 else 'result[0][0]'}, or choose a format of motions."
        )
    return [_mesh(person, frame) for person in people if person.is_usable.any()]


def _mesh(person: BodyMotion, frame: Frame) -> Mesh:
    vertices = person.body.vertices(
        betas=person.betas[0], global_orient=person.pose[0, :3], body_pose=person.pose[0, 3:], transl=person.transl[0]
    )
    placed = in_frame(vertices, frame, is_z_up=person.is_z_up)
    return Mesh(person.name, np.asarray(placed), np.asarray(person.body.faces))


def frame_in_words(frame: Frame, *, is_z_up: bool) -> str:
    """The frame of a mesh, for the comments of its file."""
    if frame == "camera":
        return (
            "the world of the cameras or points, z up"
            if is_z_up
            else "x right, y down, z forward; the camera is at the origin"
        )
    return "y up" if is_z_up else "y up, z towards the camera, which is at the origin"
