"""Motions in DeepMimic's JSON format, plain or gzipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.bvh import read_text
from smplify_jax.learn.mocap.motion import Motion, compose

_TREE: tuple[tuple[str, str | None, tuple[float, float, float], int], ...] = (
    ("root", None, (0.0, 0.0, 0.0), 4),
    ("chest", "root", (0.0, 0.24, 0.0), 4),
    ("neck", "chest", (0.0, 0.22, 0.0), 4),
    ("right_hip", "root", (0.0, 0.0, 0.085), 4),
    ("right_knee", "right_hip", (0.0, -0.42, 0.0), 1),
    ("right_ankle", "right_knee", (0.0, -0.41, 0.0), 4),
    ("right_shoulder", "chest", (0.0, 0.24, 0.18), 4),
    ("right_elbow", "right_shoulder", (0.0, -0.27, 0.0), 1),
    ("left_hip", "root", (0.0, 0.0, -0.085), 4),
    ("left_knee", "left_hip", (0.0, -0.42, 0.0), 1),
    ("left_ankle", "left_knee", (0.0, -0.41, 0.0), 4),
    ("left_shoulder", "chest", (0.0, 0.24, -0.18), 4),
    ("left_elbow", "left_shoulder", (0.0, -0.27, 0.0), 1),
    ("right_wrist", "right_elbow", (0.0, -0.26, 0.0), 0),
    ("left_wrist", "left_elbow", (0.0, -0.26, 0.0), 0),
)
"""Name, parent, approximate offset [m] and number of rotation values: a quaternion (w, x, y, z), an angle about z, or none."""

_FIRST_ROTATION = 4
"""A frame starts with its duration and the root's position."""


def read_deepmimic(path: str | Path) -> Motion:
    """Read a motion of DeepMimic's humanoid: y up, facing +x, arms hanging in the zero pose.

    Raises:
        InputError: not such a file.
    Source: Peng et al., DeepMimic, SIGGRAPH 2018, and the file format of its published motions.
    """
    try:
        frames = np.array(json.loads(read_text(path))["Frames"], float)
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} is not a DeepMimic motion: a JSON object with 'Frames' of equal length was expected."
        ) from None
    if frames.ndim != 2 or frames.shape[1] != _FIRST_ROTATION + sum(count for *_, count in _TREE):
        raise InputError(
            f"{path} is not a motion of DeepMimic's humanoid: 44 numbers per frame were expected, got {frames.shape}."
        )
    names = tuple(name for name, *_ in _TREE)
    parents = tuple(-1 if parent is None else names.index(parent) for _, parent, _, _ in _TREE)
    local = np.broadcast_to(np.eye(3), (len(frames), len(names), 3, 3)).copy()
    column = _FIRST_ROTATION
    for index, (*_, count) in enumerate(_TREE):
        values = frames[:, column : column + count]
        if count == 4:
            local[:, index] = Rotation.from_quat(values[:, [1, 2, 3, 0]]).as_matrix()
        elif count == 1:
            local[:, index] = Rotation.from_rotvec(values * np.array([0.0, 0.0, 1.0])).as_matrix()
        column += count
    return Motion(names, parents, np.array([offset for _, _, offset, _ in _TREE]), compose(parents, local))
