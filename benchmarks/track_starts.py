"""Fits of tracks that start from another network's bodies: `python -m benchmarks.track_starts MOTION_FOLDER [--json FILE]`.

The videos are those of `benchmarks.video`, shorter and fewer, with detections that drift. The starts are those of
`smplify_jax.learn.starts`: a share of their error is alike in all frames of a track. Each row compares, over the same frames, PA-MPJPE [mm]
of

- the start,
- `fit_sequence` without it,
- `fit_sequence` with `init` and its error as `init_error` (told), and without an error (untold).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from benchmarks.measure import print_and_write
from smplify_jax import BodyModel, fit_sequence, load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn.starts import StartErrors, make_track_starts
from smplify_jax.learn.tracks import TrackDetector, TrackOptions, Tracks, joints_of_tracks, make_tracks


@dataclass(frozen=True)
class Options:
    """Measure fits of tracks that start from another network's bodies."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest, and the clips with a frame rate in video30/."""
    errors_mm: tuple[float, ...] = (30.0, 60.0, 100.0)
    """PA-MPJPE of the typical start."""
    repeated: tuple[float, ...] = (0.0, 0.5, 0.9)
    """Share of the starts' variance that is alike in all frames of a track."""
    noise: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Standard deviation of the detections, in percent of the person's height."""
    num_clips: int = 16
    num_frames: int = 32
    split: str = "val"
    json: Path | None = None
    """Also write the table here."""


def measure(tracks: Tracks, body: BodyModel, without: float, errors: StartErrors) -> dict[str, float]:
    """One row: `without` is the error of the fit without a start."""
    start = make_track_starts(tracks.truth, body, errors)
    row = {"start": error_mm(start, tracks, body), "without": without}
    for name, init_error in {"told": errors.pa_mpjpe_mm, "untold": None}.items():
        row[name] = fitted_error(tracks, body, {"init": start, "init_error": init_error})
    return row | {"told_to_best": row["told"] / min(row["start"], without)}


def fitted_error(tracks: Tracks, body: BodyModel, started: Mapping[str, Any]) -> float:
    """PA-MPJPE [mm] of `fit_sequence`, from a start or without."""
    fitted = fit_sequence(**tracks.as_seen(), body=body, **started)
    return error_mm(fitted.parameters, tracks, body)


def error_mm(bodies: BodyParameters, tracks: Tracks, body: BodyModel) -> float:
    """PA-MPJPE [mm] of bodies (N, T, ...)."""
    ours, truth = (joints_of_tracks(body, one).reshape(-1, 24, 3).astype(np.float64) for one in (bodies, tracks.truth))
    return 1000 * float(np.mean([pa_mpjpe(*pair) for pair in zip(ours, truth, strict=True)]))


def run(options: Options) -> list[dict[str, Any]]:
    """All rows."""
    body = load_body(num_betas=10)
    drawn = TrackOptions(split=options.split, num_frames=options.num_frames, max_tracks=options.num_clips)
    rows = []
    for noise in options.noise:
        tracks = make_tracks(options.folder, body, "coco17", TrackDetector(noise=noise / 100), drawn)
        without = fitted_error(tracks, body, {})
        for repeated in options.repeated:
            for error in options.errors_mm:
                errors = StartErrors(pa_mpjpe_mm=error, repeated=repeated)
                labels = {"noise": f"{noise:g} %", "repeated": f"{100 * repeated:g} %"}
                rows.append(labels | measure(tracks, body, without, errors))
    return rows


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    print_and_write(run(chosen), chosen.json)
