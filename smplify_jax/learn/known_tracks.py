"""Fits of tracks of known people, to learn from which of their frames are good."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.learn.known_fits import Fits
from smplify_jax.learn.tracks import TrackDetector, TrackOptions, joints_of_tracks, make_tracks
from smplify_jax.quality.score import load_quality_model

LAYOUTS = ("coco17", "openpose25")
DETECTORS = (
    TrackDetector(noise=0.0),
    TrackDetector(noise=0.01),
    TrackDetector(noise=0.02),
    TrackDetector(noise=0.04),
    TrackDetector(noise=0.02, drift_share=0.9, drift_time=5.0),  # errors that repeat from frame to frame
    TrackDetector(noise=0.01, missing=0.3, missing_runs=0.2),
)
LENGTHS = (16, 48, 100)
"""Frames of the tracks: the more there are, the more each of them knows."""

CAMERAS = {"usual": {}, "rotated": {"pitch": np.radians(60.0), "roll": np.radians(90.0)}}
"""Who is fitted, by the name of the group: cameras that stand as people hold them, or in any way."""


def fit_known_tracks(folder: Path, split: str, max_tracks: int) -> Fits:
    """Fit tracks of a split under every camera, detector and layout; a frame in which the person was seen is a fit.

    Args:
        folder: motion clips and their manifest.
        split: of the folder.
        max_tracks: under one camera and detector, for each layout.
    """
    body, shipped = load_body(num_betas=10), load_quality_model(of="tracks")
    parts = []
    for seed, (group, detector, layout) in enumerate(product(CAMERAS, DETECTORS, LAYOUTS)):
        length = LENGTHS[seed % len(LENGTHS)]
        # Other people and cameras for every detector: a track under six of them would count as six.
        options = TrackOptions(split=split, num_frames=length, max_tracks=max_tracks, seed=seed)
        tracks = make_tracks(folder, body, layout, detector, dataclasses.replace(options, **CAMERAS[group]))
        result = fit_sequence(**tracks.as_seen(), body=body)
        parts.append(
            Fits.against(
                result, np.asarray(result.joints_std) / shipped.std_scale, joints_of_tracks(body, tracks.truth), group
            )
        )
    return Fits.joined(parts)
