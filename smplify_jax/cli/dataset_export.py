"""`smplify-fit-dataset export`: write existing fits in another format, without JAX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from smplify_jax.cli.dataset_options import EXPORT, ExportChoices, ExportCommand
from smplify_jax.cli.program import FAILED, OK, Program, UsageError, wrong_usage
from smplify_jax.cli.shared_options import read_within
from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from smplify_jax.datasets.exports import Exported
    from smplify_jax.datasets.exports.options import ExportOptions


def run_export(command: ExportCommand) -> int:
    """Export fits, and print what was exported.

    Returns:
        Exit status: 0; 1 if pictures were missing.
    Raises:
        UsageError: a name or number that no export could use.
        InputError: the fits cannot be read, or the export cannot be written.
    """
    check_export_command(command)
    from smplify_jax.datasets.exports import export_fits

    job = command.folder
    if (job / "job.json").exists() and not (job / "report.json").exists():
        EXPORT.complain(f"the job in {job} has not ended yet: only the people fitted so far are exported.")
    out = command.out or (job if job.is_dir() else job.parent) / command.to
    with read_within(command.read_limit):
        exported = export_fits(job, command.to, out, export_options(command.exports, command.images))
    EXPORT.tell([export_line(out, exported)])
    complain_of_exports(EXPORT, [exported])
    return FAILED if exported.missing else OK


def check_export_command(command: ExportCommand) -> None:
    """Check what can be checked without opening a file.

    Raises:
        UsageError: a name or number that no export could use.
    """
    from smplify_jax.datasets.exports import get_export

    with wrong_usage():
        get_export(command.to)
    read_within(command.read_limit)
    export_options(command.exports, command.images)


def export_options(choices: ExportChoices, images: Path | None) -> ExportOptions:
    """Make the options of exports.

    Raises:
        UsageError: a number is out of range.
    """
    from smplify_jax.datasets.exports.options import ExportOptions

    try:
        return ExportOptions(images=images, **asdict(choices))
    except InputError as error:
        name, complaint = str(error).split(" ", 1)
        raise UsageError(f"--{name.replace('_', '-')} {complaint}") from None


def export_line(out: Path, exported: Exported) -> str:
    """A line with an export's folder and its numbers of people."""
    left_out = "".join(f", {count:,} left out ({why})" for why, count in exported.left_out.items())
    return f"Export: {out}, {exported.num_people:,} people{left_out}"


def complain_of_exports(program: Program, exports: Iterable[Exported]) -> None:
    """Print the notes and complaints of some exports, each sentence once."""
    exports = list(exports)
    for sentence in dict.fromkeys(note for one in exports for note in one.notes):
        program.complain(sentence)
    for sentence in dict.fromkeys(one.complaint for one in exports if one.complaint):
        program.complain(sentence)
