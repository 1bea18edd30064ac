"""Reprojection loss of fits in a crop of fixed size, so that losses of different pictures are comparable. It needs only NumPy."""

from __future__ import annotations

import numpy as np

LOSS_CROP_PX = 256.0
LOSS_SIGMA_PX = 100.0


def reprojection_loss(keypoints: np.ndarray, keypoints_px: np.ndarray, crop_side_px: np.ndarray) -> np.ndarray:
    """Sum over the keypoints of conf^2 s^2 e^2 / (s^2 + e^2), with e their distance in a crop of 256 px and s = 100 px.

    The loss is invariant to the picture's resolution, and to rotations and reflections of both arguments. It is SMPLify's data term applied
    to the distance rather than to each coordinate, because the robust loss of single coordinates depends on the picture's rotation.

    Args:
        keypoints: (N, K, 3) detected: x, y [px], confidence; above 1 counts as 1.
        keypoints_px: (N, K, 2) fitted [px]; NaN for those that the body does not define, which are left out.
        crop_side_px: (N,).
    Returns:
        (N,), NaN for people without a fitted keypoint.
    """
    squared = ((keypoints_px - keypoints[..., :2]) ** 2).sum(axis=-1) * (LOSS_CROP_PX / crop_side_px[:, None]) ** 2
    confidence = np.clip(keypoints[..., 2], 0.0, 1.0)
    is_used = np.isfinite(squared) & (confidence > 0)
    robust = LOSS_SIGMA_PX**2 * squared / (LOSS_SIGMA_PX**2 + squared)
    loss = np.where(is_used, confidence**2 * robust, 0.0).sum(axis=1)
    return np.where(is_used.any(axis=1), loss, np.nan)
