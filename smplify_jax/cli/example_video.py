"""`smplify-fit --example-video`: render a video with known truth, fit it as any other, and print the errors of the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.cli.fit_command import prepare, with_progress
from smplify_jax.cli.fitter import body_of
from smplify_jax.cli.options import EXAMPLE_FOLDER, FitCommand
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.cli.video_command import FitTools, run_video, write_video_page, write_video_summary
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import DETECTORS, get_detector
from smplify_jax.errors import InputError
from smplify_jax.files.video import open_video
from smplify_jax.files.video_writing import video_writer
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.keypoints.tracks import find_tracks
from smplify_jax.media.example_video import (
    FRAME_RATE,
    IMAGE_SIZE,
    NUM_FRAMES,
    ExampleMotion,
    TrueKeypoints,
    example_motion,
)
from smplify_jax.media.tracks import FittedTrack, fit_keypoint_track
from smplify_jax.media.video_detection import detect_in_video
from smplify_jax.prior.load import load_prior

EXAMPLE_VIDEO = "example.mp4"

_LAYOUT = "coco17"
"""Of the keypoints, where no detector is installed."""


def run_example_video(command: FitCommand) -> int:
    """Render, fit, write the results, and print the errors. Returns the exit status."""
    out = command.write.out or EXAMPLE_FOLDER
    source = out / EXAMPLE_VIDEO
    command = replace(command, inputs=(source,), write=replace(command.write, out=out))
    prepare([], command, out)
    motion = example_motion(load_body(), NUM_FRAMES)
    with video_writer(source, IMAGE_SIZE, FRAME_RATE) as append:
        for image, time_s in with_progress(motion.frames(), len(motion.times), "rendered frame"):
            append(image, time_s)
    detector = _detector(command.read.detector, command.read.detector_model)
    layout = _LAYOUT if detector is None else detector.layout
    known = TrueKeypoints(motion, layout)
    tools = FitTools(detector or known, body_of(command.body), load_prior(command.body.prior))
    try:
        run = run_video(source, command, tools)
    except InputError as error:
        raise InputError(f"{error}: see the video in {out}") from None
    write_video_summary(command, tools, [(source, run)], [])
    write_video_page(command, [run])
    print("The video is rendered, so the truth is known:")
    if detector is not None:
        print(_errors(f"by {detector.name}", run.people, motion))
        run_of_known = _fitted(known, command, tools)
    else:
        run_of_known = run.people
    print(_errors("from its true keypoints, with noise", run_of_known, motion))
    written = (EXAMPLE_VIDEO, *(name for report in run.reports for name in report.files), run.overlay, "summary.json")
    print(f"Written to {out}: {', '.join(filter(None, written))}")
    return OK if any(report.has_body for report in run.reports) else FAILED


def _detector(name: str | None, model: str | None) -> Detector | None:
    """The detector that is asked for, or one that is installed; None if none is."""
    is_any = name is not None or any(entry.is_installed for entry in DETECTORS.values())
    return get_detector(name, model) if is_any else None


def _fitted(detector: Detector, command: FitCommand, tools: FitTools) -> list[FittedTrack]:
    """The fits of what a detector sees in the video, of which nothing is written."""
    found = detect_in_video(open_video(command.inputs[0]), detector)
    tracks = find_tracks(found.people, fps=found.frame_rate)
    return [
        fit_keypoint_track(
            track,
            times=found.times[track.frames],
            body=tools.body,
            prior=tools.prior,
            num_betas=command.body.num_betas,
        )
        for track in tracks
    ]


def _errors(whence: str, people: list[FittedTrack], motion: ExampleMotion) -> str:
    """The errors of the person with the most frames."""
    person = max(people, key=lambda one: one.track.num_seen)
    frames = person.track.frames
    is_usable = np.array([status.is_usable for status in person.result.statuses()])
    joints, truth = np.asarray(person.result.joints)[is_usable], motion.joints[frames[is_usable]]
    exact = motion.keypoints_px(person.track.layout)[frames[is_usable]]
    pixels = np.linalg.norm(np.asarray(person.result.keypoints_px)[is_usable] - exact, axis=-1)
    aligned, placed = (
        1000 * np.mean([distance(one, true) for one, true in zip(joints, truth, strict=True)])
        for distance in (pa_mpjpe, mpjpe)
    )
    return (
        f"  {whence}: {is_usable.sum()} of {len(motion.times)} frames, PA-MPJPE {aligned:.1f} mm, MPJPE {placed:.1f} mm, "
        f"2D error {np.nanmean(pixels):.1f} px"
    )
