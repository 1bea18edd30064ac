"""Errors of fitted motions against true ones: poses, accelerations, paths, shapes and feet."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.measure import t_posed
from smplify_jax import BodyModel
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

SHOWN = [joint for joint, name in enumerate(SMPL_JOINT_NAMES) if not name.endswith("hand")]
"""Joints whose accelerations count: no keypoint shows how hands turn at the wrist, and capture sometimes turns them the wrong way round."""

FEET = [joint for joint, name in enumerate(SMPL_JOINT_NAMES) if name.endswith(("ankle", "foot"))]

PLANTED = 0.15
"""[m/s] A foot counts as planted where its true joint moves slower. Those of the recordings that stand move at about 0.05."""


def track_errors(
    joints: np.ndarray, truth: np.ndarray, betas: np.ndarray, true_betas: np.ndarray, body: BodyModel, fps: float
) -> dict[str, float]:
    """One row of the table.

    Args:
        joints: (N, T, 24, 3) fitted, camera frame [m].
        truth: (N, T, 24, 3).
        betas: (N, T, B) fitted.
        true_betas: (N, T, B).
        body: of all people.
        fps: frames per second.
    """
    joints, truth = np.asarray(joints, float), np.asarray(truth, float)
    local, true_local = joints - joints[:, :, :1], truth - truth[:, :, :1]
    error = acceleration_error(local[:, :, SHOWN], true_local[:, :, SHOWN], fps)
    return {
        "pa_mpjpe_mm": 1000
        * float(np.mean([pa_mpjpe(*pair) for pair in zip(_frames(joints), _frames(truth), strict=True)])),
        "mpjpe_mm": 1000 * float(np.linalg.norm(local - true_local, axis=-1).mean()),
        "acceleration": error,
        "acceleration_camera": acceleration_error(joints[:, :, SHOWN], truth[:, :, SHOWN], fps),
        "mm_per_frame2": 1000 * error / fps**2,
        "energy_ratio": energy_ratio(local[:, :, SHOWN], true_local[:, :, SHOWN]),
        "path_mm": 1000 * float(np.linalg.norm(joints[:, :, 0] - truth[:, :, 0], axis=-1).mean()),
        "path_shape_mm": 1000 * path_shape_error(joints[:, :, 0], truth[:, :, 0]),
        "shape_mm": shape_error(body, betas, true_betas),
        "sliding": foot_sliding(joints, truth, fps),
    }


def _frames(joints: np.ndarray) -> np.ndarray:
    return joints.reshape(-1, *joints.shape[2:])


def accelerations(points: np.ndarray, fps: float) -> np.ndarray:
    """Second differences (N, T - 2, ..., 3) along the second axis [m/s²]."""
    return np.diff(points, n=2, axis=1) * fps**2


def acceleration_error(points: np.ndarray, truth: np.ndarray, fps: float) -> float:
    """Mean length of the difference of accelerations [m/s²]."""
    return float(np.linalg.norm(accelerations(points - truth, fps), axis=-1).mean())


def energy_ratio(points: np.ndarray, truth: np.ndarray) -> float:
    """Sum of squared accelerations over that of the truth: below 1 too smooth, above 1 shaking."""
    return float((accelerations(points, 1.0) ** 2).sum() / (accelerations(truth, 1.0) ** 2).sum())


def path_shape_error(path: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of paths (N, T, 3) after moving each as a whole onto the truth [m]."""
    difference = path - truth
    return float(np.linalg.norm(difference - difference.mean(axis=1, keepdims=True), axis=-1).mean())


def shape_error(body: BodyModel, betas: ArrayLike, truth: ArrayLike) -> float:
    """Mean distance of the vertices of T-posed bodies, over all frames [mm]. Frames of one shape are measured once."""
    betas, truth = np.asarray(betas), np.asarray(truth)
    is_constant = bool((betas == betas[:, :1]).all())
    betas, truth = (array[:, :1] if is_constant else array for array in (betas, truth))
    difference = t_posed(body, _frames(betas)) - t_posed(body, _frames(truth))
    return 1000 * float(np.linalg.norm(difference, axis=-1).mean())


def foot_sliding(joints: np.ndarray, truth: np.ndarray, fps: float) -> float:
    """Mean speed of the ankles and toes in the frames in which the true ones are planted [m/s]."""
    speed, true_speed = (
        fps * np.linalg.norm(np.diff(points[:, :, FEET], axis=1), axis=-1) for points in (joints, truth)
    )
    is_planted = true_speed < PLANTED
    return float(speed[is_planted].mean()) if is_planted.any() else float("nan")
