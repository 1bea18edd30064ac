"""Which synthetic videos to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrackOptions:
    """Distribution of tracks and cameras.

    Attributes:
        split: split of the motion folder.
        num_frames: length T of every track; shorter recordings are left out.
        fps: frames per second of the video.
        speed: range of how much faster than recorded people move, uniform in its logarithm; slower motion is interpolated.
        max_windows: number of tracks from one recording, at most; they do not overlap. A clip is cut into recordings where it jumps.
        max_tracks: number of all tracks, at most, in turn from every subject and from every action of each; None for all.
        max_impossible: share of impossible poses that a track may hold.
        max_beta: shape coefficients are normal, clipped at this many standard deviations.
        pitch, roll: [rad] standard deviations of the camera's tilt; yaw is uniform.
        focal_length: range, as a fraction of the picture's diagonal.
        height_px: range of the height of a standing person in the middle of the path [px].
        seed: of all random numbers.
    """

    split: str = "val"
    num_frames: int = 100
    fps: float = 30.0
    speed: tuple[float, float] = (1.0, 1.0)
    max_windows: int = 3
    max_tracks: int | None = None
    max_impossible: float = 0.1
    max_beta: float = 2.0
    pitch: float = np.radians(10.0)
    roll: float = np.radians(5.0)
    focal_length: tuple[float, float] = (0.7, 2.0)
    height_px: tuple[float, float] = (250.0, 500.0)
    seed: int = 0


PROTOCOL = TrackOptions()
"""The videos that benchmarks measure on."""
