"""The work of `smplify-fit --points`: read points in space, fit a body to everybody's, and write the bodies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from tqdm import tqdm

from smplify_jax.body.model import BodyModel
from smplify_jax.body.surface_correspondence import MAX_POINTS, SurfacePoints
from smplify_jax.body.surface_files import load_surface_points
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import prepare, summary_head, with_progress
from smplify_jax.cli.fitter import body_of, check_known_options
from smplify_jax.cli.inputs import UnreadInput
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import write_summary
from smplify_jax.cli.points_report import PointReport
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.cli.report_page import WorldPerson, write_world_page
from smplify_jax.cli.track_report import total_line
from smplify_jax.cli.world_files import write_world_person
from smplify_jax.errors import InputError
from smplify_jax.files.printable import MAX_LINE, printable
from smplify_jax.fitting.points import fit_points
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.points3d.load import PointTrack, load_points
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult

_NUM_SPREAD = 300
"""Points of a mesh that a fit uses, if the correspondence has more than one takes."""


@dataclass(frozen=True, eq=False)
class _Job:
    """What is fitted by one call: one person's motion, or people of single moments.

    Attributes:
        people: name, path, track and row of the track of each; a motion is one person, whose row is None.
        points: (T, K, 4) of the motion, or of the T people.
        times: (T,) of a motion [s].
    """

    people: tuple[tuple[str, Path, PointTrack, int | None], ...]
    points: np.ndarray
    times: np.ndarray | None

    @property
    def layout(self) -> str:
        """Of the points."""
        return self.people[0][2].layout


@dataclass(frozen=True)
class _Tools:
    """What all people of a run share."""

    command: FitCommand
    body: BodyModel
    prior: PosePrior
    surface: SurfacePoints | None
    scale: Literal["fixed", "free"]


def points_command(command: FitCommand) -> int:
    """Fit everybody, go on after inputs that cannot be used, and return the exit status.

    Raises:
        InputError: something that all people need cannot be used: the body, the prior, the correspondence, or the folder for results.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    body = body_of(command.body)
    scale = "free" if command.space.free_scale else "fixed"
    check_known_options(command.measure, body)
    tools = _Tools(command, body, load_prior(command.body.prior), _surface(command, body), scale)
    found, unread = _read(command)
    prepare([], command, out)
    jobs = _jobs(found, command)
    reports: list[PointReport] = []
    shown: list[WorldPerson] = []
    for job in with_progress(jobs, len(jobs), "fit"):
        try:
            for report, person in _fitted(job, tools, out):
                tqdm.write(printable(report.line(), MAX_LINE), file=sys.stdout)
                reports.append(report)
                shown.append(person)
        except InputError as error:
            FIT.complain(f"{job.people[0][1]}: {error}")
            unread.append(UnreadInput(job.people[0][1], str(error)))
    if len(reports) > 1:
        FIT.tell([total_line(reports)])
    write_summary(out / "summary.json", _summary(tools, reports, unread))
    if command.write.report:
        write_world_page(command, shown)
    has_all_files = not any(report.unwritten for report in reports)
    return OK if any(report.has_body for report in reports) and has_all_files and not unread else FAILED


def _surface(command: FitCommand, body: BodyModel) -> SurfacePoints | None:
    """The correspondence, with no more points than a fit takes."""
    if command.space.surface is None:
        return None
    points = load_surface_points(command.space.surface, body)
    if len(points) <= MAX_POINTS:
        return points
    FIT.tell([f"Of the {len(points):,} points of {points.name}, {_NUM_SPREAD} that are spread over the body are used."])
    return points.spread(_NUM_SPREAD, body)


