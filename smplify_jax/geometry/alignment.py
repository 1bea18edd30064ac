"""Rigid alignment of weighted points, robust to a few that are far off."""

from __future__ import annotations

import numpy as np

_NUM_REWEIGHTINGS = 5


def rigidly_aligned(
    points: np.ndarray, target: np.ndarray, weights: np.ndarray, outlier: float
) -> tuple[np.ndarray, np.ndarray]:
    """The rotation and the shift that bring points nearest to their targets.

    Args:
        points: (B, K, 3).
        target: (B, K, 3).
        weights: (B, K).
        outlier: distance from its target at which a point counts half, in the unit of the points.
    Returns:
        R (B, 3, 3) and t (B, 3) of R x + t.
    Source: Kabsch, A solution for the best rotation to relate two sets of vectors, 1976; reweighted by Geman-McClure's function.
    """
    robust = weights
    for _ in range(_NUM_REWEIGHTINGS):
        rotation, shift = _kabsch(points, target, robust)
        distance = np.linalg.norm(np.einsum("bij,bkj->bki", rotation, points) + shift[:, None] - target, axis=-1)
        robust = weights / (1.0 + (distance / outlier) ** 2) ** 2
    return _kabsch(points, target, robust)


def _kabsch(points: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = np.maximum(weights.sum(axis=1), 1e-12)[:, None]
    own, other = ((weights[..., None] * x).sum(axis=1) / total for x in (points, target))
    covariance = np.einsum("bk,bki,bkj->bij", weights, target - other[:, None], points - own[:, None])
    left, _, right = np.linalg.svd(covariance)
    signs = np.ones((len(points), 1, 3))
    signs[:, 0, 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs) @ right
    return rotation, other - np.einsum("bij,bj->bi", rotation, own)
