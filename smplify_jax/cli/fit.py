"""`smplify-fit`: bodies from keypoint files. See `smplify-fit --help`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

import smplify_jax
from smplify_jax.cli.arguments import FIT, check_command
from smplify_jax.cli.program import FAILED, OK

if TYPE_CHECKING:
    from smplify_jax.cli.inputs import UnreadInput
    from smplify_jax.cli.options import FitCommand
    from smplify_jax.cli.report import PersonReport

_Item = TypeVar("_Item")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: instead of those of this process.
    Returns:
        Exit status: 0; 1 if an input could not be read or nobody could be fitted; 2 for wrong options.
    """
    return FIT.run(arguments, _run)


def _run(command: FitCommand) -> int:
    check_command(command)
    if command.example:
        from smplify_jax.cli.example import run_example

        return run_example(command)
    reports, unread = fit_command(command)
    num_usable = sum(report.status.is_usable for report in reports)
    return OK if num_usable and not unread else FAILED


def fit_command(command: FitCommand) -> tuple[list[PersonReport], list[UnreadInput]]:
    """Read, fit and write everybody; complain about what cannot be read, and print a line per person.

    Raises:
        InputError: what concerns everybody: the body, the prior, the folder for results.
    """
    # Imported here, because these take a second that --help and wrong options need not wait for.
    from smplify_jax.cli.batches import fit_people
    from smplify_jax.cli.cache import use_compilation_cache
    from smplify_jax.cli.fitter import people_fitter
    from smplify_jax.cli.inputs import missing_pictures, read_inputs
    from smplify_jax.cli.outputs import make_folder, write_person, write_summary
    from smplify_jax.cli.report import PersonReport, total_line

    out = command.write.out
    assert out is not None  # the options were checked
    fitter = people_fitter(command.body, command.camera, guesses_cameras=True)
    people, unread = read_inputs(command.inputs, command.read)
    for failed in unread:
        FIT.complain(failed.reason)
    if not people:
        return [], unread
    for complaint in missing_pictures(people, command):
        FIT.complain(complaint)
    make_folder(out)
    complaint = use_compilation_cache() if command.write.cache else None
    if complaint:
        FIT.complain(complaint)
    reports = []
    for person, fitted in _with_progress(fit_people(people, fitter), len(people)):
        report = PersonReport.of(person, fitted)
        if report.status.is_usable:
            report = report.passed(command.write)
        if report.status.is_usable and not report.left_out:
            files, complaint = write_person(out, person, fitted, command.write)
            report = replace(report, files=tuple(files))
            if complaint:
                FIT.complain(complaint)
        tqdm.write(report.line(), file=sys.stdout)
        reports.append(report)
    if len(reports) > 1:
        print(total_line(reports))
    write_summary(out / "summary.json", _summary(command, fitter.body.name, reports, unread))
    return reports, unread


def _summary(
    command: FitCommand, body_name: str, reports: list[PersonReport], unread: list[UnreadInput]
) -> dict[str, Any]:
    from smplify_jax.cli.report import count_statuses

    return {
        "program": FIT.name,
        "version": smplify_jax.__version__,
        "body": body_name,
        "profile": command.body.profile,
        "statuses": count_statuses(reports),
        "people": [report.entry() for report in reports],
        "unread": [{"input": str(failed.source), "reason": failed.reason} for failed in unread],
    }


def _with_progress(items: Iterator[_Item], total: int) -> Iterator[_Item]:
    """Count on stderr, where it does not mix with results; only if somebody is watching."""
    return iter(tqdm(items, total=total, unit="person", file=sys.stderr, disable=None, leave=False))


if __name__ == "__main__":
    sys.exit(main())
