"""Keypoints that are not those of one person: parts of two people, points in a wrong order.

Exchanged sides are not among them, for nobody can see them: in a picture without perspective, they are the true keypoints of the body's
mirror image in depth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.learn.people import LOWER_BODY

Change = Callable[[np.ndarray, Layout, np.random.Generator], np.ndarray]


def of_two_people(keypoints: np.ndarray, layout: Layout, generator: np.random.Generator) -> np.ndarray:
    """The lower body of somebody else who stands at the same place, as large. (N, K, 3) to (N, K, 3)."""
    is_low = np.array([any(part in name for part in LOWER_BODY) for name in layout.keypoint_names])
    middle, size = _middles_and_sizes(keypoints)
    other = np.roll(np.arange(len(keypoints)), 1 + int(generator.integers(max(1, len(keypoints) - 1))))
    changed = keypoints.copy()
    moved = (keypoints[other, :, :2] - middle[other]) / size[other] * size + middle
    changed[:, is_low] = np.concatenate([moved, keypoints[other, :, 2:]], axis=2)[:, is_low]
    return changed


def in_wrong_order(keypoints: np.ndarray, layout: Layout, generator: np.random.Generator) -> np.ndarray:
    """As many points in another order, a new one for everybody: of a layout that was mistaken for another. (N, K, 3) to (N, K, 3)."""
    return np.stack([generator.permutation(one) for one in keypoints])


WRONG: dict[str, Change] = {
    "two people": of_two_people,
    "wrong order": in_wrong_order,
}
"""By the names of groups of people."""


def changed(keypoints: np.ndarray, layout: str, change: str, seed: int) -> np.ndarray:
    """Keypoints (N, K, 3) that are wrong in one of the ways of `WRONG`."""
    return WRONG[change](keypoints, get_layout(layout), np.random.default_rng([seed, 11]))


def _middles_and_sizes(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1, 2) middle and (N, 1, 1) size [px] of what was found of each person."""
    points = np.where(keypoints[..., 2:] > 0, keypoints[..., :2].astype(float), np.nan)
    middle = np.nanmedian(points, axis=1, keepdims=True)
    size = np.nanmedian(np.linalg.norm(points - middle, axis=2), axis=1)
    return middle, np.maximum(size, 1.0)[:, None, None]
