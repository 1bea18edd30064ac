"""How far fitted joints are from true ones."""

from __future__ import annotations

import numpy as np


def mpjpe(joints: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of joints (J, 3) from their truth after moving the first joint, the pelvis, onto its truth [m]."""
    return float(np.linalg.norm((joints - joints[:1]) - (truth - truth[:1]), axis=-1).mean())


def pa_mpjpe(joints: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of joints (J, 3) from their truth after the best similarity transform of the joints [m]."""
    return float(np.linalg.norm(similarity_aligned(joints, truth) - truth, axis=-1).mean())


def similarity_aligned(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points (N, 3) moved, turned (never mirrored) and scaled to lie as near the target (N, 3) as possible.

    Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 1991.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    centered, target_centered = points - points.mean(axis=0), target - target.mean(axis=0)
    left, singular_values, right = np.linalg.svd(target_centered.T @ centered)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = (singular_values * signs).sum() / max(float((centered**2).sum()), 1e-30)
    return scale * centered @ rotation.T + target.mean(axis=0)
