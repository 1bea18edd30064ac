"""Options of `smplify-view`: a frozen dataclass whose docstring is the help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from smplify_jax.cli.program import Program, UsageError
from smplify_jax.cli.shared_options import ReadLimitOption, shown

DESCRIPTION = """Show saved results in a browser, in three dimensions.

Takes the .npz of smplify-fit and of FitResult.save: people, motions, fits to several cameras. Several results have a
colour each, in one scene or side by side. The page has sliders for shape and pose, the capsules, and a timeline with
speed. Only this machine can connect, unless --host says otherwise. Needs: pip install "smplify-jax[viewer]".

Examples:
  smplify-view fits/photo_0.npz --image photo.jpg
  smplify-view motions/walk_0.npz --image frames/
  smplify-view ours/photo_0.npz theirs/photo_0.npz
  smplify-view fits/photo_0.npz --replay
"""


@dataclass(frozen=True)
class ViewCommand:
    """One run of `smplify-view`.

    Attributes:
        results: files that smplify-fit or FitResult.save wrote.
        image: the picture of the camera, or a folder with a picture of each frame; of several cameras one for each, in their order.
        replay: show the steps of the fit of one person in one picture: fits it again with the keypoints in the file.
        frames: take the rows of files from `fit` for the frames of one person.
        fps: frames per second of motions; by default those in the file, else 30.
        body: the body that was fitted, if it is not an open body: an SMPL, SMPL-H or SMPL-X file, or a folder of them.
        gender: neutral, female or male: which file of a model folder to use.
        capsules: capsules for the body in --body.
        host: address to serve at; 0.0.0.0 lets other machines connect.
        port: to serve at; if it is taken, the next free one.
    """

    results: Annotated[tyro.conf.Positional[tuple[Path, ...]], shown("RESULT...")] = ()
    image: Annotated[tuple[Path, ...], shown("FILE|FOLDER...")] = ()
    replay: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    frames: Annotated[bool, tyro.conf.FlagCreatePairsOff, shown("")] = False
    fps: Annotated[float | None, shown("N")] = None
    body: Annotated[Path | None, shown("FILE|FOLDER")] = None
    gender: Annotated[str | None, shown("NAME")] = None
    capsules: Annotated[Path | None, shown("FILE")] = None
    host: Annotated[str, tyro.conf.arg(metavar="ADDRESS")] = "127.0.0.1"
    port: Annotated[int, tyro.conf.arg(metavar="N")] = 8080
    read_limit: ReadLimitOption = 1


VIEW = Program("smplify-view", DESCRIPTION, ViewCommand, "ended.")


def check_command(command: ViewCommand) -> None:
    """Raise UsageError for options that make no sense, without opening a file."""
    if not command.results:
        raise UsageError(f"Give results to show, .npz files of smplify-fit or FitResult.save; see {VIEW.name} --help.")
    if command.replay and (len(command.results) > 1 or command.frames):
        raise UsageError("--replay is of one person's fit: give one result, without --frames.")
    if command.fps is not None and not 0 < command.fps < float("inf"):
        raise UsageError("--fps must be a positive number of frames per second.")
    if not 0 <= command.port < 2**16:
        raise UsageError("--port must be a number from 0 to 65535.")
    if command.body is None and (command.gender is not None or command.capsules is not None):
        raise UsageError("--gender and --capsules are of a body: add --body.")
