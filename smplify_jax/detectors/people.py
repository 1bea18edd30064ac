"""Put what was found in pictures into a `KeypointSet`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout


def people_of(
    layout: str,
    keypoints: np.ndarray,
    image_size: tuple[int, int],
    *,
    track_ids: Sequence[str] | None = None,
    frame: int = 0,
) -> KeypointSet:
    """The people of one picture or frame.

    Args:
        layout: its name; K keypoints.
        keypoints: (N, K, 3) x, y [px], confidence in [0, 1]; 0 where not observed.
        image_size: width and height [px].
        track_ids: N ids through the frames, where they are known.
        frame: its number in the video.
    Returns:
        Each person's box is that of the observed keypoints.
    """
    rows = np.array(keypoints, np.float32).reshape(-1, get_layout(layout).num_keypoints, 3)
    rows[~(np.isfinite(rows).all(axis=-1) & (rows[..., 2] > 0))] = 0.0
    count = len(rows)
    return KeypointSet(
        keypoints=rows,
        layout=layout,
        names=tuple(f"person_{number}" for number in range(1, count + 1)),
        image_size=np.full((count, 2), image_size, np.float32),
        image_names=(None,) * count,
        boxes=np.array([_box(person) for person in rows], np.float32).reshape(count, 4),
        track_ids=("",) * count if track_ids is None else tuple(track_ids),
        videos=("",) * count,
        frames=np.full(count, frame, np.int64),
    )


def _box(rows: np.ndarray) -> np.ndarray:
    """(4,) left, top, width, height [px]; NaN without keypoints."""
    seen = rows[rows[:, 2] > 0][:, :2]
    if not len(seen):
        return np.full(4, np.nan)
    return np.concatenate([seen.min(axis=0), np.ptp(seen, axis=0)])
