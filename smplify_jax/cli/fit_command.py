"""The work of `smplify-fit`: read, fit, and write everybody."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

import smplify_jax
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.batches import fit_people
from smplify_jax.cli.cache import use_compilation_cache
from smplify_jax.cli.fitter import people_fitter
from smplify_jax.cli.inputs import FoundInputs, PersonInput, missing_pictures, read_inputs
from smplify_jax.cli.measurement_files import write_measurements
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import make_folder, write_person, write_summary
from smplify_jax.cli.photo_overlays import shared_pictures, with_shared_overlays
from smplify_jax.cli.predicted_starts import predicted_starts
from smplify_jax.cli.report import PersonReport, count_statuses, total_line
from smplify_jax.cli.report_page import check_report_path, write_people_page
from smplify_jax.files.atomic import remove_unfinished
from smplify_jax.files.printable import MAX_LINE, printable

_Item = TypeVar("_Item")


def fit_command(command: FitCommand) -> tuple[list[PersonReport], FoundInputs]:
    """Read, fit and write everybody; complain about what cannot be read, and print a line per person.

    Raises:
        InputError: something that all people need cannot be used: the body, the prior, or the folder for results.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    fitter = people_fitter(command.body, command.camera, command.measure, guesses_cameras=True)
    found = read_inputs(command.inputs, command.read)
    people = found.people
    complain_of(found)
    if not people:
        return [], found
    init, complaints = predicted_starts(people, command.start, fitter.body)
    for complaint in complaints:
        FIT.complain(complaint)
    prepare(people, command, out)
    shared = shared_pictures(people)
    reports: list[PersonReport] = []
    fits = fit_people(people, fitter, init, command.start.expected_error)
    for person, fitted in with_progress(fits, len(people), "person"):
        report = PersonReport.of(person, fitted)
        if report.status.is_usable:
            report = report.with_limits(command.write)
        if report.status.is_usable and not report.left_out:
            has_own_overlay = command.write.overlay and person.image_path not in shared
            unwritten: list[str] = []
            options = replace(command.write, overlay=has_own_overlay)
            files, complaint = write_person(out, person, fitted, options, unwritten.append)
            report = replace(report, files=tuple(files), unwritten=tuple(unwritten))
            for sentence in (*unwritten, *([complaint] if complaint else [])):
                FIT.complain(sentence)
        tqdm.write(printable(report.line(), MAX_LINE), file=sys.stdout)
        reports.append(report)
    if command.write.overlay:
        reports = with_shared_overlays(out, reports, shared)
    if command.measure.measurements:
        write_measurements(out, reports)
    if len(reports) > 1:
        FIT.tell([total_line(reports)])
    write_summary(out / "summary.json", _summary(command, fitter.body.name, reports, found))
    if command.write.report:
        write_people_page(command, reports)
    return reports, found


def prepare(people: Sequence[PersonInput], command: FitCommand, out: Path) -> None:
    """Complain about pictures that are missing, create the folder for results, and turn on the cache of compiled programs.

    Raises:
        InputError: the folder cannot be created, or the page of --report not be written.
    """
    for complaint in missing_pictures(people, command):
        FIT.complain(complaint)
    make_folder(out)
    remove_unfinished(out)
    check_report_path(command.write.report)
    complaint = use_compilation_cache() if command.write.cache else None
    if complaint:
        FIT.complain(complaint)


def complain_of(found: FoundInputs) -> None:
    """Print a sentence for each unusable record, and one for the files that were passed over."""
    for failed in found.unread:
        FIT.complain(failed.reason)
    FIT.complain_of_some([one.row.sentence for one in found.rejected], len(found.rejected), "summary.json")
    if found.passed:
        first = found.passed[0].row
        more = f", and {len(found.passed) - 1} more files" if len(found.passed) > 1 else ""
        FIT.complain(f"passed over '{printable(first.file)}', which is not a keypoint file{more}.")


def _summary(command: FitCommand, body_name: str, reports: list[PersonReport], found: FoundInputs) -> dict[str, Any]:
    return {
        **summary_head(body_name, command.body.profile),
        "statuses": count_statuses(reports),
        "people": [report.entry() for report in reports],
        **summary_of(found),
    }


def summary_head(body_name: str, profile: str | None) -> dict[str, Any]:
    """How every summary.json of `smplify-fit` begins; tracks and views have no profile."""
    return {"program": FIT.name, "version": smplify_jax.__version__, "body": body_name, "profile": profile}


def summary_of(found: FoundInputs) -> dict[str, Any]:
    """The part of summary.json about what was not fitted."""
    return {
        "unread": [{"input": str(failed.source), "reason": failed.reason} for failed in found.unread],
        "num_rejected": len(found.rejected),
        "rejected": [{"input": str(one.source), **vars(one.row)} for one in found.rejected],
        "num_passed_over": len(found.passed),
        "passed_over": [{"input": str(one.source), **vars(one.row)} for one in found.passed],
    }


def with_progress(items: Iterable[_Item], total: int | None, unit: str) -> Iterator[_Item]:
    """Show progress on stderr, apart from the results on stdout, if stderr is a terminal."""
    return iter(tqdm(items, total=total, unit=unit, file=sys.stderr, disable=None, leave=False))
