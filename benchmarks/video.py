"""Fits of videos of synthetic people: `python -m benchmarks.video MOTION_FOLDER [--num-clips N] [--json FILE]`.

The videos are those of `smplify_jax.learn.tracks`: held-out actors on their recorded path before a fixed camera that is known, and
detections whose errors drift and come in runs. Every method sees the same detections:

- per frame: `fit`, as if the frames were people of their own;
- smoothed by hand: those fits, filtered over time, with the median shape (see `smoothing`);
- 2D smoothed: the detections filtered in the same way, then `fit`;
- both smoothed: these fits, filtered over time too;
- unrefined sequence: `fit_sequence` from the network's proposals for single frames, without the second pass over denoised keypoints;
- sequence: `fit_sequence`.

Accelerations are relative to the pelvis, and of the joints in the camera frame [m/s²]; hands do not count. Frames per second are those of
a second run, without compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated
from unittest.mock import patch

import numpy as np
import tyro

from benchmarks.measure import print_and_write
from benchmarks.smoothing import smoothed_bodies, smoothed_keypoints
from benchmarks.track_metrics import track_errors
from benchmarks.video_memory import memory_rows
from smplify_jax import BodyModel, FitResult, fit, load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.fitting import sequence
from smplify_jax.learn.tracks import TrackDetector, TrackOptions, Tracks, joints_of_tracks, make_tracks

KINDS = {"correlated": TrackDetector(), "white": TrackDetector(drift_share=0.0)}
"""Detectors by what they remember; both have runs of misses, outliers and exchanged sides."""


def fit_frames(tracks: Tracks, body: BodyModel, keypoints: np.ndarray | None = None) -> BodyParameters:
    """Bodies (N, T, ...) of frames that know nothing of each other.

    Args:
        tracks: the videos.
        body: the body.
        keypoints: (N, T, K, 3) to fit instead of the detections.
    """
    seen = tracks.frames_as_seen()
    if keypoints is not None:
        seen["keypoints"] = keypoints.reshape(seen["keypoints"].shape)
    return _parameters(fit(**seen, body=body), tracks)


def fit_tracks(tracks: Tracks, body: BodyModel) -> BodyParameters:
    """Bodies (N, T, ...) of whole tracks."""
    return _parameters(sequence.fit_sequence(**tracks.as_seen(), body=body), tracks)


def fit_tracks_unrefined(tracks: Tracks, body: BodyModel) -> BodyParameters:
    """Bodies (N, T, ...) of whole tracks that start from, and stay close to, proposals of single frames."""
    with patch.object(sequence, "with_refined_proposals", lambda setup, proposed, *_: proposed):
        return fit_tracks(tracks, body)


def _parameters(result: FitResult, tracks: Tracks) -> BodyParameters:
    blocks = (np.asarray(block) for block in (result.global_orient, result.body_pose, result.betas, result.transl))
    return BodyParameters(*(block.reshape(len(tracks), tracks.num_frames, -1) for block in blocks))


METHODS: dict[str, Callable[[Tracks, BodyModel], BodyParameters]] = {
    "per frame": fit_frames,
    "smoothed by hand": lambda tracks, body: smoothed_bodies(body, fit_frames(tracks, body)),
    "2D smoothed": lambda tracks, body: fit_frames(tracks, body, smoothed_keypoints(tracks.keypoints)),
    "both smoothed": lambda tracks, body: smoothed_bodies(
        body, fit_frames(tracks, body, smoothed_keypoints(tracks.keypoints))
    ),
    "unrefined sequence": fit_tracks_unrefined,
    "sequence": fit_tracks,
}
"""Methods by their names in the table."""


@dataclass(frozen=True)
class Options:
    """Measure fits of synthetic videos with ground truth."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest, and the clips with a frame rate in video30/."""
    num_clips: int | None = None
    """Measure on this many tracks, in turn from every subject and action; None for all."""
    num_frames: int = 100
    """Length of the tracks."""
    noise: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Standard deviation of the detections, in percent of the person's height."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Whether half of the noise's variance drifts ("correlated") or none ("white")."""
    layouts: tuple[str, ...] = ("coco17",)
    methods: tuple[str, ...] = tuple(METHODS)
    split: str = "val"
    memory: tuple[int, ...] = ()
    """Measure instead the memory of a process that fits one track of so many frames, for each of these lengths."""
    json: Path | None = None
    """Also write the table here."""


def measure(tracks: Tracks, body: BodyModel, method: str) -> dict[str, float]:
    """Errors and speed of one method."""
    METHODS[method](tracks, body)  # compiles
    start = perf_counter()
    fitted = METHODS[method](tracks, body)
    seconds = perf_counter() - start
    joints, truth = joints_of_tracks(body, fitted), joints_of_tracks(body, tracks.truth)
    errors = track_errors(joints, truth, np.asarray(fitted.betas), np.asarray(tracks.truth.betas), body, tracks.fps)
    return errors | {"frames_per_s": len(tracks) * tracks.num_frames / seconds}


def run(options: Options) -> list[dict]:
    """All rows."""
    if options.memory:
        return memory_rows(options.folder, options.split, options.layouts[0], options.memory)
    body = load_body(num_betas=10)
    drawn = TrackOptions(split=options.split, num_frames=options.num_frames, max_tracks=options.num_clips)
    rows = []
    for layout in options.layouts:
        for kind in options.kinds:
            for noise in options.noise:
                detector = replace(KINDS[kind], noise=noise / 100)
                tracks = make_tracks(options.folder, body, layout, detector, drawn)
                for method in options.methods:
                    labels = {"layout": layout, "errors": kind, "noise": f"{noise:g} %", "tracks": len(tracks)}
                    rows.append(labels | {"method": method} | measure(tracks, body, method))
    return rows


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print_and_write(table, chosen.json)
