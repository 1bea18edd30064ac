"""A motion in the arrays of AMASS's files, which Blender's SMPL-X add-on and loaders of motion data read.

AMASS has SMPL-H poses, a world with z up, and the betas of a sequence once. The camera of the fit is taken to be level and to stand at the
origin; a point (x, y, z) in its frame (x right, y down, z forward) becomes (x, z, -y): x right, y forward, z up.

Source: the data page of AMASS (Mahmood et al., ICCV 2019) and the arrays of its files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.frames import Z_UP_FROM_CAMERA, turned_about_root
from smplify_jax.result.world import has_z_up

NUM_POSE, NUM_SHARED_POSE, NUM_BETAS = 156, 66, 16
"""52 joints, of which the first 22 are SMPL's; the fingers, which are not fitted, are zero, and SMPL's two hands are not among them."""


def amass_arrays(
    pose: np.ndarray,
    betas: np.ndarray,
    transl: np.ndarray,
    pelvis: np.ndarray,
    *,
    frame_rate: float,
    gender: str,
    body_name: str,
    is_z_up: bool = False,
) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file.

    Args:
        pose: (T, P) axis-angle of the root and the other joints in the camera frame [rad]; the first 66 numbers are used.
        betas: (B,) of the person.
        transl: (T, 3) in the camera frame [m].
        pelvis: (T, 3) position of the root joint in the camera frame [m].
        frame_rate: [1/s].
        gender: of the body.
        body_name: the body that the betas belong to.
        is_z_up: whether the arrays are in a world with z up already.
    Returns:
        poses (T, 156) [rad], trans (T, 3) [m], betas (16,), gender, the frame rate under both of its names, and the two notes
        surface_model_type and body_name, which readers of AMASS leave alone.
    """
    rotation = Rotation.identity() if is_z_up else Rotation.from_matrix(Z_UP_FROM_CAMERA)
    root, turned_transl = turned_about_root(pose[:, :3], transl, pelvis, rotation)
    poses = np.zeros((len(pose), NUM_POSE))
    poses[:, :3] = root
    poses[:, 3:NUM_SHARED_POSE] = pose[:, 3:NUM_SHARED_POSE]
    padded = np.zeros(NUM_BETAS)
    padded[: len(betas)] = betas[:NUM_BETAS]
    return {
        "poses": poses,
        "trans": turned_transl,
        "betas": padded,
        "gender": np.array(gender),
        # AMASS uses the first name in its SMPL-H files and the second in its SMPL-X files; readers look for either.
        "mocap_framerate": np.array(frame_rate),
        "mocap_frame_rate": np.array(frame_rate),
        "surface_model_type": np.array("smplh"),
        "body_name": np.array(body_name),
    }


def to_amass(result: Any, frame_rate: float) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file for one person in T frames: `np.savez("walk.npz", **result.to_amass(30))`.

    AMASS cannot leave out a frame: frames without a body hold that of the frame before, or the first one. The added array `is_fitted` is
    False there, and where the body was filled in from other frames.

    Args:
        result: one person's frames. A fit to calibrated cameras, or to points in space, keeps its world frame, whose z is taken to point
            up.
        frame_rate: frames per second of the T frames.
    Returns:
        The arrays of `amass_arrays`, of which trans is for any SMPL body the pelvis less that of the rest pose; and is_fitted (T,).
    Raises:
        InputError: no frame has a body, there are several people, or the frames have different betas, as `fit` gives them.
    """
    if not 0 < frame_rate < np.inf:
        raise InputError(f"frame_rate is {frame_rate}: give a positive number of frames per second.")
    if result.status.ndim > 1:
        raise InputError(
            f"This result has frames of {result.status.shape[0]} people, and AMASS a file for each: write result[0] first."
        )
    statuses = result.statuses()
    frames = held([status.is_usable for status in statuses])
    pose = np.concatenate([np.atleast_2d(result.global_orient), np.atleast_2d(result.body_pose)], axis=1)
    betas = np.atleast_2d(result.betas)[frames]
    if (betas != betas[0]).any():
        raise InputError(
            "The frames have different betas, and AMASS has one shape for all: fit them together, or write them one by one."
        )
    arrays = amass_arrays(
        pose[frames],
        betas[0],
        np.atleast_2d(result.transl)[frames],
        np.asarray(result.joints).reshape(-1, *result.joints.shape[-2:])[frames, 0],
        frame_rate=frame_rate,
        gender=result.body.gender or "neutral",
        body_name=result.body.name,
        is_z_up=has_z_up(result),
    )
    return arrays | {"is_fitted": np.array([status.is_fitted for status in statuses])}


def held(is_usable: Sequence[bool] | np.ndarray) -> np.ndarray:
    """(T,) for each frame the last one up to it that has a body; the first that has one, for the frames before it.

    Raises:
        InputError: no frame has one.
    """
    if not any(is_usable):
        raise InputError("No frame of this result has a body, so there is no motion to write: see its statuses.")
    last = np.maximum.accumulate(np.where(is_usable, np.arange(len(is_usable)), -1))
    return np.where(last < 0, np.argmax(is_usable), last)
