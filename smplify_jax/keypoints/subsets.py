"""Named subsets of a layout's keypoints, by the name and body points of a keypoint: each round of a fit uses one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout

TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


def is_keypoint(keypoint_name: str, part: str) -> bool:
    """Whether a keypoint has the name of this part, or that name followed by a data set's ("left_hip_lsp")."""
    return keypoint_name == part or keypoint_name.startswith(f"{part}_")


def _is_annotated_hip(points: tuple[str, ...]) -> bool:
    """Whether a keypoint is the hip that annotators mark, which differs from SMPL's joint (motion capture has the joint itself)."""
    return len(points) == 1 and points[0].endswith("_hip_keypoint")


def _is_everything(name: str, points: tuple[str, ...]) -> bool:
    return True


def _is_torso(name: str, points: tuple[str, ...]) -> bool:
    return any(is_keypoint(name, part) for part in TORSO)


def _is_joint_of_smpl(name: str, points: tuple[str, ...]) -> bool:
    return len(points) == 1 and not _is_annotated_hip(points)


def _is_neither_hip_nor_neck_of_openpose(name: str, points: tuple[str, ...]) -> bool:
    is_neck_of_openpose = is_keypoint(name, "neck") and points == ("left_shoulder", "right_shoulder")
    return not _is_annotated_hip(points) and not is_neck_of_openpose


KEYPOINT_SUBSETS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "all": _is_everything,
    "torso": _is_torso,
    "smpl joints": _is_joint_of_smpl,
    "no hips, no neck": _is_neither_hip_nor_neck_of_openpose,
}
"""Subsets by name; each function decides whether a keypoint belongs, given its name and its body points.

- "all";
- "torso": hips and shoulders;
- "smpl joints": a joint of SMPL or a point of its surface; neither the hips that annotators mark, nor a point between joints (neck);
- "no hips, no neck": all but the hips that annotators mark, and OpenPose's neck between the shoulders.
"""


def subset_weights(layout: Layout, subset: str) -> np.ndarray:
    """Weights (K,) float32: 1 for the keypoints of the subset, 0 for the others.

    Raises:
        InputError: no subset has that name; the message lists the known ones.
    """
    if subset not in KEYPOINT_SUBSETS:
        names = ", ".join(repr(name) for name in KEYPOINT_SUBSETS)
        raise InputError(f"there is no keypoint subset {subset!r}; use one of {names}")
    belongs = KEYPOINT_SUBSETS[subset]
    rows = zip(layout.keypoint_names, layout.points, strict=True)
    return np.array([belongs(name, points) for name, points in rows], np.float32)


def torso_rows(layout: Layout) -> np.ndarray:
    """Matrix (4, K) float32 that selects the left and right shoulder and the left and right hip of K keypoints.

    A row is zero if the layout lacks the point; if it has several (from several data sets), the first is selected.
    """
    rows = np.zeros((len(TORSO), layout.num_keypoints), np.float32)
    for row, part in zip(rows, TORSO, strict=True):
        found = [k for k, name in enumerate(layout.keypoint_names) if is_keypoint(name, part)]
        row[found[:1]] = 1.0
    return rows
