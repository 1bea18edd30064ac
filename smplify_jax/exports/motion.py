"""What is exported: one person's bodies, at one moment or over time. Every format is written from this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.frames import upright_from

if TYPE_CHECKING:
    from smplify_jax.body.model import BodyModel  # needs JAX, and exports of stored fits do not wait for it

DEFAULT_FPS = 30.0
"""Of motions whose times nobody says."""


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """One person's bodies in T frames; T = 1 for one moment.

    Attributes:
        name: of the person in files that hold several.
        body: that was fitted.
        betas: (T, B).
        pose: (T, P) axis-angle of the root and of the joints that follow it [rad].
        transl: (T, 3) [m].
        pelvis: (T, 3) position of the root joint [m].
        is_usable: (T,) whether the frame has a body.
        is_fitted: (T,) whether it was fitted to keypoints of that frame.
        is_z_up: whether the numbers are in a world with z up; else they are in the frame of a camera, with y down.
        times: (T,) of the frames [s], increasing; None for one moment.
    """

    name: str
    body: BodyModel
    betas: np.ndarray
    pose: np.ndarray
    transl: np.ndarray
    pelvis: np.ndarray
    is_usable: np.ndarray
    is_fitted: np.ndarray
    is_z_up: bool
    times: np.ndarray | None = None

    @cached_property
    def shape(self) -> np.ndarray:
        """(B,) betas of all frames.

        Raises:
            InputError: no frame has a body, or the frames have different betas, as `fit` gives them.
        """
        betas = self.betas[held(self.is_usable)]
        if (betas != betas[0]).any():
            raise InputError(
                "The frames have different betas, and this format has one shape for all: fit them together with fit_sequence, "
                "or export them one by one."
            )
        return betas[0]

    @property
    def upright_rotation(self) -> Rotation:
        """From the frame of the numbers to the upright one: x right, y up, z towards the camera."""
        return Rotation.from_matrix(upright_from(is_z_up=self.is_z_up))


@dataclass(frozen=True, eq=False)
class SkeletonMotion:
    """A skeleton of the person's size and its rotations, in the upright frame.

    Attributes:
        rest_vertices: (V, 3) mesh of the rest pose [m].
        rest_joints: (J, 3) joints of the rest pose [m].
        rotations: (T, J, 4) unit quaternions x, y, z, w of the joints relative to their parents. From frame to frame they do not change
            sign, so that a viewer that blends neighbours turns the short way.
        root: (T, 3) positions of the root joint [m].
    """

    rest_vertices: np.ndarray
    rest_joints: np.ndarray
    rotations: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, motion: BodyMotion, frames: np.ndarray) -> SkeletonMotion:
        """The skeleton in these frames, each of which has a body.

        Raises:
            InputError: as for `BodyMotion.shape`.
        """
        shaped = motion.body.with_shape(motion.shape)
        rest_joints = np.asarray(shaped.rest_joints, np.float64)
        pose = motion.pose[frames].astype(np.float64)
        quaternions = np.zeros((len(pose), len(rest_joints), 4))
        quaternions[..., 3] = 1  # joints that are not fitted, such as fingers, stay at rest
        num_posed = pose.shape[1] // 3
        quaternions[:, :num_posed] = Rotation.from_rotvec(pose.reshape(-1, 3)).as_quat().reshape(len(pose), -1, 4)
        upright = motion.upright_rotation
        quaternions[:, 0] = (upright * Rotation.from_quat(quaternions[:, 0])).as_quat()
        # q and -q are the same rotation.
        is_flipped = np.einsum("tjc,tjc->tj", quaternions[1:], quaternions[:-1]) < 0
        quaternions[1:] *= np.cumprod(np.where(is_flipped, -1.0, 1.0), axis=0)[..., None]
        root = upright.apply(motion.transl[frames].astype(np.float64) + rest_joints[0])
        return cls(np.asarray(shaped.v_shaped, np.float64), rest_joints, quaternions, root)


def held(is_usable: Sequence[bool] | np.ndarray) -> np.ndarray:
    """(T,) for each frame the last one up to it that has a body; the first that has one, for the frames before it.

    Raises:
        InputError: no frame has one.
    """
    if not any(is_usable):
        raise InputError("No frame of this result has a body, so there is nothing to write: see its statuses.")
    last = np.maximum.accumulate(np.where(is_usable, np.arange(len(is_usable)), -1))
    return np.where(last < 0, np.argmax(is_usable), last)


def rate_of(motion: BodyMotion, fps: float | None) -> float:
    """Frames per second for formats whose frames are at equal distances: the given ones, else by the times of the frames.

    Raises:
        InputError: it is no positive number.
    """
    if fps is None:
        span = 0.0 if motion.times is None else float(motion.times[-1] - motion.times[0])
        return (len(motion.is_usable) - 1) / span if span > 0 else DEFAULT_FPS
    if not 0 < fps < np.inf:
        raise InputError(f"The frame rate is {fps}: give a positive number of frames per second.")
    return float(fps)
