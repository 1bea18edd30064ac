"""Accuracy of fits on data sets that need a licence: `python -m benchmarks.licensed {human36m,humaneva,3dpw} PATH`.

Prints MPJPE (pelvis-aligned) and PA-MPJPE over fourteen joints for each action or sequence and for all. docs/licensed_datasets.md explains
where the files come from and what exactly is compared. Every view is fitted separately, with the true focal length and principal point.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from benchmarks.datasets.cameras import H36M_CAMERAS, StudioCameras, load_cameras
from benchmarks.datasets.human36m import COMPARED as COMPARED_HUMAN36M
from benchmarks.datasets.human36m import FRONTAL_CAMERA, read_human36m
from benchmarks.datasets.humaneva import COMPARED as COMPARED_HUMANEVA
from benchmarks.datasets.humaneva import read_humaneva
from benchmarks.datasets.recording import Recording, of_regressor_h36m
from benchmarks.datasets.score import fitted_points, summarize
from benchmarks.datasets.threedpw import GENDERS, read_threedpw
from benchmarks.measure import print_table, write_json
from smplify_jax import BodyModel, InputError, load_body, with_regressor
from smplify_jax.cli.program import FAILED, OK, WRONG_USAGE, UsageError
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

PROGRAM = "benchmarks.licensed"
_CAMERA_FILES = ("metadata.xml", "camera-parameters.json")


@dataclass(frozen=True)
class Common:
    """Options of every data set."""

    path: Annotated[Path, tyro.conf.Positional]
    """Folder of the data set."""
    profile: str = "default"
    """The fitting profile."""
    body: Path | None = None
    """Body file, or folder of models, to fit; by default the open body."""
    regressor: Path | None = None
    """J_regressor_h36m.npy for the body's mesh: compare its joints, as in published results."""
    json: Path | None = None
    """Also write the table here."""


@dataclass(frozen=True)
class Human36M(Common):
    """Human3.6M: subjects S9 and S11."""

    every: int = 64
    """Take every N-th frame."""
    cameras: Path | None = None
    """The calibration; by default metadata.xml or camera-parameters.json in PATH."""
    detections: str = "gt"
    """The * of the file data_2d_h36m_*.npz to use."""
    all_cameras: bool = False
    """All four cameras instead of the frontal one."""


@dataclass(frozen=True)
class HumanEva(Common):
    """HumanEva-I: the validation sequences of S1, S2 and S3."""

    every: int = 1
    """Take every N-th frame."""
    cameras: Path | None = None
    """The calibration; by default camera-parameters.json in PATH."""
    detections: str = "gt"
    """The * of the file data_2d_humaneva15_*.npz to use."""


@dataclass(frozen=True)
class ThreeDPW(Common):
    """3DPW: the test sequences."""

    every: int = 1
    """Take every N-th picture."""
    split: Literal["train", "validation", "test"] = "test"
    """Which sequences."""


Command = (
    Annotated[Human36M, tyro.conf.subcommand("human36m")]
    | Annotated[HumanEva, tyro.conf.subcommand("humaneva")]
    | Annotated[ThreeDPW, tyro.conf.subcommand("3dpw")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        Exit status as for smplify-fit: 0; 1 if a file could not be read or nobody could be fitted; 2 for wrong options.
    """
    command: Human36M | HumanEva | ThreeDPW = tyro.cli(
        Command, prog=f"python -m {PROGRAM}", description=__doc__, args=None if arguments is None else list(arguments)
    )
    try:
        rows = run(command)
        print_table(rows)
        if command.json is not None:
            write_json(command.json, rows)
    except UsageError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"{PROGRAM}: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return OK if rows[-1]["people"] else FAILED


def run(command: Human36M | HumanEva | ThreeDPW) -> list[dict]:
    """Read, fit and compare: one row for each action or sequence, the last for all."""
    _check(command)
    body = _body(command, "neutral")
    recordings = read(command)
    return [
        {"profile": command.profile} | row
        for row in summarize(recordings, fitted_points(recordings, body, command.profile))
    ]


def read(command: Human36M | HumanEva | ThreeDPW) -> list[Recording]:
    """The people of the data set that the command selects."""
    if isinstance(command, ThreeDPW):
        bodies = None if command.regressor is None else {name: _body(command, name) for name in GENDERS.values()}
        return read_threedpw(command.path, command.split, command.every, bodies)
    cameras = _cameras(command)
    if isinstance(command, HumanEva):
        compared = COMPARED_HUMANEVA if command.regressor is None else of_regressor_h36m()
        return read_humaneva(command.path, cameras, command.detections, command.every, compared=compared)
    compared = COMPARED_HUMAN36M if command.regressor is None else of_regressor_h36m()
    names = H36M_CAMERAS if command.all_cameras else (FRONTAL_CAMERA,)
    return read_human36m(command.path, cameras, command.detections, command.every, names, compared)


def _check(command: Human36M | HumanEva | ThreeDPW) -> None:
    if command.every < 1:
        raise UsageError("--every must be at least 1.")
    try:
        get_profile(command.profile)
    except InputError as error:
        raise UsageError(str(error)) from None
    if command.regressor is None:
        return
    if command.body is None:
        raise UsageError("--regressor is made for SMPL's mesh: also give SMPL's models, with --body FOLDER.")
    if isinstance(command, ThreeDPW) and not command.body.is_dir():
        raise UsageError(
            "3DPW's people are SMPL's male and female bodies: with --regressor, --body must be a folder with all three."
        )


def _body(command: Common, gender: str) -> BodyModel:
    """The body of a gender, with the regressor's points if there is one; a single file is used for all genders."""
    is_folder = command.body is not None and command.body.is_dir()
    body = load_body(command.body, gender if is_folder else None)
    if command.regressor is None:
        return body
    if body.num_joints != len(SMPL_JOINT_NAMES):
        raise InputError(
            f"{command.body}: has {body.num_joints} joints; with --regressor give SMPL's models, which have 24."
        )
    return with_regressor(body, command.regressor)


def _cameras(command: Human36M | HumanEva) -> StudioCameras:
    if command.cameras is not None:
        return load_cameras(command.cameras)
    for name in _CAMERA_FILES:
        if (command.path / name).is_file():
            return load_cameras(command.path / name)
    raise InputError(
        f"{command.path}: has neither {' nor '.join(_CAMERA_FILES)}; give the calibration with --cameras, see docs/licensed_datasets.md."
    )


if __name__ == "__main__":
    sys.exit(main())
