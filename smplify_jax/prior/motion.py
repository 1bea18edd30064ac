"""How people accelerate: the motion prior of fits over time, and its file.

At 15 and 30 frames a second the accelerations of recorded people are nearly white: those of neighbouring frames hardly correlate (0.0
for joints, 0.2 for the root), and their standard deviation grows by √2 when the time between frames halves. So a motion is modelled as
white noise on acceleration, whose standard deviation for frames Δt apart is

    σ(Δt) = σ · √(Δt₀ / Δt).

White noise on the derivative of acceleration, jerk, would let σ fall with Δt instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jax
import numpy as np
from jax import Array

from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

SHIPPED = "data/motion.npz"

_SHAPES = {
    "root_acceleration_std": (3,),
    "root_acceleration_robust_std": (3,),
    "joint_acceleration_std": (len(SMPL_JOINT_NAMES),),
    "joint_acceleration_robust_std": (len(SMPL_JOINT_NAMES),),
    "frame_time": (),
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)  # compared by identity: it holds arrays
class MotionPrior:
    """Standard deviations of accelerations, each for one axis.

    A joint's angular velocity is log(R(t + Δt) R(t)ᵀ) / Δt of its rotation R relative to its parent, in the parent's frame; its
    acceleration is the change of that from one frame to the next, over Δt. Accelerations have heavy tails: the robust standard deviations,
    1.48 times the median magnitude, are about half of the others.

    Attributes:
        root_acceleration_std: (3,) of the point between the hips, in a world with y up [m/s²].
        root_acceleration_robust_std: (3,) likewise.
        joint_acceleration_std: (24,) of the joints' rotations in SMPL's order, the first being the body's orientation [rad/s²].
        joint_acceleration_robust_std: (24,) likewise.
        frame_time: [s] the time between frames Δt₀ for which they hold.
    """

    root_acceleration_std: Array | np.ndarray
    root_acceleration_robust_std: Array | np.ndarray
    joint_acceleration_std: Array | np.ndarray
    joint_acceleration_robust_std: Array | np.ndarray
    frame_time: Array | np.ndarray

    def scale(self, frame_time: Array | np.ndarray | float) -> Array | np.ndarray:
        """What the standard deviations are multiplied by for frames that lie `frame_time` apart [s]: √(Δt₀ / Δt)."""
        return (self.frame_time / frame_time) ** 0.5


def load_motion_prior(path: str | Path | None = None) -> MotionPrior:
    """Load a motion prior.

    Args:
        path: An .npz that `smplify_jax.learn.motion_prior` wrote; None for the one that comes with the package.
    Raises:
        InputError: the file is missing or damaged, or no motion prior.
    """
    path = Path(str(resources.files("smplify_jax.prior").joinpath(SHIPPED))) if path is None else Path(path)
    stored = load_npz(path, _SHAPES)
    missing = sorted(set(_SHAPES) - set(stored))
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(missing)} of a motion prior; write it with smplify_jax.learn.motion_prior."
        )
    arrays = {name: np.asarray(stored[name]) for name in _SHAPES}
    for name, array in arrays.items():
        if array.shape != _SHAPES[name] or array.dtype.kind != "f" or not _is_positive(array):
            raise InputError(
                f"{path}: {name!r} of this motion prior has shape {array.shape} and type {array.dtype}; expected finite numbers above "
                f"zero of shape {_SHAPES[name]}: write it with smplify_jax.learn.motion_prior."
            )
    return MotionPrior(**{name: array.astype(np.float32) for name, array in arrays.items()})


def _is_positive(array: np.ndarray) -> bool:
    """Whether all numbers are finite and above zero, also in single precision, in which they are kept."""
    with np.errstate(all="ignore"):
        single = array.astype(np.float32)
    return bool((np.isfinite(single) & (single > 0)).all())
