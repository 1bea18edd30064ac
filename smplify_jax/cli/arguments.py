"""Command-line arguments to options, with one sentence for what is wrong with them."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence

import tyro

from smplify_jax.cli.options import DESCRIPTION, FitCommand
from smplify_jax.errors import InputError

PROGRAM = "smplify-fit"

_FRAME = "╭╮╰╯│─| \t"
"""What tyro draws around its messages."""


class UsageError(InputError):
    """Options that make no sense; the program ends with status 2, as programs do for wrong usage."""


def parse_arguments(arguments: Sequence[str] | None) -> FitCommand:
    """The options in a list of arguments, by default those of this process.

    Raises:
        UsageError: an option is unknown or its value is not of its kind.
        SystemExit: with status 0, after the help was printed.
    """
    message = io.StringIO()
    try:
        # tyro prints a framed page for an error; one sentence is what scripts and logs can use.
        with contextlib.redirect_stderr(message):
            return tyro.cli(
                tyro.conf.OmitArgPrefixes[FitCommand],
                prog=PROGRAM,
                description=DESCRIPTION,
                args=None if arguments is None else list(arguments),
            )
    except SystemExit as stop:
        if not stop.code:
            sys.stderr.write(message.getvalue())
            raise
        raise UsageError(f"{_first_sentence(message.getvalue())}; see {PROGRAM} --help.") from None


def _first_sentence(framed: str) -> str:
    """The first paragraph inside tyro's frame, on one line."""
    words: list[str] = []
    for line in framed.splitlines():
        text = line.strip(_FRAME)
        if line.lstrip().startswith("╭"):
            continue
        if not text:
            if words:
                break
            continue
        words += text.split()
    return " ".join(words).rstrip(".:") or "the options cannot be used"


def check_command(command: FitCommand) -> None:
    """Check what can be known without opening a file.

    Raises:
        UsageError: nothing to do, nowhere to write, or a name or number that no run could use.
    """
    # Imported late: --help should not wait for NumPy.
    from smplify_jax.keypoints.layouts import get_layout
    from smplify_jax.keypoints.load import FORMATS

    if not command.inputs and not command.example:
        raise UsageError(f"Give keypoint files to fit, or --example to see a fit; see {PROGRAM} --help.")
    if command.inputs and command.example:
        raise UsageError("--example fits its own input: leave out the files, or leave out --example.")
    if command.write.out is None and not command.example:
        raise UsageError("Say where the results shall go, with --out FOLDER.")
    if command.read.format is not None and command.read.format not in FORMATS:
        raise UsageError(f"There is no keypoint format {command.read.format!r}; use one of {', '.join(FORMATS)}.")
    if command.read.image_size is not None and min(command.read.image_size) <= 0:
        raise UsageError("--image-size must be two positive numbers of pixels, width and height.")
    if command.camera.focal_length is not None and not command.camera.focal_length > 0:
        raise UsageError("--focal-length must be a positive number of pixels.")
    if command.body.num_betas < 1:
        raise UsageError("--num-betas must be at least 1.")
    if command.body.num_starts is not None and command.body.num_starts < 1:
        raise UsageError("--num-starts must be at least 1.")
    try:
        if command.read.layout is not None:
            get_layout(command.read.layout)
    except InputError as error:
        raise UsageError(str(error)) from None
