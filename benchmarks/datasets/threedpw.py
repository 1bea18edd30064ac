"""3DPW: `sequenceFiles/{train,validation,test}/SEQUENCE.pkl`, read without executing anything.

Each file is a dict. What is used of it, for P people (one or two) in N pictures:

- `poses2d`: P arrays (N, 3, 18), rows x, y [px], confidence in OpenPose's COCO order; zeros where fewer than six joints were detected;
- `jointPositions`: P arrays (N, 72), SMPL's 24 joints in the world [m];
- `cam_poses`: (N, 4, 4) from world to camera; `campose_valid`: P arrays (N,), whether that was aligned with the picture;
- `cam_intrinsics`: (3, 3) K [px];
- with a regressor also `poses`: P arrays (N, 72) [rad], `trans`: P arrays (N, 3) [m], `betas`: P arrays of 10 or more, `genders`: P times
  "m" or "f".

Without a regressor the fourteen joints are taken from SMPL's 24: limbs are the joints of their names, the neck is SMPL's joint `neck`,
and in place of the top of the head stands SMPL's joint `head`; the fitted body is compared by the same joints. Published figures use
`J_regressor_h36m.npy` on the meshes of both bodies instead: give that file and SMPL's own bodies for that.

Source: von Marcard et al., ECCV 2018; the data set's readme; github.com/nkolot/SPIN, issue 61, and yohanshin/WHAM, issue 67, for the
regressor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets.arrays import checked_floats
from benchmarks.datasets.points import body_points
from benchmarks.datasets.recording import Recording, compared_layout, make_recording, of_regressor_h36m, select_joints
from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.files.safe_pickle import load_pickle
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import get_layout

GENDERS = {"m": "male", "f": "female"}
MIN_DETECTED = 6
"""Detected joints that the data set itself asks for before it gives any."""

COMPARED = compared_layout("14 of SMPL's joints", {"head_top": ("head",)})
_SOURCES = {"head_top": "head"}
_LAYOUT = get_layout("openpose18")


def read_threedpw(
    folder: Path, split: str = "test", every: int = 1, bodies: Mapping[str, BodyModel] | None = None
) -> list[Recording]:
    """Recordings of a split, one for each person; their group is the sequence.

    Args:
        folder: of the data set, with sequenceFiles in it.
        split: "train", "validation" or "test".
        every: take every N-th picture, from the first on.
        bodies: SMPL's by "male" and "female", with the points of `J_regressor_h36m.npy`: the truth is then taken from their meshes.
    Raises:
        InputError: a file is missing, damaged, no 3DPW sequence, or asks for code to be run.
    """
    paths = sorted((folder / "sequenceFiles" / split).glob("*.pkl"))
    if not paths:
        raise InputError(f"{folder}: has no sequenceFiles/{split}/*.pkl; give the folder that 3DPW was unpacked into.")
    return [recording for path in paths for recording in read_sequence(path, every, bodies)]


def read_sequence(path: Path, every: int = 1, bodies: Mapping[str, BodyModel] | None = None) -> list[Recording]:
    """The people of one file; arguments as for `read_threedpw`."""
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}; expected the dict of a 3DPW sequence.")
    file = _SequenceFile(content, str(path))
    extrinsics = file.array("cam_poses", (-1, 4, 4))
    matrix = file.array("cam_intrinsics", (3, 3))
    num_frames = len(extrinsics)
    recordings = []
    for person in range(file.num_people()):
        keypoints = file.array_of("poses2d", person, (num_frames, 3, 18)).transpose(0, 2, 1)[::every]
        is_aligned = file.array_of("campose_valid", person, (num_frames,))[::every] > 0
        world = _world_joints(file, person, num_frames, every, bodies)
        rotation, translation = extrinsics[::every, :3, :3], extrinsics[::every, :3, 3]
        recordings.append(
            make_recording(
                group=path.stem,
                name=f"{path.stem}, person {person}",
                layout=_LAYOUT,
                compared=COMPARED if bodies is None else of_regressor_h36m(),
                keypoints=keypoints,
                camera=Camera(np.diag(matrix)[:2], matrix[:2, 2]),
                truth=np.einsum("nab,njb->nja", rotation, world) + translation[:, None],
                is_valid=is_aligned & ((keypoints[..., 2] > 0).sum(axis=1) >= MIN_DETECTED),
            )
        )
    return recordings


def _world_joints(
    file: _SequenceFile, person: int, num_frames: int, every: int, bodies: Mapping[str, BodyModel] | None
) -> np.ndarray:
    """(N, 15, 3) pelvis and the fourteen joints [m]."""
    if bodies is None:
        joints = file.array_of("jointPositions", person, (num_frames, 3 * len(SMPL_JOINT_NAMES)))[::every]
        return select_joints(joints.reshape(len(joints), -1, 3), SMPL_JOINT_NAMES, _SOURCES)
    poses = file.array_of("poses", person, (num_frames, 72))[::every]
    body = bodies[file.gender(person)]
    betas = file.array_of("betas", person, (-1,))[: body.num_betas]
    parameters = BodyParameters(
        global_orient=poses[:, :3],
        body_pose=poses[:, 3:],
        betas=np.broadcast_to(betas, (len(poses), len(betas))),
        transl=file.array_of("trans", person, (num_frames, 3))[::every],
    )
    return body_points(body, of_regressor_h36m(), parameters)


class _SequenceFile:
    """The dict of a file, whose values are checked as they are asked for."""

    def __init__(self, content: dict[str, Any], source: str) -> None:
        self._content = content
        self._source = source

    def num_people(self) -> int:
        return len(self._list("poses2d"))

    def gender(self, person: int) -> str:
        letters = self._list("genders")
        letter = letters[person] if person < len(letters) else None
        letter = letter.decode("latin-1") if isinstance(letter, bytes) else letter
        if letter not in GENDERS:
            raise InputError(f"{self._source}: person {person} has the gender {letter!r}; expected 'm' or 'f'.")
        return GENDERS[letter]

    def array(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """A value of its own; -1 in the shape stands for any length."""
        if key not in self._content:
            raise InputError(f"{self._source}: has no {key!r}; expected a sequence file of 3DPW.")
        return checked_floats(self._content[key], shape, f"{self._source}, {key!r}")

    def array_of(self, key: str, person: int, shape: tuple[int, ...]) -> np.ndarray:
        """One person's value."""
        values = self._list(key)
        if person >= len(values):
            raise InputError(
                f"{self._source}: {key!r} has {len(values)} people and 'poses2d' more; copy the file again."
            )
        return checked_floats(values[person], shape, f"{self._source}, {key!r} of person {person}")

    def _list(self, key: str) -> Sequence[Any]:
        value = self._content.get(key)
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise InputError(f"{self._source}: has no list {key!r} of people; expected a sequence file of 3DPW.")
        return list(value)
