"""The work of `smplify-fit --track`: sort people into tracks, fit each as a whole, and write a motion for each."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from tqdm import tqdm

import smplify_jax
from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import complain_of, prepare, summary_of, with_progress
from smplify_jax.cli.fitter import body_of
from smplify_jax.cli.inputs import FoundInputs, read_inputs
from smplify_jax.cli.options import FitCommand, TrackOptions
from smplify_jax.cli.outputs import write_summary
from smplify_jax.cli.track_inputs import TrackInput, tracks_of
from smplify_jax.cli.track_overlays import write_overlays
from smplify_jax.cli.track_report import TrackReport, total_line
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.printable import MAX_LINE, printable
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult
from smplify_jax.result.person_files import write_arrays

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
    found = read_inputs(command.inputs, command.read)
    complain_of(found)
    if not found.people:
        return [], found
    tracks = _chosen(tracks_of(found.people, command.video), command.video)
    prepare(found.people, command, out)
    reports, results = [], []
    for one in with_progress(tracks, len(tracks), "track"):
        report, result = _fitted(one.track, command, body, prior)
        if report.has_body:
            report = replace(report, files=_write(out, one.track, result))
        tqdm.write(printable(report.line(), MAX_LINE), file=sys.stdout)
        reports.append(report)
        results.append(result)
    if len(reports) > 1:
        FIT.tell([total_line(reports)])
    if command.video.overlays:
        for complaint in write_overlays(out / "overlays", tracks, results):
            FIT.complain(complaint)
    summary = {
        "program": FIT.name,
        "version": smplify_jax.__version__,
        "body": body.name,
        "profile": None,
        "fps": command.video.fps,
        "people": [report.entry() for report in reports],
    }
    write_summary(out / "summary.json", summary | summary_of(found))
    return reports, found


def _chosen(tracks: list[TrackInput], options: TrackOptions) -> list[TrackInput]:
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


def _fitted(
    track: KeypointTrack, command: FitCommand, body: BodyModel, prior: PosePrior
) -> tuple[TrackReport, FitResult]:
    """The fit of a track, as NumPy arrays, and how it went."""
    start = time.perf_counter()
    result = fit_sequence(
        track.keypoints,
        layout=track.layout,
        fps=track.frame_rate,
        image_size=track.image_size if np.isfinite(track.image_size).all() else None,
        camera=_camera(track, command),
        body=body,
        prior=prior,
        num_betas=command.body.num_betas,
        # Half a frame more: differences of times are rounded.
        max_gap=command.video.max_gap + 0.5 / track.frame_rate,
    )
    result = jax.tree.map(np.asarray, result)
    return TrackReport.of(track, result, time.perf_counter() - start), result


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


def _write(out: Path, track: KeypointTrack, result: FitResult) -> tuple[str, ...]:
    """Write the files of one person; returns their names."""
    names = f"{track.name}.npz", f"{track.name}_amass.npz"
    write_arrays(
        out / names[0],
        result,
        keypoints=track.keypoints,
        image_size=track.image_size,
        frames=track.frames,
        frame_rate=track.frame_rate,
    )
    with atomic_write(out / names[1]) as file:
        np.savez_compressed(file, **result.to_amass(track.frame_rate))  # pyright: ignore[reportArgumentType]
    return names
