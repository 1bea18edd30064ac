"""Where cameras are: rotations and translations from a world frame to the cameras' frames."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jax import Array

from smplify_jax.execution.traces import kept_in_traces


@kept_in_traces
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Extrinsics:
    """Placement of V cameras: x_cam = R X + t. Without cameras V is zero.

    Attributes:
        rotation: (..., V, 3, 3) world to camera.
        translation: (..., V, 3) [m].
    """

    rotation: Array | np.ndarray
    translation: Array | np.ndarray

    @property
    def num_views(self) -> int:
        """Number of cameras V."""
        return self.translation.shape[-2]
