"""Any detector of a video: layout, noise and how it drifts, misses, swaps, hidden parts, and what its confidence tells."""

from __future__ import annotations

import numpy as np

from smplify_jax.keypoints.layouts import LAYOUTS, Layout
from smplify_jax.learn.proposal.detections import DetectionTables, detection_tables
from smplify_jax.learn.video.detections import TrackDetector, detect_track
from smplify_jax.proposal.slots import slot_matrix

_SHARE_EXACT, _NOISE = 0.12, (0.004, 0.05)
_SHARE_CLEAN = 0.3  # detectors without outliers and swaps
_SHARE_ONES, _SHARE_RANDOM = 0.25, 0.15  # detectors whose confidence is always one, or tells nothing
_SHARE_LOST, _LOST_FRAMES = 0.35, (1, 20)  # tracks in which the whole person is lost for some frames, up to three times


def tables_of(slots: tuple[str, ...]) -> DetectionTables:
    """Which layouts there are, and which parts can be out of sight."""
    return detection_tables(slots)


def draw_detector(tables: DetectionTables, slots: tuple[str, ...], generator: np.random.Generator) -> TrackDetector:
    """Draw the errors of a detector."""
    noise = 1e-4 if generator.uniform() < _SHARE_EXACT else np.exp(generator.uniform(*np.log(_NOISE)))
    unseen = tables.unseen[generator.choice(len(tables.unseen), p=tables.unseen_shares / tables.unseen_shares.sum())]
    is_clean = generator.uniform() < _SHARE_CLEAN

    def rare(most: float) -> float:
        return 0.0 if is_clean else most * generator.uniform()

    return TrackDetector(
        noise=noise,
        missing=0.15 * generator.uniform() ** 2,
        outliers=rare(0.06),
        swaps=rare(0.04),
        unseen=tuple(slot for slot, is_unseen in zip(slots, unseen, strict=True) if is_unseen),
        drift_share=generator.uniform(0.2, 0.8),
        drift_time=np.exp(generator.uniform(*np.log((0.15, 1.2)))),
        missing_runs=0.1 * generator.uniform() ** 2,
        outlier_runs=rare(0.03),
        swap_runs=rare(0.03),
        is_cropped=bool(generator.uniform() < 0.85),
    )


def detect_slots(
    slot_points_px: np.ndarray,
    height_px: np.ndarray,
    times: np.ndarray,
    image_size: np.ndarray,
    tables: DetectionTables,
    slots: tuple[str, ...],
    generator: np.random.Generator,
) -> np.ndarray:
    """Simulate the detections of one video in any layout.

    Args:
        slot_points_px: (T, S, 2) true places of all slots [px].
        height_px: (T,) height of the person when standing [px].
        times: (T,) [s].
        image_size: (2,) width, height [px].
        tables: of the slots.
        slots: S names.
        generator: of the draws.
    Returns:
        (T, S, 3) x, y, confidence; zeros where nothing was found, or the layout has no such keypoint.
    """
    layout, detector = _draw_layout(tables, generator), draw_detector(tables, slots, generator)
    matrix = slot_matrix(layout, slots)
    place = matrix.argmax(axis=0)
    hidden = {layout.keypoint_names[k] for k in range(len(place)) if slots[place[k]] in detector.unseen}
    found = detect_track(
        slot_points_px[:, place], height_px, times, image_size, layout, _named(detector, tuple(hidden)), generator
    )
    kind = generator.uniform()
    confidence = found[..., 2]
    if kind < _SHARE_ONES:
        confidence = np.where(confidence > 0, 1.0, 0.0)
    elif kind < _SHARE_ONES + _SHARE_RANDOM:
        confidence = np.where(confidence > 0, generator.uniform(0.3, 1.0, size=confidence.shape), 0.0)
    confidence = confidence * ~_lost(len(times), generator)[:, None]
    weight = matrix * confidence[:, None]
    total = np.maximum(weight.sum(axis=-1, keepdims=True), 1e-12)
    return np.concatenate([weight @ found[..., :2] / total, weight.max(axis=-1, keepdims=True)], axis=-1)


def _draw_layout(tables: DetectionTables, generator: np.random.Generator) -> Layout:
    shares = tables.layout_shares[:-1]  # without the last, all slots at once, which no detector has
    return list(LAYOUTS.values())[generator.choice(len(shares), p=shares / shares.sum())]


def _named(detector: TrackDetector, unseen: tuple[str, ...]) -> TrackDetector:
    return TrackDetector(**(vars(detector) | {"unseen": unseen}))


def _lost(num_frames: int, generator: np.random.Generator) -> np.ndarray:
    """(T,) whether the whole person is lost."""
    is_lost = np.zeros(num_frames, bool)
    if generator.uniform() < _SHARE_LOST:
        for _ in range(generator.integers(1, 4)):
            start = generator.integers(num_frames)
            is_lost[start : start + generator.integers(*_LOST_FRAMES)] = True
    return is_lost
