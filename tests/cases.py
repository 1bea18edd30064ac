"""Small inputs made from bodies of a chosen pose, in the forms in which other programs write them, so that the truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

CASES = Path(__file__).parent / "data" / "cases"
SIZE = (1280, 960)
FOCAL_LENGTH = 1200.0
"""Of all cases, unless they say otherwise; the keypoints have no noise beyond rounding."""


def true_joints(name: str) -> np.ndarray:
    """(N, 24, 3) camera frame [m]."""
    return np.array(json.loads((CASES / f"{name}.json").read_text())["joints_cam_m"])


def pelvis_error_mm(joints: ArrayLike, true: np.ndarray) -> float:
    """MPJPE, pelvis on pelvis."""
    apart = (np.asarray(joints) - np.asarray(joints)[0]) - (true - true[0])
    return float(np.linalg.norm(apart, axis=1).mean() * 1000)
