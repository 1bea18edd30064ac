"""The people of saved results as the viewer shows them: frame by frame, and changed by its sliders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.posed_capsules import posed_capsules
from smplify_jax.geometry.frames import upright_from
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.result.scenes import axes_of
from smplify_jax.result.times import frames_by_person
from smplify_jax.result.world import has_z_up
from smplify_jax.viewer.capsule_mesh import capsule_mesh, ellipsoid_mesh


class Triangles(NamedTuple):
    """A mesh: vertices (V, 3) in the upright frame [m] and faces (F, 3)."""

    vertices: np.ndarray
    faces: np.ndarray


@dataclass
class Changes:
    """What sliders changed: it holds in all frames.

    Attributes:
        betas: (B,) in place of the fitted ones; None leaves these.
        turns: axis-angle (3,) [rad] by joint, in place of the fitted ones.
    """

    betas: np.ndarray | None = None
    turns: dict[int, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ShownPerson:
    """One person in T frames; T = 1 for one moment.

    Attributes:
        name: for the reader.
        result: (T,) frames, as NumPy arrays.
        source: number of the result that the person is from.
        changes: by sliders.
    """

    name: str
    result: FitResult
    source: int
    changes: Changes = field(default_factory=Changes)

    @property
    def body(self) -> BodyModel:
        """The body that was fitted."""
        return self.result.body

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.result)

    @property
    def upright(self) -> np.ndarray:
        """(3, 3) from the frame of the result to the upright one."""
        return upright_from(is_z_up=has_z_up(self.result))

    def status(self, frame: int) -> FitStatus:
        """Of a frame."""
        return FitStatus(int(self.result.status[frame]))

    def betas(self, frame: int) -> np.ndarray:
        """(B,) as shown."""
        return np.asarray(self.result.betas[frame]) if self.changes.betas is None else self.changes.betas

    def pose(self, frame: int) -> np.ndarray:
        """(J, 3) axis-angle of the root and the joints that are fitted, as shown [rad]."""
        fitted = np.concatenate([self.result.global_orient[frame], self.result.body_pose[frame]]).reshape(-1, 3)
        for joint, turn in self.changes.turns.items():
            fitted[joint] = turn
        return fitted

    def mesh(self, frame: int) -> Triangles | None:
        """The body; None where the frame has none."""
        if not self.status(frame).is_usable:
            return None
        vertices = self.body.vertices(**self._numbers(frame))
        return Triangles(np.asarray(vertices) @ self.upright.T, np.asarray(self.body.faces))

    def capsules(self, frame: int) -> Triangles | None:
        """The capsules of the body's parts; None where the frame has no body, or the body no capsules."""
        if self.body.capsules is None or not self.status(frame).is_usable:
            return None
        ends, radii = posed_capsules(self.body, **self._numbers(frame))
        return Triangles(*capsule_mesh(np.asarray(ends) @ self.upright.T, np.asarray(radii)))

    def ellipsoids(self, frame: int) -> Triangles | None:
        """One standard deviation about each fitted joint; None where the frame has no body, or the fit knows no deviations."""
        joints, std = (np.asarray(getattr(self.result, name)[frame], np.float64) for name in ("joints", "joints_std"))
        if not self.status(frame).is_usable or not np.isfinite(std).all():
            return None
        return Triangles(*ellipsoid_mesh(joints @ self.upright.T, std[:, axes_of(self.upright)]))

    def _numbers(self, frame: int) -> dict[str, np.ndarray]:
        """The body's parameters as shown."""
        pose = self.pose(frame)
        return {
            "betas": self.betas(frame),
            "global_orient": pose[0],
            "body_pose": pose[1:].ravel(),
            "transl": np.asarray(self.result.transl[frame]),
        }


def people_of_result(name: str, result: FitResult, source: int, *, is_motion: bool) -> list[ShownPerson]:
    """The people of a result; none if it has no frames.

    Args:
        name: of the result.
        result: one person, people of one moment, or frames.
        source: number of the result.
        is_motion: whether the rows (T,) are one person's frames; results of several tracks (B, T) are motions always.
    """
    if result.status.size == 0:
        return []
    people = frames_by_person(result, is_motion=is_motion)
    names = [name] if len(people) == 1 else [f"{name} {number}" for number in range(len(people))]
    return [ShownPerson(each, frames, source) for each, frames in zip(names, people, strict=True)]
