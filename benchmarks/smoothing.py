"""What people do by hand to a video that was fitted frame by frame: a median against outliers, then a Gaussian against noise.

All filters take the time along the second axis (N, T, ...) and repeat the first and last frame beyond the ends.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.spatial.transform import Rotation

from smplify_jax import BodyModel
from smplify_jax.body.parameters import BodyParameters

MEDIAN_FRAMES = 5
GAUSSIAN_FRAMES = 2.0


def smoothed(values: np.ndarray) -> np.ndarray:
    """Numbers (N, T, ...) filtered one by one: the median of 5 frames, then a Gaussian with a standard deviation of 2."""
    size = (1, MEDIAN_FRAMES, *[1] * (values.ndim - 2))
    return gaussian_filter1d(median_filter(values, size=size, mode="nearest"), GAUSSIAN_FRAMES, axis=1, mode="nearest")


def smoothed_rotations(vectors: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (N, T, ..., 3) [rad], filtered as matrices, whose entries do not jump, and made rotations again."""
    shape = vectors.shape
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*shape[:-1], 9)
    left, _, right = np.linalg.svd(smoothed(matrices).reshape(-1, 3, 3))
    left[:, :, 2] *= np.linalg.det(left @ right)[:, None]
    return Rotation.from_matrix(left @ right).as_rotvec().reshape(shape)


def smoothed_bodies(body: BodyModel, fitted: BodyParameters) -> BodyParameters:
    """Bodies (N, T, ...) of every frame as a video's: rotations and the pelvis's path are smoothed, and the shape is the median one."""
    orient, pose, betas, transl = (np.asarray(block, float) for block in fitted.blocks().values())
    shape = np.broadcast_to(np.median(betas, axis=1, keepdims=True), betas.shape)
    pelvis = transl + _rest_pelvis(body, betas)
    turns = np.concatenate([orient, pose], axis=-1)
    turns = smoothed_rotations(turns.reshape(*turns.shape[:2], -1, 3)).reshape(turns.shape)
    return BodyParameters(turns[..., :3], turns[..., 3:], shape, smoothed(pelvis) - _rest_pelvis(body, shape))


def _rest_pelvis(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """(N, T, 3) the pelvis of the body at rest: rotations are about it, so it is where it is put, whatever the pose."""
    weights = np.asarray(body.J_regressor[0], float)
    template, directions = np.asarray(body.v_template, float), np.asarray(body.shapedirs, float)
    return weights @ template + betas @ np.einsum("v,vcb->cb", weights, directions)[:, : betas.shape[-1]].T


def smoothed_keypoints(keypoints: np.ndarray) -> np.ndarray:
    """Detections (N, T, K, 3) with the same filters, those of a frame counting by their confidence.

    The median is that of the found ones among 5 frames; a keypoint that was found in none of them stays missing. The Gaussian's mean is
    weighted by confidence, and the confidence is its mean over the frames, so that of a filled gap is lower.
    """
    is_found = np.asarray(keypoints[..., 2] > 0)
    points = np.where(is_found[..., None], keypoints[..., :2], np.nan)
    half = MEDIAN_FRAMES // 2
    padded = np.pad(points, ((0, 0), (half, half), (0, 0), (0, 0)), constant_values=np.nan)
    windows = np.stack([padded[:, first : first + points.shape[1]] for first in range(MEDIAN_FRAMES)])
    is_known = np.asarray(np.isfinite(windows[..., 0]).any(axis=0))
    median = np.nanmedian(np.where(is_known[..., None], windows, 0.0), axis=0)
    confidence = np.where(is_found, keypoints[..., 2], 0.0)
    weight = np.where(is_known, np.maximum(confidence, 1e-6), 0.0)
    total = gaussian_filter1d(weight, GAUSSIAN_FRAMES, axis=1, mode="nearest")
    mean = gaussian_filter1d(weight[..., None] * median, GAUSSIAN_FRAMES, axis=1, mode="nearest")
    mean /= np.maximum(total, 1e-12)[..., None]
    level = gaussian_filter1d(confidence, GAUSSIAN_FRAMES, axis=1, mode="nearest")
    out = np.concatenate([mean, level[..., None]], axis=-1)
    return np.where(is_known[..., None], out, 0.0).astype(np.float32)
