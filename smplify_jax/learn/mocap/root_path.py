"""Where a recorded body goes, in a unit that carries over to bodies of another size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smplify_jax.learn.mocap.motion import Motion
from smplify_jax.learn.mocap.retarget import Rig

LEG = ("hip", "knee", "ankle")


def root_path(motion: Motion, rig: Rig) -> np.ndarray | None:
    """The point between the hips, in lengths of the leg.

    A body whose own point between the hips takes this path, times the length of its own leg, takes steps as long as its legs make them,
    so its feet stand where the actor's stood. The root joint itself would not do: skeletons differ in how far it lies above the hips.

    Args:
        motion: T frames.
        rig: the skeleton's conventions; its world rotates the file's axes to y up, +z front.
    Returns:
        (T, 3), y up; None without root positions.
    """
    if motion.root_positions is None:
        return None
    positions = motion.positions()
    left, right = ([positions[:, _index(motion, rig, f"{side}_{part}")] for part in LEG] for side in ("left", "right"))
    hips = motion.root_positions + 0.5 * (left[0] + right[0])
    return hips @ rig.world.T / (0.5 * (_length(left) + _length(right)))


def leg_length(joints: np.ndarray, names: Sequence[str]) -> float:
    """Mean length of the two legs, from hip to ankle along the bones.

    Args:
        joints: (J, 3) of one pose.
        names: J names in SMPL's words.
    """
    left, right = ([joints[names.index(f"{side}_{part}")][None] for part in LEG] for side in ("left", "right"))
    return 0.5 * (_length(left) + _length(right))


def _index(motion: Motion, rig: Rig, joint: str) -> int:
    return motion.joint_names.index(rig.joints[joint])


def _length(leg: list[np.ndarray]) -> float:
    """From hip to ankle along the bones, the same in every frame."""
    hip, knee, ankle = (points[0] for points in leg)
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
