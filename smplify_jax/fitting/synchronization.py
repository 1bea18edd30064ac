"""Keypoints of cameras that take their pictures at different moments, brought to the same moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError

_MAX_SHIFT = 3.0
"""Intervals between frames by which a camera may be late: within them people move nearly straight."""


def synchronized(frames: np.ndarray, times: np.ndarray, delays: ArrayLike | None) -> np.ndarray:
    """Interpolate each view's keypoints, linearly in time, to the moments of the first.

    A keypoint is interpolated only between two frames that both saw it, and has the lower of their confidences.

    Args:
        frames: (T, V, K, 3) cleaned keypoints.
        times: (T,) of the frames [s].
        delays: (V,) how much later than `times` each view's frames were taken [s]; None if they are synchronous.
    Raises:
        InputError: there is not one finite delay per view, they are longer than a few frames, or there is only one frame.
    """
    if delays is None:
        return frames
    try:
        late = np.asarray(delays, np.float64)
    except (TypeError, ValueError):
        late = np.full(1, np.nan)
    if late.shape != (frames.shape[1],) or not np.isfinite(late).all():
        raise InputError(f"delays must be {frames.shape[1]} finite numbers [s], one for each camera.")
    if not late.any():
        return frames
    if len(times) < 2:
        raise InputError(
            "delays need at least two frames: one moment of cameras that are not synchronous cannot be interpolated."
        )
    longest = _MAX_SHIFT * float(np.diff(times).max())
    if np.abs(late).max() > longest:
        raise InputError(
            f"delays holds {np.abs(late).max():g} s: cut the videos so that no camera is late by more than {longest:.3g} s (three frames)."
        )
    shifted = frames.copy()
    for view in np.flatnonzero(late):
        shifted[:, view] = _at(frames[:, view], times + late[view], times)
    return shifted


def _at(keypoints: np.ndarray, own_times: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Keypoints (T, K, 3) taken at `own_times`, at the moments `times`; zeros where they are not known."""
    after = np.clip(np.searchsorted(own_times, times), 1, len(times) - 1)
    before = after - 1
    share = (times - own_times[before]) / (own_times[after] - own_times[before])
    is_inside = (share > -1e-6) & (share < 1 + 1e-6)
    share = np.clip(share, 0.0, 1.0)[:, None, None]
    points = (1 - share) * keypoints[before, :, :2] + share * keypoints[after, :, :2]
    confidence = np.minimum(keypoints[before, :, 2], keypoints[after, :, 2]) * is_inside[:, None]
    return np.where(confidence[..., None] > 0, np.concatenate([points, confidence[..., None]], axis=-1), 0.0).astype(
        np.float32
    )
