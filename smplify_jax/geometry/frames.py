"""The two frames that a fitted body is given in.

- camera: x right, y down, z forward, the camera at the origin; the frame of every field of a result.
- upright: x right, y up, z towards the viewer; the frame of every mesh that is written.

Viewers, and formats such as glTF, have y up, where a body in the camera frame would stand on its head. The upright frame is the camera
frame turned about x by half a turn, so the camera that took the picture becomes a viewer's camera at the origin, looking along -z.
Of bodies in a world with z up, as calibrations of several cameras have it, it is that world turned about x by a quarter.

Files of motions have a third one, with z up: see `Z_UP_FROM_CAMERA`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from jax import Array

Frame = Literal["camera", "upright"]

UPRIGHT_FROM_CAMERA = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
"""The rotation from the camera frame to the upright one; it is its own inverse."""

Z_UP_FROM_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""The rotation from the camera frame to x right, y forward, z up, for a level camera."""

UPRIGHT_FROM_Z_UP = (UPRIGHT_FROM_CAMERA @ Z_UP_FROM_CAMERA.T).astype(np.float32)
"""The rotation from a world with z up to the upright frame: (x, y, z) becomes (x, z, -y)."""


def upright_from(*, is_z_up: bool) -> np.ndarray:
    """(3, 3) the rotation to the upright frame: from a world with z up, or else from the camera frame."""
    return UPRIGHT_FROM_Z_UP if is_z_up else UPRIGHT_FROM_CAMERA


def turned_about_root(
    global_orient: np.ndarray, transl: np.ndarray, pelvis: np.ndarray, rotation: Rotation
) -> tuple[np.ndarray, np.ndarray]:
    """Orientation and translation of SMPL bodies in a rotated frame, where a point x becomes R x.

    SMPL rotates about its root joint, which lies at J + transl. J itself does not rotate, so transl becomes R (J + transl) - J.

    Args:
        global_orient: (N, 3) axis-angle [rad].
        transl: (N, 3) [m].
        pelvis: (N, 3) position of the root joint, J + transl [m].
        rotation: R, one for all bodies or one for each.
    Returns:
        (N, 3) and (N, 3).
    """
    turned = (rotation * Rotation.from_rotvec(global_orient)).as_rotvec()
    return turned, rotation.apply(pelvis) - (pelvis - transl)


def in_frame(points: Array, frame: Frame, *, is_z_up: bool = False) -> Array:
    """Points (..., 3) [m] in the given frame.

    Args:
        points: in the camera frame, or in a world with z up.
        frame: "camera" leaves them as they are.
        is_z_up: whether they are in a world with z up.
    Raises:
        InputError: there is no such frame.
    """
    if frame not in get_args(Frame):
        raise InputError(f"frame is {frame!r}: choose {' or '.join(map(repr, get_args(Frame)))}.")
    if frame == "camera":
        return points
    return points @ UPRIGHT_FROM_Z_UP.T if is_z_up else points * np.diag(UPRIGHT_FROM_CAMERA)
