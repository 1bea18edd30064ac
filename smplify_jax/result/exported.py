"""The methods of a result that give it to other programs."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.exports.amass import amass_motion
from smplify_jax.exports.formats import write_people
from smplify_jax.exports.motion import BodyMotion
from smplify_jax.geometry.frames import Frame
from smplify_jax.result.other_programs import to_smplify, to_smplx
from smplify_jax.result.status import FitStatus
from smplify_jax.result.times import frame_times, frames_by_person
from smplify_jax.result.world import has_z_up

if TYPE_CHECKING:
    import trimesh


class ExportedResult:
    """What other programs get of `FitResult`."""

    def mesh(self: Any, index: int = 0, frame: Frame = "upright") -> trimesh.Trimesh:
        """One person's mesh [m], as it is exported: `result.mesh(2).export("person.glb")`.

        It stands where the person stood in front of the camera, which is at the origin and level: if the camera was at eye height, the
        feet are at about y = -1.6, not on a floor at y = 0. `mesh.apply_translation([0, -mesh.bounds[0, 1], 0])` puts them there.

        Args:
            index: of the person.
            frame: "upright" (x right, y up, z towards the camera), as the command's OBJ files and most viewers have it; or "camera"
                (x right, y down, z forward), as the fields of the result have it; see `vertices`.
        Raises:
            InputError: the person was not fitted.
            IndexError: there is no such person.
        """
        person = self[index]
        if not FitStatus(int(person.status)).is_usable:
            raise InputError(f"Person {index} has no mesh: {FitStatus(int(person.status)).sentence}")
        import trimesh  # half a second that `import smplify_jax` need not wait for

        mesh = trimesh.Trimesh(np.asarray(person.vertices(frame)), np.asarray(self.body.faces), process=False)
        mesh.units = "meters"
        return mesh

    def to_smplify(self) -> dict[str, np.ndarray]:
        """The keys that the original SMPLify of 2016 writes for a picture, see `smplify_jax.result.other_programs.to_smplify`."""
        return to_smplify(self)

    def to_smplx(self) -> dict[str, np.ndarray]:
        """Keyword arguments for a model of the package smplx, see `smplify_jax.result.other_programs.to_smplx`."""
        return to_smplx(self)

    def to_amass(self: Any, frame_rate: float = 30.0) -> dict[str, np.ndarray]:
        """One person's motion in the arrays of AMASS's files, see `smplify_jax.exports.amass.amass_motion`.

        A fit to calibrated cameras, or to points in space, keeps its world frame, whose z is taken to point up.

        Args:
            frame_rate: frames per second of the result's frames.
        Raises:
            InputError: no frame has a body, there are several people, or the frames have different betas, as `fit` gives them.
        """
        if self.status.ndim > 1:
            raise InputError(
                f"This result has frames of {self.status.shape[0]} people, and AMASS a file for each: write result[0] first."
            )
        (frames,) = frames_by_person(self, is_motion=True)
        return amass_motion(_motion(frames, "body", None), frame_rate)

    def export(
        self,
        path: str | PathLike[str],
        *,
        fps: float | None = None,
        times: ArrayLike | None = None,
        frame: Frame = "upright",
    ) -> None:
        """Write a file for other programs, in the format of its suffix: `result.export("walk.glb")`.

        - .obj, .ply: the meshes of everybody at one moment.
        - .glb: meshes with skeleton and skin; of motions with keys over time.
        - .bvh: a skeleton, in metres, and its motion, of one person.
        - .smpl: an avatar of one person, for the package smplcodec.
        - .npz: one person in AMASS's arrays, see `to_amass`; `save` writes all arrays of the result instead.

        Frames of `fit_sequence` are one person's motion, or several people's. Of people fitted apart, `fps` or `times` says that they are
        the frames of one person, who then needs the same betas in all of them. Who has no body is left out.

        Args:
            path: the file.
            fps: frames per second; by default those of `times`, else 30.
            times: (T,) of the frames [s], increasing; by default they follow each other at `fps`.
            frame: of the vertices of .obj and .ply, as for `mesh`. The other formats have y up, and AMASS z up.
        Raises:
            InputError: the suffix is of no format, the format cannot hold these people, nobody has a body, or the file cannot be written.
        """
        write_people(path, people_of(self, frame_times(self, fps, times)), fps=fps, frame=frame)


def people_of(result: Any, times: np.ndarray | None) -> list[BodyMotion]:
    """The people of a result.

    Args:
        result: one person; people of one moment (B,); one person's frames (T,); or the frames of several people (B, T).
        times: (T,) of the frames [s], as `frame_times` gives them; None for one moment.
    """
    everybody = frames_by_person(result, is_motion=times is not None)
    names = ["body"] if len(everybody) == 1 else [f"person_{number}" for number in range(len(everybody))]
    return [_motion(person, name, times) for person, name in zip(everybody, names, strict=True)]


def _motion(frames: Any, name: str, times: np.ndarray | None) -> BodyMotion:
    """One person's frames (T, ...), as NumPy arrays."""
    statuses = frames.statuses()
    return BodyMotion(
        name=name,
        body=frames.body,
        betas=frames.betas,
        pose=np.concatenate([frames.global_orient, frames.body_pose], axis=1),
        transl=frames.transl,
        pelvis=frames.joints[:, 0],
        is_usable=np.array([status.is_usable for status in statuses]),
        is_fitted=np.array([status.is_fitted for status in statuses]),
        is_z_up=has_z_up(frames),
        times=times,
    )
