"""Detections over time: errors that drift, and misses, outliers and exchanged sides that stay for several frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.keypoints.layouts import Layout
from smplify_jax.learn.people import Detector

LIMBS = tuple(
    tuple(f"{side}_{part}" for part in parts)
    for parts in (("elbow", "wrist"), ("knee", "ankle", "big_toe", "small_toe", "heel"))
    for side in ("left", "right")
)
"""Keypoints that are lost together."""

PAIRS_OF_LIMBS = (("elbow", "wrist"), ("hip", "knee", "ankle", "big_toe", "small_toe", "heel"))
"""Keypoints whose sides are exchanged together."""

_WARM_UP = 10.0  # [s] that runs are simulated for before the first frame, which may so lie within one


@dataclass(frozen=True)
class TrackDetector(Detector):
    """How detections of a video differ from the truth.

    What a `Detector` says holds for every frame by itself. The noise of one keypoint, and its logarithm's spread, are the sum of a part
    that is new in every frame and of one that drifts. Runs come in addition to the errors of single frames.

    Attributes:
        drift_share: share of the noise's variance that drifts; 0 makes it white.
        drift_time: [s] after which the drift's correlation has fallen to 1/e.
        missing_runs: share of the time that a limb is not found.
        missing_run_time: range of the duration of such a run [s].
        outlier_runs: share of the time that a keypoint stays at a wrong place near the person.
        swap_runs: share of the time that arms, or legs, have their sides exchanged.
        run_time: range of the duration of the runs of outliers and exchanges [s].
        is_cropped: whether keypoints outside the picture are not found.
    """

    drift_share: float = 0.5
    drift_time: float = 0.5
    missing_runs: float = 0.04
    missing_run_time: tuple[float, float] = (0.2, 1.0)
    outlier_runs: float = 0.01
    swap_runs: float = 0.01
    run_time: tuple[float, float] = (0.1, 0.5)
    is_cropped: bool = True


EXACT_TRACK = TrackDetector(
    noise=0.0, missing=0.0, outliers=0.0, swaps=0.0, missing_runs=0.0, outlier_runs=0.0, swap_runs=0.0, is_cropped=False
)
"""Every keypoint is found in every frame, without error."""


def detect_track(
    points_px: np.ndarray,
    height_px: np.ndarray,
    times: np.ndarray,
    image_size: np.ndarray,
    layout: Layout,
    detector: TrackDetector,
    generator: np.random.Generator,
) -> np.ndarray:
    """Simulate the detections of one person in a video.

    Args:
        points_px: (T, K, 2) true keypoints [px].
        height_px: (T,) height of the person when standing [px].
        times: (T,) [s], increasing.
        image_size: (2,) width, height [px].
        layout: K keypoints.
        detector: the errors.
        generator: the same numbers are drawn for every detector whose runs last as long, so that detections differ only by its settings.
    Returns:
        (T, K, 3) float32 x, y, confidence; (0, 0, 0) where nothing was found.
    """
    shape = points_px.shape[:2]
    log_spread = detector.noise_spread * _wandering(shape, times, detector, generator)
    sigma = detector.noise * height_px[:, None] * np.exp(log_spread)
    found = points_px + sigma[..., None] * _wandering(points_px.shape, times, detector, generator)
    confidence = np.clip(0.8 - 0.3 * log_spread + 0.05 * generator.normal(size=shape), 0.2, 1.0)

    centre, reach = points_px.mean(axis=1, keepdims=True), 0.6 * height_px[:, None, None]
    for is_outlier, offset in _outliers(shape, times, detector, generator):
        found = np.where(is_outlier[..., None], centre + reach * offset, found)
        confidence = np.where(is_outlier, generator.uniform(0.2, 0.8, size=shape), confidence)

    flip = np.array(layout.flip)
    is_swapped = (generator.uniform(size=shape) < detector.swaps)[:, np.minimum(np.arange(len(flip)), flip)]
    limbs = _is_part(layout, PAIRS_OF_LIMBS)
    is_swapped ^= _runs(times, len(limbs), detector.swap_runs, detector.run_time, generator) @ limbs
    found = np.where(is_swapped[..., None], found[:, flip], found)

    is_missing = generator.uniform(size=shape) < detector.missing
    limbs = _is_part(layout, LIMBS)
    is_missing |= _runs(times, len(limbs), detector.missing_runs, detector.missing_run_time, generator) @ limbs
    is_missing |= _is_part(layout, (detector.unseen,))[0]
    if detector.is_cropped:
        is_missing |= ~np.all((points_px >= 0) & (points_px <= image_size), axis=-1)
    detections = np.concatenate([found, confidence[..., None]], axis=-1)
    return np.where(is_missing[..., None], 0.0, detections).astype(np.float32)


def _wandering(
    shape: tuple[int, ...], times: np.ndarray, detector: TrackDetector, generator: np.random.Generator
) -> np.ndarray:
    """Normal numbers of variance one over the first axis, time: white ones and a first-order autoregression."""
    white, innovation = generator.normal(size=(2, *shape))
    drift = innovation.copy()
    for frame, kept in enumerate(np.exp(-np.diff(times) / detector.drift_time), start=1):
        drift[frame] = kept * drift[frame - 1] + np.sqrt(1.0 - kept**2) * innovation[frame]
    return np.sqrt(1.0 - detector.drift_share) * white + np.sqrt(detector.drift_share) * drift


def _outliers(
    shape: tuple[int, int], times: np.ndarray, detector: TrackDetector, generator: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Those of single frames, and those that stay: which keypoints (T, K), and where they are, from -1 to 1 around the person (T, K, 2)."""
    single = generator.uniform(size=shape) < detector.outliers, generator.uniform(-1, 1, size=(*shape, 2))
    is_run = _runs(times, shape[1], detector.outlier_runs, detector.run_time, generator)
    place = generator.uniform(-1, 1, size=(*shape, 2))
    starts = is_run & ~np.concatenate([np.zeros((1, shape[1]), bool), is_run[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(shape[0])[:, None], 0), axis=0)
    return [single, (is_run, np.take_along_axis(place, first[..., None], axis=0))]


def _runs(
    times: np.ndarray, count: int, share: float, duration: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """(T, count) whether a run goes on: runs of uniformly distributed duration after exponentially distributed gaps."""
    begin = times[0] - _WARM_UP
    num_runs = int(np.ceil((times[-1] - begin) / duration[0])) + 1
    gaps = generator.exponential(size=(num_runs, count))
    lengths = generator.uniform(*duration, size=(num_runs, count))
    if share <= 0:
        return np.zeros((len(times), count), bool)
    mean_gap = 0.5 * (duration[0] + duration[1]) * (1.0 - share) / share
    ends = begin + np.cumsum(mean_gap * gaps + lengths, axis=0)
    rows = np.array([np.searchsorted(column, times, side="right") for column in ends.T]).T
    rows = np.minimum(rows, num_runs - 1)
    columns = np.arange(count)
    return (times[:, None] >= ends[rows, columns] - lengths[rows, columns]) & (times[:, None] < ends[rows, columns])


def _is_part(layout: Layout, groups: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(groups, K) whether the name of a keypoint contains one of a group's words."""
    return np.array([[any(word in name for word in words) for name in layout.keypoint_names] for words in groups])
