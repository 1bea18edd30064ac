"""The unknowns of a fit, and how a solver's step changes them."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jax import Array

from smplify_jax.geometry.rotations import compose_axis_angle


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BodyParameters:
    """Pose, shape and place of one body in the camera frame (or of many, with leading batch axes).

    Attributes:
        global_orient: (..., 3) axis-angle of the root joint [rad].
        body_pose: (..., 3 (J - 1)) axis-angle of the other joints [rad].
        betas: (..., B) shape coefficients, in standard deviations.
        transl: (..., 3) translation [m], camera frame.
    """

    global_orient: Array | np.ndarray
    body_pose: Array | np.ndarray
    betas: Array | np.ndarray
    transl: Array | np.ndarray

    def blocks(self) -> dict[str, Array | np.ndarray]:
        """The four arrays by name, as keyword arguments of the functions that pose a body."""
        return dict(vars(self))

    def columns(self) -> ParameterColumns:
        """Where each block lies in a step vector."""
        return ParameterColumns(self.body_pose.shape[-1], self.betas.shape[-1])

    def retract(self, step: Array) -> BodyParameters:
        """Apply a solver's step (P,) in the order of `ParameterColumns`.

        The orientation takes a rotation vector in the camera frame, R <- exp(step) R, because its axis-angle form has no usable derivative
        near a full turn and people start half a turn away from zero; everything else is added.
        """
        at = self.columns()
        return BodyParameters(
            global_orient=compose_axis_angle(step[at.global_orient], self.global_orient),
            body_pose=self.body_pose + step[at.body_pose],
            betas=self.betas + step[at.betas],
            transl=self.transl + step[at.transl],
        )


@dataclass(frozen=True)
class ParameterColumns:
    """Slices of the step vector: global_orient, body_pose, betas, transl.

    Attributes:
        num_pose: length of body_pose.
        num_betas: length of betas.
    """

    num_pose: int
    num_betas: int

    @property
    def global_orient(self) -> slice:
        """Rotation vector of the root, camera frame [rad]."""
        return slice(0, 3)

    @property
    def body_pose(self) -> slice:
        """Change of the axis-angle vectors [rad]."""
        return slice(3, 3 + self.num_pose)

    @property
    def betas(self) -> slice:
        """Change of the shape coefficients."""
        return slice(3 + self.num_pose, 3 + self.num_pose + self.num_betas)

    @property
    def transl(self) -> slice:
        """Change of the translation [m]."""
        return slice(self.size - 3, self.size)

    @property
    def size(self) -> int:
        """Length P of the step vector."""
        return 3 + self.num_pose + self.num_betas + 3
