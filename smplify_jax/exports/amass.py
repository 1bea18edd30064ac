"""A motion in the arrays of AMASS's files, which Blender's SMPL-X add-on and loaders of motion data read.

AMASS has SMPL-H poses, a world with z up, and the betas of a sequence once. The camera of the fit is taken to be level and to stand at the
origin; a point (x, y, z) in its frame (x right, y down, z forward) becomes (x, z, -y): x right, y forward, z up.

Source: the data page of AMASS (Mahmood et al., ICCV 2019) and the arrays of its files.
"""

from __future__ import annotations

import os

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.exports.motion import BodyMotion, held, rate_of
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import Z_UP_FROM_CAMERA, turned_about_root

NUM_POSE, NUM_SHARED_POSE, NUM_BETAS = 156, 66, 16
"""52 joints, of which the first 22 are SMPL's; the fingers, which are not fitted, are zero, and SMPL's two hands are not among them."""


def write_amass(path: str | os.PathLike[str], person: BodyMotion, fps: float | None = None) -> None:
    """Write `amass_motion` to an `.npz` file, completely or not at all.

    Raises:
        InputError: as for `amass_motion`, or the file cannot be written.
    """
    arrays = amass_motion(person, fps)
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def amass_motion(person: BodyMotion, fps: float | None = None) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file for one person's motion.

    AMASS cannot leave out a frame: frames without a body hold that of the frame before, or the first one. The added array `is_fitted` is
    False there, and where the body was filled in from other frames.

    Args:
        person: the motion.
        fps: frames per second; by default those of the motion's times.
    Returns:
        The arrays of `amass_arrays`, of which trans is for any SMPL body the pelvis less that of the rest pose; and is_fitted (T,).
    Raises:
        InputError: no frame has a body, the frames have different betas, or `fps` is no positive number.
    """
    rate, frames = rate_of(person, fps), held(person.is_usable)
    arrays = amass_arrays(
        person.pose[frames],
        person.shape,
        person.transl[frames],
        person.pelvis[frames],
        frame_rate=rate,
        gender=person.body.gender or "neutral",
        body_name=person.body.name,
        is_z_up=person.is_z_up,
    )
    return arrays | {"is_fitted": person.is_fitted}


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
        poses (T, 156) [rad], trans (T, 3) [m], betas (16,), gender, the frame rate under both of its names, and two notes:
        surface_model_type, by which readers know how `poses` is laid out, "smplh" whatever was fitted; and body_name, the body that the
        betas belong to.
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
