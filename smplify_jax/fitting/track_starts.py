"""Where a track starts: the proposals of its frames without those that disagree with their neighbours, and gaps filled in."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from smplify_jax.body.parameters import BodyParameters

MEDIAN_REACH = 4
"""Frames on each side among which a frame takes the most typical proposal."""

_ROOT_WEIGHT = 4.0
"""How much the root's orientation counts against one joint's, when proposals are compared: a body that faces the wrong way is the worst."""


def typical_start(proposed: BodyParameters, is_seen: np.ndarray, times: np.ndarray) -> BodyParameters:
    """Where a track starts.

    Args:
        proposed: (T, ...) bodies, meaningless where nobody is seen.
        is_seen: (T,)
        times: (T,) [s].
    Returns:
        (T, ...) float32: each frame's most typical pose and place of those around it, continuous in time and without gaps.
    """
    pose = np.concatenate([proposed.global_orient, proposed.body_pose], axis=-1).astype(np.float64)
    pose = pose.reshape(len(pose), -1, 3)
    places = typical_places(np.asarray(proposed.transl, np.float64), is_seen)
    pose, transl = filled(pose[typical_rows(pose, is_seen)], places, is_seen, times)
    pose = continuous(pose).astype(np.float32)
    return BodyParameters(
        global_orient=pose[:, 0],
        body_pose=pose[:, 1:].reshape(len(pose), -1),
        betas=np.asarray(proposed.betas, np.float32),
        transl=transl.astype(np.float32),
    )


def typical_rows(pose: np.ndarray, is_seen: np.ndarray, reach: int = MEDIAN_REACH) -> np.ndarray:
    """For each frame, which of the frames around it has the proposal that is closest to all others: a median of rotations.

    Args:
        pose: (T, J, 3) axis-angle, the root first [rad].
        is_seen: (T,) frames without a proposal are never taken.
        reach: frames on each side.
    Returns:
        (T,) rows; a frame that sees no proposal around it has its own row.
    """
    num_frames = len(pose)
    matrices = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(num_frames, -1, 9)
    weights = np.ones(matrices.shape[1])
    weights[0] = _ROOT_WEIGHT
    # How far each frame is from those after it, for each lag: everything that windows need.
    distances = np.zeros((2 * reach + 1, num_frames))
    for lag in range(1, min(2 * reach, num_frames - 1) + 1):
        cosine = 0.5 * (np.einsum("tjc,tjc->tj", matrices[lag:], matrices[:-lag]) - 1.0)
        distances[lag, : num_frames - lag] = np.arccos(np.clip(cosine, -1.0, 1.0)) @ weights
    rows = np.arange(num_frames)
    for frame in range(num_frames):
        around = np.arange(max(0, frame - reach), min(num_frames, frame + reach + 1))
        around = around[is_seen[around]]
        if around.size:
            lags = np.abs(around[:, None] - around)
            total = distances[lags, np.minimum(around[:, None], around)].sum(axis=1)
            # Of equals the nearest: where all agree, a frame keeps its own.
            rows[frame] = around[np.lexsort((np.abs(around - frame), total))[0]]
    return rows


def typical_places(transl: np.ndarray, is_seen: np.ndarray, reach: int = MEDIAN_REACH) -> np.ndarray:
    """(T, 3) for each frame the median, axis by axis, of the translations (T, 3) of the seen frames around it, or its own."""
    places = transl.copy()
    for frame in range(len(transl)):
        around = slice(max(0, frame - reach), frame + reach + 1)
        if is_seen[around].any():
            places[frame] = np.median(transl[around][is_seen[around]], axis=0)
    return places


def filled(
    pose: np.ndarray, transl: np.ndarray, is_known: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate pose (T, J, 3) and translation (T, 3) between the known frames, and repeat the first and last known one beyond them."""
    if is_known.all() or not is_known.any():
        return pose, transl
    known, held = np.flatnonzero(is_known), ~is_known
    at = np.clip(times, times[known[0]], times[known[-1]])[held]
    pose, transl = pose.copy(), transl.copy()
    transl[held] = np.stack([np.interp(at, times[known], axis) for axis in transl[known].T], axis=-1)
    if len(known) == 1:
        pose[held] = pose[known]
        return pose, transl
    for joint in range(pose.shape[1]):
        turning = Slerp(times[known], Rotation.from_rotvec(pose[known, joint]))
        pose[held, joint] = turning(at).as_rotvec()
    return pose, transl


def continuous(pose: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (T, J, 3) of the same rotations, without jumps by a full turn from frame to frame [rad]."""
    pose = pose.copy()
    for frame in range(1, len(pose)):
        angle = np.linalg.norm(pose[frame], axis=-1, keepdims=True)
        other = pose[frame] * (1.0 - 2.0 * np.pi / np.maximum(angle, 1e-9))
        last = pose[frame - 1]
        is_nearer = np.linalg.norm(other - last, axis=-1) < np.linalg.norm(pose[frame] - last, axis=-1)
        jumps = is_nearer & (angle[:, 0] > 0.5 * np.pi)
        pose[frame, jumps] = other[jumps]
    return pose
