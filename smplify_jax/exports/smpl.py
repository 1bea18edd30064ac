"""Avatars: the `.smpl` files that the package smplcodec and Meshcapade's tools read, y up and z towards the camera.

Source: the arrays of the format as smplcodec's documentation names them, codec version 2.
"""

from __future__ import annotations

import os

import numpy as np

from smplify_jax.exports.motion import BodyMotion, held, rate_of
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import turned_about_root

_CODEC_VERSION = 2
_NUM_JOINTS = 24
_MODELS = {_NUM_JOINTS: (0, 24), 52: (1, 22), 55: (2, 22)}
"""SMPL, SMPL-H and SMPL-X by the number of their joints: the format's code, and how many joints bodyPose has; fingers have their own."""

_GENDER_CODES = {"neutral": 0, "male": 1, "female": 2}


def write_smpl(path: str | os.PathLike[str], person: BodyMotion, fps: float | None = None) -> None:
    """Write one person's bodies as an avatar. Frames without a body hold that of the frame before, or the first one.

    Readers of the format refuse unknown arrays, so betas of the open body could not be marked as such: they are zero instead,
    SMPL's mean shape.

    Args:
        path: the file.
        person: one moment or a motion.
        fps: frames per second; by default those of the motion's times.
    Raises:
        InputError: no frame has a body, the frames have different betas, `fps` is no positive number, or the file cannot be written.
    """
    from smplify_jax.body.open_body import open_body_version  # needs JAX, and exports of stored fits do not wait for it

    rate, frames = rate_of(person, fps), held(person.is_usable)
    pose = person.pose[frames]
    turned = turned_about_root(pose[:, :3], person.transl[frames], person.pelvis[frames], person.upright_rotation)
    arrays = avatar_arrays(
        np.concatenate([turned[0], pose[:, 3:]], axis=1),
        np.zeros_like(person.shape) if open_body_version(person.body.name) else person.shape,
        turned[1],
        frame_rate=rate,
        gender=person.body.gender or "neutral",
        num_joints=person.body.num_joints,
    )
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def avatar_arrays(
    pose: np.ndarray,
    betas: np.ndarray,
    transl: np.ndarray,
    *,
    frame_rate: float,
    gender: str,
    num_joints: int = _NUM_JOINTS,
) -> dict[str, np.ndarray]:
    """The arrays of a `.smpl` file.

    Args:
        pose: (T, P) axis-angle of the root and the other joints in the upright frame [rad]; missing joints are at rest, and SMPL's
            hands are left out of models with fingers.
        betas: (B,) of the model.
        transl: (T, 3) in the upright frame [m].
        frame_rate: [1/s].
        gender: neutral, male or female.
        num_joints: of the model: 24 for SMPL, 52 for SMPL-H, 55 for SMPL-X. Fingers and face, which are not fitted, are left out.
    """
    code, num_posed = _MODELS[num_joints]
    full = np.zeros((len(pose), 3 * num_posed))
    num_given = min(pose.shape[1], 3 * num_posed)
    full[:, :num_given] = pose[:, :num_given]
    return {
        "codecVersion": np.array(_CODEC_VERSION, np.int32),
        "smplVersion": np.array(code, np.int32),
        "gender": np.array(_GENDER_CODES[gender], np.int32),
        "shapeParameters": betas.astype(np.float32),
        "frameCount": np.array(len(pose), np.int32),
        "frameRate": np.array(frame_rate, np.float32),
        "bodyTranslation": transl.astype(np.float32),
        "bodyPose": full.reshape(len(pose), num_posed, 3).astype(np.float32),
    }
