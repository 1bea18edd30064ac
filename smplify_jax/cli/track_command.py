"""The work of `smplify-fit --track`: sort people into tracks, fit each as a whole, and write a motion for each."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import complain_of, prepare, summary_head, summary_of, with_progress
from smplify_jax.cli.fitter import body_of, check_known_options
from smplify_jax.cli.inputs import FoundInputs, read_inputs
from smplify_jax.cli.options import FitCommand, TrackOptions
from smplify_jax.cli.outputs import export_endings, write_summary
from smplify_jax.cli.predicted_starts import predicted_starts
from smplify_jax.cli.report_page import PictureOfFrame, pictures_of_people, write_motions_page
from smplify_jax.cli.track_inputs import TrackInput, tracks_of
from smplify_jax.cli.track_overlays import write_overlays
from smplify_jax.cli.track_report import TrackReport, total_line
from smplify_jax.files.printable import MAX_LINE, printable
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.media.tracks import FittedTrack, fit_keypoint_track
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.load import bodies_of_track
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior

_SHORT = 5
"""Frames: who is seen in fewer is more often a mistaken detection than a person."""


def track_command(command: FitCommand) -> tuple[list[TrackReport], FoundInputs]:
    """Read, fit and write everybody; complain about what cannot be read, and print a line per person.

    Raises:
        InputError: something that all people need cannot be used: the body, the prior, or the folder for results.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    body, prior = body_of(command.body), load_prior(command.body.prior)
    check_known_options(command.measure, body)
    found = read_inputs(command.inputs, command.read)
    complain_of(found)
    if not found.people:
        return [], found
    tracks = chosen_tracks(tracks_of(found.people, command.video), command.video)
    init, complaints = predicted_starts(found.people, command.start, body)
    for complaint in complaints:
        FIT.complain(complaint)
    prepare(found.people, command, out)
    reports, fitted = fit_and_write([one.track for one in tracks], command, body, prior, init=init)
    if command.video.overlays:
        for complaint in write_overlays(out / "overlays", tracks, [one.result for one in fitted]):
            FIT.complain(complaint)
    summary = {
        **summary_head(body.name, None),
        "fps": command.video.fps,
        "people": [report.entry() for report in reports],
    }
    write_summary(out / "summary.json", summary | summary_of(found))
    if command.write.report:
        write_motions_page(command, fitted, lambda one: _pictures_of(one.track.video, tracks))
    return reports, found


def fit_and_write(
    tracks: Sequence[KeypointTrack],
    command: FitCommand,
    body: BodyModel,
    prior: PosePrior,
    times: np.ndarray | None = None,
    init: PredictedBodies | None = None,
) -> tuple[list[TrackReport], list[FittedTrack]]:
    """Fit each track, write its files, and print a line for it, and one for all.

    Args:
        tracks: to fit.
        command: the options.
        body: to fit.
        prior: of its pose.
        times: of the frames by their numbers [s]; None if they follow each other at the rate of their track.
        init: what a network predicted for each of the people that the tracks were made of; None without predictions.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    reports, people = [], []
    for track in with_progress(tracks, len(tracks), "track"):
        start = time.perf_counter()
        fitted = fit_keypoint_track(
            track,
            times=None if times is None else times[track.frames],
            camera=_camera(track, command),
            body=body,
            prior=prior,
            init=None if init is None else bodies_of_track(init, track),
            init_error=None if init is None else command.start.expected_error,
            num_betas=command.body.num_betas,
            measurements=command.measure.known,
            max_gap=command.video.max_gap,
        )
        report = TrackReport.of(track, fitted.result, time.perf_counter() - start)
        if report.has_body:
            unwritten: list[str] = []
            files = fitted.write(out, export_endings(command.write, is_motion=True), unwritten.append)
            report = replace(report, files=files, unwritten=tuple(unwritten))
            for sentence in unwritten:
                FIT.complain(sentence)
        tqdm.write(printable(report.line(), MAX_LINE), file=sys.stdout)
        reports.append(report)
        people.append(fitted)
    if len(reports) > 1:
        FIT.tell([total_line(reports)])
    return reports, people


def chosen_tracks(tracks: list[TrackInput], options: TrackOptions) -> list[TrackInput]:
    """The tracks that are long enough; says how many are not, or are short."""
    chosen = [one for one in tracks if one.track.num_seen >= options.min_frames]
    num_left_out = len(tracks) - len(chosen)
    if num_left_out:
        FIT.complain(
            f"{num_left_out} of {len(tracks)} people are left out: they are seen in fewer than {options.min_frames} frames."
        )
    num_short = sum(one.track.num_seen < _SHORT for one in chosen)
    if num_short:
        FIT.complain(
            f"{num_short} of {len(chosen)} people are seen in fewer than {_SHORT} frames; --min-frames {_SHORT} leaves them out."
        )
    return chosen


def _pictures_of(video: str, tracks: Sequence[TrackInput]) -> PictureOfFrame:
    """By way of anybody who is seen in a frame."""
    members = [one for one in tracks if one.track.video == video]
    people = [person for one in members for person in one.people]
    return pictures_of_people(people, np.concatenate([one.track.frames for one in members]))


def _camera(track: KeypointTrack, command: FitCommand) -> Camera | None:
    """What the options say, completed by what the file says; None if nobody says anything."""
    focal, center = command.camera.focal_length, command.camera.camera_center
    if focal is None and np.isfinite(track.focal_length):
        focal = track.focal_length
    if center is None and np.isfinite(track.camera_center).all():
        center = track.camera_center
    if focal is None and center is None:
        return None
    fields = {
        "focal_length": None if focal is None else np.full(2, focal, np.float32),
        "camera_center": None if center is None else np.asarray(center, np.float32),
    }
    return Camera(**fields)  # pyright: ignore[reportArgumentType]