def _read(command: FitCommand) -> tuple[list[tuple[Path, PointTrack]], list[UnreadInput]]:
    found: list[tuple[Path, PointTrack]] = []
    unread = []
    for path in command.inputs:
        try:
            tracks = load_points(
                path,
                layout=command.read.layout,
                unit=command.views.unit,
                up=command.space.up,
                is_scale_free=command.space.free_scale,
                is_placed=command.space.surface is None,
            )
        except InputError as error:
            FIT.complain(error)
            unread.append(UnreadInput(path, str(error)))
            continue
        found += [(path, track) for track in tracks]
        if not all(track.is_up_known for track in tracks):
            axes = ", ".join(dict.fromkeys(track.up for track in tracks))
            FIT.complain(f"{path} does not say which axis points up: {axes} is taken; --up says it.")
        rates = {track.frame_rate for track in tracks if np.isfinite(track.frame_rate)}
        if rates and command.video.fps not in (FitCommand().video.fps, *rates):
            FIT.complain(f"{path} says that it has {min(rates):g} frames per second: --fps is not used.")
    return found, unread


def _jobs(found: Sequence[tuple[Path, PointTrack]], command: FitCommand) -> list[_Job]:
    """A job for each motion, and one for all people of single moments with the same points."""
    rows = [
        (path, track, row)
        for path, track in found
        for row in ((None,) if track.is_motion or command.video.track else range(len(track)))
    ]
    names = unique_names(
        track.name if row is None or len(track) == 1 else f"{track.name}_{row}" for _, track, row in rows
    )
    jobs, alone = [], {}
    for name, (path, track, row) in zip(names, rows, strict=True):
        person = name, path, track, row
        if row is None:
            jobs.append(_Job((person,), track.points, _times(track, command.video.fps)))
        else:
            alone.setdefault((track.layout, track.points.shape[1]), []).append(person)
    for people in alone.values():
        points = np.stack([track.points[row] for _, _, track, row in people])
        jobs.append(_Job(tuple(people), points, None))
    return jobs


def _times(track: PointTrack, fps: float) -> np.ndarray:
    """(T,) [s], increasing."""
    if track.times is not None:
        return track.times
    rate = track.frame_rate if np.isfinite(track.frame_rate) else fps
    increases = (np.diff(track.frames) > 0).all()
    return (track.frames - track.frames[0] if increases else np.arange(len(track))) / rate


def _frame_rate(track: PointTrack, times: np.ndarray) -> float | None:
    """Of a motion, as the file says, else by the times of its frames; None of a single moment."""
    if len(times) == 1:
        return None
    return track.frame_rate if np.isfinite(track.frame_rate) else 1.0 / float(np.median(np.diff(times)))


def _fitted(job: _Job, tools: _Tools, out: Path) -> Iterator[tuple[PointReport, WorldPerson]]:
    """Fit the people of a job, write their files, and yield a report for each, and what a page shows of them."""
    command, start = tools.command, time.perf_counter()
    result = fit_points(
        job.points,
        layout=tools.surface or job.layout,
        scale=tools.scale,
        times=job.times,
        body=tools.body,
        prior=tools.prior,
        num_betas=command.body.num_betas,
        measurements=command.measure.known,
        max_gap=command.video.max_gap,
    )
    result: FitResult = jax.tree.map(np.asarray, result)
    seconds = (time.perf_counter() - start) / len(job.people)
    for place, (name, path, track, row) in enumerate(job.people):
        one = result if row is None else result[place]
        report = PointReport.of(name, path, track, one, seconds)
        if report.has_body:
            times = np.zeros(1) if job.times is None else job.times
            of_input: dict[str, Any] = {"points": job.points if row is None else job.points[place]}
            if job.times is not None:
                of_input["frames"] = track.frames
            unwritten: list[str] = []
            how: dict[str, Any] = {"write": command.write, "complain": unwritten.append}
            files = write_world_person(out, name, one, times, _frame_rate(track, times), **how, **of_input)
            report = replace(report, files=files, unwritten=tuple(unwritten))
            for sentence in unwritten:
                FIT.complain(sentence)
        frames = result if row is None else jax.tree.map(lambda leaf: np.asarray(leaf)[None], one)
        clock = np.zeros(1) if job.times is None else job.times
        yield report, WorldPerson(name, frames, np.arange(len(clock)), clock)


def _summary(tools: _Tools, reports: Sequence[PointReport], unread: Sequence[UnreadInput]) -> dict[str, Any]:
    return {
        **summary_head(tools.body.name, None),
        "people": [report.entry() for report in reports],
        "unread": [{"input": str(failed.source), "reason": failed.reason} for failed in unread],
    }
