"""Any layout's keypoints in the slots of SPIN's 49, of which 4D-Humans keeps the first 44."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from smplify_jax.keypoints.layouts import get_layout

NUM_OPENPOSE, NUM_SPIN, NUM_4DHUMANS = 25, 49, 44

_FLAGS = (0.0, 0.5, 1.0)

_NAMED_ALIKE = ("spin49", "openpose25", "openpose18")


@lru_cache(maxsize=32)
def slots(layout: str, num_slots: int) -> tuple[tuple[int, int], ...]:
    """Pairs (keypoint of the layout, slot): a keypoint goes where the same point of the body is meant.

    What OpenPose detects goes to OpenPose's 25 slots, everything else to the annotators' 24 behind them, or, failing that, to OpenPose's:
    trainers weigh the two groups differently. A point that no slot means is left out: hips of Human3.6M are other points than those of
    annotators.
    """
    source, target = get_layout(layout), get_layout("spin49")
    pairs = []
    for index, (name, points) in enumerate(zip(source.keypoint_names, source.points, strict=True)):
        meant = [slot for slot in range(num_slots) if target.points[slot] == points]
        if layout in _NAMED_ALIKE:
            meant = [slot for slot in meant if target.keypoint_names[slot] == name]
        annotated = [slot for slot in meant if slot >= NUM_OPENPOSE]
        pairs += [(index, (annotated or meant)[0])] if meant else []
    return tuple(pairs)


def in_slots(keypoints: np.ndarray, layout: str, num_slots: int) -> np.ndarray:
    """(N, K, 3) keypoints to (N, num_slots, 3) float32; rows of zeros where there is none, or it was not observed."""
    placed = np.zeros((len(keypoints), num_slots, 3), np.float32)
    for source, slot in slots(layout, num_slots):
        placed[:, slot] = keypoints[:, source]
    is_seen = np.isfinite(placed).all(axis=-1, keepdims=True) & (placed[..., 2:] > 0)
    return np.where(is_seen, placed, 0.0).astype(np.float32)


def with_hidden_as_seen(keypoints: np.ndarray) -> np.ndarray:
    """Keypoints (N, K, 3) with annotators' flags weighted as trainers weight them: 1, whether the point is hidden or seen."""
    # A half and a whole are COCO's flags, as its reader writes them; no detector gives these alone.
    is_flagged = np.isin(keypoints[..., 2], _FLAGS).all(axis=1)
    weighted = keypoints.copy()
    weighted[is_flagged, :, 2] = weighted[is_flagged, :, 2] > 0
    return weighted


def with_annotated_filled(placed: np.ndarray) -> np.ndarray:
    """The 49 slots (N, 49, 3); of who has nothing in the annotators' 24, with what OpenPose found of the same points there, too.

    SPIN's trainer weighs OpenPose's slots with 0 in its loss, and reckons the depth of a body from the annotators' alone: of people without
    any, the equations are singular, and it stops.
    """
    filled, is_bare = placed.copy(), ~(placed[:, NUM_OPENPOSE:, 2] > 0).any(axis=1)
    for source, slot in _twins():
        filled[is_bare, slot] = placed[is_bare, source]
    return filled


@lru_cache(maxsize=1)
def _twins() -> tuple[tuple[int, int], ...]:
    """Pairs (OpenPose's slot, annotators' slot) of the same point of the body."""
    points = get_layout("spin49").points
    return tuple(
        (source, slot)
        for slot in range(NUM_OPENPOSE, NUM_SPIN)
        for source in range(NUM_OPENPOSE)
        if points[source] == points[slot]
    )
