"""Options that several programs have."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from smplify_jax.cli.program import UsageError
from smplify_jax.files.budget import Budget, read_with
from smplify_jax.keypoints.formats.registry import FORMAT_NAMES


def shown(metavar: str) -> Any:
    """Show an optional value in the help with this placeholder and without its default, None, which the text explains."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


FormatOption = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="NAME",
        help_behavior_hint="",
        help=f"format of the files: {', '.join(FORMAT_NAMES)}; by default recognised from the beginning of each file.",
    ),
]
"""The option --format of both programs."""

ReadLimitOption = Annotated[
    int,
    tyro.conf.arg(
        metavar="N",
        help="let files that you trust ask for N times the usual memory, time and number of things when they are read.",
    ),
]
"""The option --read-limit of all programs."""


def read_within(read_limit: int) -> AbstractContextManager[None]:
    """Read with the limits that --read-limit asks for, inside of a `with` block.

    Raises:
        UsageError: no limit is so many times as high.
    """
    if read_limit < 1:
        raise UsageError("--read-limit must be at least 1: it is how many times the usual limits a file may ask for.")
    return read_with(**vars(Budget().times(read_limit)))


@dataclass(frozen=True)
class CameraOptions:
    """The camera, where it is known.

    Attributes:
        focal_length: in pixels; by default the value in the file or the one that the profile assumes, usually the picture's diagonal. A
            wrong focal length changes people's distance more than their pose.
        camera_center: principal point in pixels; by default the value in the file, or the centre of the picture.
        search_focal_length: try a few focal lengths and keep the one that explains the keypoints best.
    """

    focal_length: Annotated[float | None, shown("PX")] = None
    camera_center: Annotated[tuple[float, float] | None, shown("X Y")] = None
    search_focal_length: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False


@dataclass(frozen=True)
class BodyOptions:
    """What is fitted, and how.

    Attributes:
        body: an SMPL, SMPL-H or SMPL-X file (.pkl or .npz), or a folder of models as for the package smplx; by
            default the open body that comes with the program, of --gender.
        gender: neutral, female or male: which file of a model folder to use; without --body, which open body.
        all_ages: fit the open body of children and adults instead of --body and --gender.
        capsules: capsules for the body in --body, an .npz from `python -m smplify_jax.learn.capsules`. A body needs capsules to keep
            its parts from interpenetrating; the open body comes with some.
        prior: pose prior: gmm_08.pkl, or an .npz with means, covars and weights; by default the one that comes with the
            program.
        profile: the fitting recipe: "default", "plain", or one of the published "smplify2016" and "spin".
        num_betas: number of shape coefficients to fit.
        num_starts: number of facing directions to search from; by default that of the profile. "default" starts from a
            network's proposal instead, which is better on average.
    """

    body: Annotated[Path | None, shown("FILE|FOLDER")] = None
    gender: Annotated[str | None, shown("NAME")] = None
    all_ages: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    capsules: Annotated[Path | None, shown("FILE")] = None
    prior: Annotated[Path | None, shown("FILE")] = None
    profile: Annotated[str, tyro.conf.arg(metavar="NAME")] = "default"
    num_betas: Annotated[int, tyro.conf.arg(metavar="N")] = 10
    num_starts: Annotated[int | None, shown("N")] = None


@dataclass(frozen=True)
class KnownOptions:
    """What is known of the people's measurements.

    Attributes:
        height: how tall the people are, in metres, if it is known; of everybody in the inputs. Points of unknown scale get theirs from it.
        mass: how heavy they are, in kilograms, likewise.
        age: how old they are, in years, with --all-ages: people of an age are about as tall and heavy as each other.
    """

    height: Annotated[float | None, shown("M")] = None
    mass: Annotated[float | None, shown("KG")] = None
    age: Annotated[float | None, shown("YEARS")] = None

    @property
    def known(self) -> dict[str, float]:
        """What is known, by the names of the measurements."""
        given = {"stature": self.height, "mass": self.mass, "age": self.age}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class TrackLimits:
    """What makes a track.

    Attributes:
        fps: frames per second of the video. Frames are told by the numbers in the files, or in their names.
        max_gap: the longest time in seconds between two frames in which a person is seen: those between are filled in. Who comes back
            later is another person, unless the file has their id.
        min_frames: leave out people who are seen in fewer frames.
    """

    fps: Annotated[float, tyro.conf.arg(metavar="N")] = 30.0
    max_gap: Annotated[float, tyro.conf.arg(metavar="S")] = 1.0
    min_frames: Annotated[int, tyro.conf.arg(metavar="N")] = 1
