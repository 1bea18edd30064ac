"""Starts like networks': true bodies with errors that grow along limbs and lie mostly along the view.

A network that sees a picture gets the picture plane nearly right and the depth wrong: a bone is turned about an axis in the picture plane.
A mistake at a joint carries on to the next, since networks predict rotations relative to the parent.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS

_PART_SIZES = {
    "pelvis": 0.6, "hip": 0.9, "knee": 1.0, "ankle": 1.1, "foot": 1.2, "spine": 0.6, "neck": 0.7, "collar": 0.6, "head": 0.8,
    "shoulder": 1.1, "elbow": 1.5, "wrist": 1.6, "hand": 1.7,
}  # fmt: skip
"""How wrong the orientation of each part is, relative to the others: more towards hands and feet, as published tables by joint show."""

_NUM_BISECTIONS = 12  # of the size of a person's errors: to 0.1 % of 3 rad


@dataclass(frozen=True)
class StartErrors:
    """How starts differ from the truth.

    Attributes:
        pa_mpjpe_mm: the typical person's.
        spread: standard deviation of the logarithm of PA-MPJPE over people.
        shared: correlation of a part's error with its parent's.
        in_plane: rotations in the picture plane, relative to those that tilt a part along the view.
        std_betas: of each shape coefficient.
        repeated: share of all these variances that is alike in all frames of a track.
        seed: of all random numbers.
    """

    pa_mpjpe_mm: float = 60.0
    spread: float = 0.3
    shared: float = 0.5
    in_plane: float = 0.35
    std_betas: float = 0.7
    repeated: float = 0.5
    seed: int = 5


def make_starts(truth: BodyParameters, body: BodyModel, errors: StartErrors) -> BodyParameters:
    """Bodies (N, ...) that differ from the true ones as networks' predictions do.

    Args:
        truth: (N, ...) in the camera frame.
        body: of 24 joints.
        errors: their size and kind.
    Returns:
        With the true translation, and every other number wrong.
    """
    return _starts(truth, body, errors, 1)


def make_track_starts(truth: BodyParameters, body: BodyModel, errors: StartErrors) -> BodyParameters:
    """Bodies (N, T, ...) that differ from the true ones as networks' predictions for the frames of N videos do, see `make_starts`.

    A network makes some of its mistakes in all frames of a video alike: those that clothes, the view or its training explain.
    """
    num_tracks, num_frames = np.shape(truth.transl)[:2]
    flat = jax.tree.map(lambda block: np.asarray(block).reshape(num_tracks * num_frames, -1), truth)
    found = _starts(flat, body, errors, num_frames)
    return jax.tree.map(lambda block: block.reshape(num_tracks, num_frames, -1), found)


def _starts(truth: BodyParameters, body: BodyModel, errors: StartErrors, num_frames: int) -> BodyParameters:
    """Of N frames, track by track."""
    generator = np.random.default_rng(errors.seed)
    num_people = len(truth.transl)

    def normal(*shape: int) -> np.ndarray:
        own = generator.normal(size=(num_people, *shape))
        if num_frames == 1:
            return own
        of_track = np.repeat(generator.normal(size=(num_people // num_frames, *shape)), num_frames, axis=0)
        return np.sqrt(errors.repeated) * of_track + np.sqrt(1 - errors.repeated) * own

    shape_errors = errors.std_betas * normal(np.shape(truth.betas)[1])
    turns = _part_errors(normal(len(SMPL_JOINT_NAMES), 3), errors)
    wanted = errors.pa_mpjpe_mm * np.exp(errors.spread * normal())
    true_joints = np.asarray(body.joints(**truth.blocks()), np.float64)
    parts = _part_orientations(truth)

    def started(size: np.ndarray) -> BodyParameters:
        turned = _matrices(size[:, None, None] * turns) @ parts
        local = turned.copy()
        for joint, parent in enumerate(SMPL_PARENTS):
            if parent >= 0:
                local[:, joint] = np.swapaxes(turned[:, parent], -1, -2) @ turned[:, joint]
        vectors = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_rotvec().reshape(num_people, -1, 3)
        return BodyParameters(
            global_orient=vectors[:, 0].astype(np.float32),
            body_pose=vectors[:, 1:].reshape(num_people, -1).astype(np.float32),
            betas=(np.asarray(truth.betas) + np.minimum(size, 1.0)[:, None] * shape_errors).astype(np.float32),
            transl=np.asarray(truth.transl),
        )

    low, high = np.zeros(num_people), np.full(num_people, 3.0)
    for _ in range(_NUM_BISECTIONS):
        middle = 0.5 * (low + high)
        joints = np.asarray(body.joints(**started(middle).blocks()), np.float64)
        found = 1000 * np.array([pa_mpjpe(ours, true) for ours, true in zip(joints, true_joints, strict=True)])
        low, high = np.where(found < wanted, middle, low), np.where(found < wanted, high, middle)
    return started(0.5 * (low + high))


def _part_errors(normal: np.ndarray, errors: StartErrors) -> np.ndarray:
    """(N, 24, 3) rotation vectors of each part in the camera frame, of typical length 1, from normal numbers; the camera looks along z."""
    size = np.array([_PART_SIZES[_kind(name)] for name in SMPL_JOINT_NAMES])
    own = normal * [1.0, 1.0, errors.in_plane]
    found = np.zeros_like(own)
    for joint, parent in enumerate(SMPL_PARENTS):
        if parent < 0:
            found[:, joint] = own[:, joint]
        else:
            found[:, joint] = errors.shared * found[:, parent] + np.sqrt(1 - errors.shared**2) * own[:, joint]
    return found * size[:, None]


def _kind(joint_name: str) -> str:
    return joint_name.removeprefix("left_").removeprefix("right_").rstrip("123")


def _part_orientations(bodies: BodyParameters) -> np.ndarray:
    """(N, 24, 3, 3) of each part in the camera frame."""
    num_people = len(bodies.transl)
    vectors = np.concatenate([np.asarray(bodies.global_orient), np.asarray(bodies.body_pose)], axis=1)
    parts = _matrices(vectors.reshape(num_people, -1, 3))
    for joint, parent in enumerate(SMPL_PARENTS):
        if parent >= 0:
            parts[:, joint] = parts[:, parent] @ parts[:, joint]
    return parts


def _matrices(vectors: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape[:-1], 3, 3)
