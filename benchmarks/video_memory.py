"""Memory of fitting one long video, against its length."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from smplify_jax import load_body
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.learn.tracks import TrackDetector, TrackOptions, Tracks, make_tracks

_NUM_FRAMES = 100


def memory_rows(folder: Path, split: str, layout: str, lengths: Sequence[int]) -> list[dict]:
    """One row per length: the peak memory of a process that fits a track of that many frames, and how long it takes with compilation.

    Each is a process of its own, because memory that was freed is not always returned and would hide what a later fit needs.
    """
    context = multiprocessing.get_context("spawn")
    rows = []
    for length in lengths:
        with context.Pool(1) as pool:
            rows.append(pool.apply(_measure, (folder, split, layout, length)))
    return rows


def _measure(folder: Path, split: str, layout: str, length: int) -> dict:
    body = load_body(num_betas=10)
    options = TrackOptions(split=split, num_frames=_NUM_FRAMES, max_tracks=1)
    track = make_tracks(folder, body, layout, TrackDetector(), options)
    before = _peak_mb()
    start = perf_counter()
    seen = track.as_seen() | {"keypoints": to_and_fro(track, length)[None], "times": np.arange(length) / track.fps}
    fit_sequence(**seen, body=body)
    seconds = perf_counter() - start
    return {"frames": length, "before_mb": before, "peak_mb": _peak_mb(), "seconds": seconds}


def to_and_fro(track: Tracks, length: int) -> np.ndarray:
    """Detections (length, K, 3) of the first track, forwards and backwards in turn, so that nobody jumps."""
    frames = np.arange(length) % (2 * track.num_frames - 2)
    return track.keypoints[0, np.minimum(frames, 2 * track.num_frames - 2 - frames)]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # kB on Linux
