"""What a reader of a data set gives: people seen by a calibrated camera, and where fourteen of their joints truly were.

The fourteen joints are those of LSP, which the literature compares: ankles, knees, hips, wrists, elbows, shoulders, neck and top of the
head. Data sets mean different points by these names, so each reader brings its own `compared_layout`: the points of the fitted body that
are the same by that data set's definition. The pelvis comes with them, to align by; it does not count in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout, get_layout

JOINT_NAMES = get_layout("lsp14").keypoint_names
"""The fourteen, in LSP's order."""

COMPARED_NAMES = ("pelvis", *JOINT_NAMES)
"""Rows of `Recording.truth` and of every layout that `compared_layout` makes."""

_SMALLEST_M, _LARGEST_M = 0.2, 1.5
"""Distance from the pelvis to the top of the head [m] of anybody, bent or tall; millimetres are far outside."""


@dataclass(frozen=True)
class Recording:
    """N views of one person in one sequence and camera; those that cannot be used are left out and counted.

    Attributes:
        group: the row of the table that it belongs to: an action, or a sequence.
        name: which file, subject and camera, for messages.
        layout: of the 2D keypoints.
        keypoints: (N, K, 3) x, y [px] without lens distortion, confidence.
        camera: of each view, fields (N, 2) [px].
        compared: which points of the fitted body are compared.
        truth: (N, 15, 3) pelvis and the fourteen joints in the camera frame [m].
        num_skipped: views without a valid truth, camera or 2D pose.
    """

    group: str
    name: str
    layout: Layout
    keypoints: np.ndarray
    camera: Camera
    compared: Layout
    truth: np.ndarray
    num_skipped: int

    def __len__(self) -> int:
        return len(self.keypoints)


def compared_layout(name: str, points: Mapping[str, Sequence[str]]) -> Layout:
    """The pelvis and the fourteen joints as points of the fitted body.

    Args:
        name: what to call the layout.
        points: body points of those names of COMPARED_NAMES that are not simply the body's joint of that name.
    """
    return Layout(name, COMPARED_NAMES, tuple(tuple(points.get(joint, (joint,))) for joint in COMPARED_NAMES))


def of_regressor_h36m() -> Layout:
    """The points that `J_regressor_h36m.npy` adds to a body; see smplify_jax.body.regressors.

    Neck and top of the head are the regressor's `neck_h36m` and `head_h36m`, as evaluations on 14 joints have it.
    """
    unlike = {"head_top": ("head_h36m",)}
    return compared_layout("14 of J_regressor_h36m", {name: (f"{name}_h36m",) for name in COMPARED_NAMES} | unlike)


def select_joints(positions: np.ndarray, names: Sequence[str], sources: Mapping[str, str]) -> np.ndarray:
    """Pelvis and the fourteen joints out of a data set's own.

    Args:
        positions: (N, J, 3).
        names: what the data set's J joints are called.
        sources: which of them a name of COMPARED_NAMES is, where it is not the one of that name.
    Returns:
        (N, 15, 3) in the order of COMPARED_NAMES.
    """
    return positions[:, [list(names).index(sources.get(joint, joint)) for joint in COMPARED_NAMES]]


def check_metres(truth: np.ndarray, what: str) -> None:
    """Refuse true joints (N, 15, 3) that cannot be in metres; without any finite one there is nothing to check."""
    length = np.linalg.norm(truth[:, 0] - truth[:, COMPARED_NAMES.index("head_top")], axis=-1)
    length = length[np.isfinite(length)]
    if length.size and not _SMALLEST_M < np.median(length) < _LARGEST_M:
        raise InputError(
            f"{what}: the top of the head is {np.median(length):.3g} from the pelvis; expected positions in metres, so convert them."
        )


def make_recording(
    group: str,
    name: str,
    layout: Layout,
    compared: Layout,
    keypoints: np.ndarray,
    camera: Camera,
    truth: np.ndarray,
    is_valid: np.ndarray | None = None,
) -> Recording:
    """A recording of the views whose truth is finite and that the caller calls valid; the others are counted.

    Args:
        group: as in Recording, like the next three.
        name: which file, subject and camera.
        layout: of the 2D keypoints.
        compared: points of the fitted body.
        keypoints: (N, K, 3).
        camera: fields (2,), or (N, 2) for a camera that changes.
        truth: (N, 15, 3) in the camera frame [m].
        is_valid: (N,), all by default.
    """
    check_metres(truth, name)
    used = np.isfinite(truth).all(axis=(1, 2)) & (True if is_valid is None else is_valid)
    fields = (camera.focal_length, camera.camera_center)
    focal, centre = (np.broadcast_to(np.asarray(value, np.float32), (len(keypoints), 2))[used] for value in fields)
    return Recording(
        group=group,
        name=name,
        layout=layout,
        keypoints=np.asarray(keypoints, np.float32)[used],
        camera=Camera(focal, centre),
        compared=compared,
        truth=np.asarray(truth, np.float64)[used],
        num_skipped=int((~used).sum()),
    )
