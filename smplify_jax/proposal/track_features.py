"""What the temporal network sees of a track, and the same of the mirrored track."""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.geometry.mirror import mirror_map
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.proposal.network import NUM_BETAS, NUM_BODY_POSE, NUM_SMPL_JOINTS
from smplify_jax.proposal.slots import slot_layout
from smplify_jax.proposal.temporal_network import OUTPUT_SIZE
from smplify_jax.proposal.track_smoothing import Track
from smplify_jax.proposal.view import shortest_turn

_MAX_RESIDUAL = 0.3  # heights
_RESIDUAL_SCALE, _TURN_SCALE, _PELVIS_SCALE = 20.0, 4.0, 10.0  # make the features vary alike


def feature_size(num_slots: int) -> int:
    """Length F of the features of one frame."""
    return 9 * NUM_SMPL_JOINTS + NUM_BODY_POSE + 4 * num_slots + 3 * NUM_BETAS + 5


def track_features(
    raw: Track, base: Track, residuals: Array, log_noise: Array, is_slot_seen: Array, is_seen: Array
) -> Array:
    """Features (T, F).

    Args:
        raw: the proposals of the frames, filled where frames are missing.
        base: the smoothed track.
        residuals: (T, S, 2) detections minus where the smoothed track has them, in heights.
        log_noise: (T, S) log of the proposed noise of the detections [heights].
        is_slot_seen: (T, S) 1.0 where detected.
        is_seen: (T,) whether the frame was.
    """
    num_frames, seen = len(is_seen), is_seen[:, None].astype(residuals.dtype)
    view = jax.vmap(shortest_turn)(_directions(base.pelvis))
    rotations = jnp.concatenate([(view @ base.rotations[:, 0])[:, None], base.rotations[:, 1:]], axis=1)
    turns = matrix_to_axis_angle(jnp.swapaxes(base.rotations, -1, -2) @ raw.rotations)
    seen_residuals = _RESIDUAL_SCALE * jnp.clip(residuals, -_MAX_RESIDUAL, _MAX_RESIDUAL) * is_slot_seen[..., None]
    off_pelvis = raw.pelvis - base.pelvis
    height_per_ray = jnp.exp(base.pelvis[:, 2:]) / PERSON_HEIGHT
    return jnp.concatenate(
        [
            jnp.moveaxis(rotations[..., :2], -1, -2).reshape(num_frames, -1),
            _TURN_SCALE * jnp.clip(turns, -1.0, 1.0).reshape(num_frames, -1),
            raw.log_std_pose + 1.5,
            seen_residuals[..., 0],
            seen_residuals[..., 1],
            (log_noise + 3.5) * is_slot_seen,
            is_slot_seen,
            raw.betas - base.betas,
            base.betas,
            raw.log_std_betas,
            _PELVIS_SCALE * jnp.clip(off_pelvis[:, :2] * height_per_ray, -0.5, 0.5),
            _PELVIS_SCALE * jnp.clip(off_pelvis[:, 2:], -0.5, 0.5),
            base.pelvis[:, 2:] - np.log(5.0),
            seen,
        ],
        axis=-1,
    )


@lru_cache(maxsize=8)
def feature_mirror(slots: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Order and signs (F,) that turn the features of a track into those of its mirror image."""
    flip, num_slots = np.array(slot_layout(slots).flip), len(slots)
    pose_order, pose_signs = mirror_map(NUM_BODY_POSE)
    turns = mirror_map(3 * NUM_SMPL_JOINTS)
    ones = np.ones(num_slots)
    same = [(np.arange(NUM_BETAS), np.ones(NUM_BETAS))] * 3
    return _joined(
        [
            _sixes_mirror(),
            turns,
            (pose_order, np.abs(pose_signs)),
            (flip, -ones),
            (flip, ones),
            (flip, ones),
            (flip, ones),
            *same,
            (np.arange(2), np.array([-1.0, 1.0])),
            (np.arange(3), np.ones(3)),
        ]
    )


@lru_cache(maxsize=1)
def output_mirror() -> tuple[np.ndarray, np.ndarray]:
    """Order and signs (O,) for the outputs, see `split_corrections`."""
    pose_order, pose_signs = mirror_map(NUM_BODY_POSE)
    num_rest = 2 * NUM_BETAS + 1
    order, signs = _joined(
        [
            _sixes_mirror(),
            (np.arange(3), np.array([-1.0, 1.0, 1.0])),
            (pose_order, np.abs(pose_signs)),
            (np.arange(num_rest), np.ones(num_rest)),
        ]
    )
    assert len(order) == OUTPUT_SIZE
    return order, signs


def _sixes_mirror() -> tuple[np.ndarray, np.ndarray]:
    """For the first two columns of the joints' rotations: R becomes S R S with S = diag(-1, 1, 1)."""
    partner = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES])
    signs = np.array([1.0, -1.0, -1.0, -1.0, 1.0, 1.0])  # x, y, z of the first column, then of the second
    return (6 * partner[:, None] + np.arange(6)).ravel(), np.tile(signs, NUM_SMPL_JOINTS)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *(len(order) for order, _ in parts)])
    order = np.concatenate([order + start for (order, _), start in zip(parts, starts, strict=False)])
    return order, np.concatenate([signs for _, signs in parts]).astype(np.float32)


def _directions(pelvis: Array) -> Array:
    """(T, 3) unit vectors towards the pelvis."""
    rays = jnp.concatenate([pelvis[:, :2], jnp.ones_like(pelvis[:, :1])], axis=-1)
    return rays / jnp.linalg.norm(rays, axis=-1, keepdims=True)
