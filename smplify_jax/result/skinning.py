"""A person's frames as a browser poses them: one mesh, a few directions in which poses move it, and the joints' transforms.

Displacements before skinning are linear in the betas and in 9 numbers a joint (207 for SMPL), and a motion passes through few of their
combinations. Their principal directions reproduce them: 300 frames of the example video need 3, and 300 frames through 12 random poses of
the prior 13, for 0.2 mm in the root mean square over the vertices of any frame, and less than 2 mm at each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.body.model import BodyModel, pose_feature
from smplify_jax.geometry.frames import upright_from
from smplify_jax.result.world import has_z_up

_FRAMES_AT_ONCE = 16
"""Always the same number, for which one program is compiled."""

_TOLERANCE = 3e-4
"""[m] What leaving out directions may cost the vertices of a frame, in the root mean square; detectors err by centimetres."""

_MAX_DIRECTIONS = 24


class Skinned(NamedTuple):
    """One person in T frames, in a world with y up.

    Attributes:
        rest: (V, 3) [m].
        displacements: (M, V, 3), each with a largest value of 1.
        amounts: (T, M) of the displacements [m].
        transforms: (T, J, 3, 4); NaN for frames without a body.
    """

    rest: np.ndarray
    displacements: np.ndarray
    amounts: np.ndarray
    transforms: np.ndarray


def skinned(result: Any) -> Skinned:
    """The frames of one person. Frames that were fitted apart have shapes of their own: their betas move vertices as poses do.

    Args:
        result: a `FitResult` with a leading axis of T frames.
    """
    body: BodyModel = result.body
    has_body = np.asarray(np.isfinite(np.asarray(result.transl)).all(axis=-1))
    used = np.flatnonzero(has_body)
    num_frames, num_joints = len(has_body), body.num_joints
    transforms = np.full((num_frames, num_joints, 3, 4), np.nan)
    if not len(used):
        v_template = np.asarray(body.v_template)
        return Skinned(v_template, np.zeros((0, *v_template.shape)), np.zeros((num_frames, 0)), transforms)
    betas = np.asarray(result.betas, np.float32)[used]
    pose = np.concatenate([np.asarray(result.global_orient), np.asarray(result.body_pose)], axis=-1)[used]
    rotations, offsets, features = _posed(body, betas, pose.astype(np.float32))
    turn = upright_from(is_z_up=has_z_up(result))
    transforms[used, ..., :3] = turn @ rotations
    transforms[used, ..., 3] = (offsets + np.asarray(result.transl)[used, None]) @ turn.T
    features = np.concatenate([betas, features], axis=1)
    moves = np.concatenate([np.asarray(body.shapedirs)[..., : betas.shape[1]], np.asarray(body.posedirs)], axis=-1)
    mean = features.mean(axis=0)
    directions, shares = _principal(features - mean, moves)
    amounts = np.zeros((num_frames, len(directions)))
    amounts[used] = shares
    return Skinned(np.asarray(body.v_template) + moves @ mean, directions, amounts, transforms)


def _posed(body: BodyModel, betas: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rotations (T, J, 3, 3) and offsets (T, J, 3) of the joints, and pose features (T, 9 (J - 1))."""
    starts = range(0, len(pose), _FRAMES_AT_ONCE)
    padded = np.minimum(np.arange(len(starts) * _FRAMES_AT_ONCE), len(pose) - 1)
    chosen = [padded[start : start + _FRAMES_AT_ONCE] for start in starts]
    parts = [_posed_part(body, betas[frames], pose[frames]) for frames in chosen]
    return tuple(np.concatenate([np.asarray(part[k]) for part in parts])[: len(pose)] for k in range(3))


@jax.jit
def _posed_part(body: BodyModel, betas: jax.Array, pose: jax.Array) -> tuple[jax.Array, ...]:
    shaped = body.with_shape(betas)
    posed = shaped.with_pose(pose[:, :3], pose[:, 3:])
    offsets = posed.joints - jnp.einsum("tjab,tjb->tja", posed.rotations, shaped.rest_joints)
    return posed.rotations, offsets, pose_feature(posed.local_rotations)


def _principal(features: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (M, V, 3) and amounts (T, M) whose products are the displacements of centred features (T, P), nearly.

    The displacements D = F P of T frames are not formed, which would be T meshes: with P P' = L L', the products of F L are those of D.
    """
    num_vertices = len(moves)
    if len(features) == 1:
        return np.zeros((0, num_vertices, 3)), np.zeros((1, 0))
    flat = moves.reshape(3 * num_vertices, -1).T.astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    turned = features @ (vectors * np.sqrt(np.maximum(values, 0)))
    _, axes = np.linalg.eigh(turned.T @ turned)
    scores = turned @ axes[:, ::-1]  # the largest first
    # What the directions after the first m leave of each frame, by m.
    left_over = np.sqrt((scores**2)[:, ::-1].cumsum(axis=1)[:, ::-1].max(axis=0) / num_vertices)
    count = min(int((left_over > _TOLERANCE).sum()), _MAX_DIRECTIONS)
    scores = scores[:, :count]
    directions = (scores / (scores**2).sum(axis=0)).T @ features @ flat
    largest = np.abs(directions).max(axis=1, initial=1e-12)
    return (directions / largest[:, None]).reshape(count, num_vertices, 3), scores * largest
