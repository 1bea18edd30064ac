"""Make knees and elbows hinges, for rigs that put a limb's twist into the wrong bone."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

_TILT = np.radians(30.0)

HINGES: tuple[tuple[str, str, tuple[float, float, float], tuple[float, float, float]], ...] = (
    ("left_hip", "left_knee", (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    ("right_hip", "right_knee", (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    ("left_shoulder", "left_elbow", (1.0, 0.0, 0.0), (0.0, -np.cos(_TILT), np.sin(_TILT))),
    ("right_shoulder", "right_elbow", (-1.0, 0.0, 0.0), (0.0, np.cos(_TILT), -np.sin(_TILT))),
)
"""Upper joint, lower joint, direction of the limb in the T-pose, hinge about which the lower limb bends."""

STRAIGHT, BENT = 0.1, 0.35
"""Sines of the bend between which the correction fades in: a straight limb does not determine its hinge axis."""


def with_hinges(rotations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Global rotations of hips, knees, shoulders and elbows with the same limb directions, bending about their hinges.

    Args:
        rotations: joint to (T, 3, 3) global rotations, the identity in the T-pose.
    Returns:
        The joints of HINGES with their new rotations.
    """
    out = {}
    for upper, lower, limb, hinge in HINGES:
        limb, hinge = np.array(limb), np.array(hinge)
        end = rotations[lower] @ limb
        seen = np.einsum("tji,tj->ti", rotations[upper], end)  # the lower limb's direction from the upper one
        forward = np.cross(hinge, limb)
        angle = np.arctan2(seen @ np.cross(limb, forward), seen @ forward)
        sine = np.linalg.norm(np.cross(seen, limb), axis=1)
        share = np.clip((sine - STRAIGHT) / (BENT - STRAIGHT), 0.0, 1.0)
        out[upper] = rotations[upper] @ Rotation.from_rotvec((angle * share)[:, None] * limb).as_matrix()
        seen = np.einsum("tji,tj->ti", out[upper], end)
        out[lower] = out[upper] @ bends(limb, seen)
    return out


def bends(limb: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(T, 3, 3) smallest rotations from one direction to others (T, 3)."""
    axes = np.cross(limb, seen)
    sines = np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.arctan2(sines, (seen @ limb)[:, None])
    return Rotation.from_rotvec(axes * angles / np.maximum(sines, 1e-12)).as_matrix()
