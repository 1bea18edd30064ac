"""The work of `smplify-fit` for videos: find the people in each, follow and fit them, and draw them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smplify_jax.body.model import BodyModel
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import prepare, summary_head, with_progress
from smplify_jax.cli.fitter import body_of, check_known_options
from smplify_jax.cli.inputs import UnreadInput
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import write_summary
from smplify_jax.cli.predicted_starts import matched_starts
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.cli.report_page import pictures_of_video, write_motions_page
from smplify_jax.cli.track_command import chosen_tracks, fit_and_write
from smplify_jax.cli.track_inputs import TrackInput
from smplify_jax.cli.track_report import TrackReport
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import get_detector
from smplify_jax.errors import InputError
from smplify_jax.files.video import open_video
from smplify_jax.keypoints.tracks import find_tracks
from smplify_jax.media.ready_fits import fits_made_ready
from smplify_jax.media.tracks import FittedTrack
from smplify_jax.media.video import OVERLAY
from smplify_jax.media.video_detection import VideoDetections, detect_in_video
from smplify_jax.media.video_overlay import write_video_overlay
from smplify_jax.predictions.load import people_to_match
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior


@dataclass(frozen=True)
class FitTools:
    """What all videos of a run share."""

    detector: Detector
    body: BodyModel
    prior: PosePrior


@dataclass(frozen=True, eq=False)
class VideoRun:
    """What was done with one video.

    Attributes:
        detections: who was found.
        people: with their bodies.
        reports: a line for each.
        seconds: that each part took.
        overlay: name of the video with the bodies; None if there is none.
    """

    detections: VideoDetections
    people: list[FittedTrack]
    reports: list[TrackReport]
    seconds: dict[str, float]
    overlay: str | None

    def entry(self, source: Path) -> dict[str, Any]:
        """The video's part of summary.json."""
        video, times = self.detections.video, self.detections.times
        return {
            "input": str(source),
            "size": list(video.size),
            "num_frames": len(times),
            "frame_rate": self.detections.frame_rate,
            "duration": float(times[-1]),
            "seconds": self.seconds,
            "overlay": self.overlay,
        }


def video_command(command: FitCommand) -> int:
    """Fit the people of every video, go on after videos that cannot be read, and return the exit status.

    Raises:
        InputError: something that all videos need cannot be used: the detector, the body, the prior, or the folder for results.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    body = body_of(command.body)
    check_known_options(command.measure, body)
    tools = FitTools(
        get_detector(command.read.detector, command.read.detector_model), body, load_prior(command.body.prior)
    )
    prepare([], command, out)
    runs, unread, reports = [], [], []
    for source in command.inputs:
        try:
            runs.append((source, run_video(source, command, tools)))
        except InputError as error:
            FIT.complain(error)
            unread.append(UnreadInput(source, str(error)))
        # After each video, because a run that is stopped should tell of those that are done.
        reports = write_video_summary(command, tools, runs, unread)
    write_video_page(command, [run for _, run in runs])
    has_all_files = not any(report.unwritten for report in reports)
    return OK if any(report.has_body for report in reports) and has_all_files and not unread else FAILED


def write_video_page(command: FitCommand, runs: Sequence[VideoRun]) -> None:
    """Write the page of all videos, if it is asked for.

    Raises:
        InputError: the file cannot be written.
    """
    if command.write.report is None:
        return
    videos = {id(one): run.detections.video for run in runs for one in run.people}
    write_motions_page(
        command, [one for run in runs for one in run.people], lambda one: pictures_of_video(videos[id(one)])
    )


def write_video_summary(
    command: FitCommand, tools: FitTools, runs: Sequence[tuple[Path, VideoRun]], unread: Sequence[UnreadInput]
) -> list[TrackReport]:
    """Write summary.json about all videos; returns the reports of everybody."""
    out = command.write.out
    assert out is not None
    reports = [report for _, run in runs for report in run.reports]
    summary = {
        **summary_head(tools.body.name, None),
        "detector": tools.detector.name,
        "videos": [run.entry(source) for source, run in runs],
        "people": [report.entry() for report in reports],
        "unread": [{"input": str(failed.source), "reason": failed.reason} for failed in unread],
    }
    write_summary(out / "summary.json", summary)
    return reports


def run_video(source: Path, command: FitCommand, tools: FitTools) -> VideoRun:
    """Detect, fit, write and draw the people of a video.

    Raises:
        InputError: the video cannot be read, or nobody is found in it.
    """
    out = command.write.out
    assert out is not None
    clock = _Clock()
    video, detector = open_video(source), tools.detector
    fitting: dict[str, Any] = {"body": tools.body, "prior": tools.prior, "measurements": command.measure.known}
    with fits_made_ready(detector.layout, video.num_frames, num_betas=command.body.num_betas, **fitting):
        found = detect_in_video(video, detector, with_progress)
    clock.stop("detection")
    tracks = find_tracks(found.people, fps=found.frame_rate, max_gap=command.video.max_gap)
    if not tracks:
        raise InputError(f"{source}: {tools.detector.name} finds nobody in this video")
    chosen = chosen_tracks([TrackInput(track, ()) for track in tracks], command.video)
    init, start = None, command.start
    if start.init is not None:
        # The frames are counted from 0 here, as by the programs that predict.
        init, complaints = matched_starts(
            start.init, people_to_match(found.people), start.init_first_frame or 0, tools.body
        )
        for complaint in complaints:
            FIT.complain(complaint)
    reports, people = fit_and_write([one.track for one in chosen], command, tools.body, tools.prior, found.times, init)
    clock.stop("fit")
    bodies = [one for one in people if one.has_body]
    overlay = None
    if command.write.overlay and bodies:
        overlay = OVERLAY if len(command.inputs) == 1 else f"{bodies[0].track.video}_{OVERLAY}"
        write_video_overlay(out / overlay, found.video, bodies, with_progress)
        clock.stop("overlay")
    FIT.tell([_line(source, found, clock.seconds)])
    return VideoRun(found, people, reports, clock.seconds, overlay)


def _line(source: Path, found: VideoDetections, seconds: dict[str, float]) -> str:
    count = len(found.times)
    rates = ", ".join(f"{part} {count / max(spent, 1e-3):.1f}" for part, spent in seconds.items())
    total = count / max(sum(seconds.values()), 1e-3)
    return f"{source.name}: {count:,} frames, {total:.1f} frames/s ({rates})"


class _Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def stop(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part], self._last = now - self._last, now
