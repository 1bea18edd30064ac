"""The `.npz` files in which people have Human3.6M and HumanEva-I: those that VideoPose3D's scripts write.

`data_3d_NAME.npz` holds `positions_3d`: {subject: {action: (N, J, 3) in the world [m]}}.
`data_2d_NAME_DETECTIONS.npz` holds `positions_2d`: {subject: {action: [(N, K, 2 or 3) px, one for each camera]}} and `metadata`:
{"num_joints": K, "keypoints_symmetry": [left rows, right rows], "layout_name": sometimes}.

Both are pickles inside an archive, which are read without executing anything. Detections may run on a few frames longer than the motion
capture, which then ends the sequence.

Source: github.com/facebookresearch/VideoPose3D, DATASETS.md and data/prepare_data_h36m.py, data/prepare_data_humaneva.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.arrays import checked_floats
from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.layouts import Layout


@dataclass(frozen=True)
class StudioSequence:
    """One subject's action, with what each camera saw of it.

    Attributes:
        subject, action: as the file calls them.
        positions: (N, J, 3) in the world [m].
        keypoints: for each camera (M, K, 3) x, y [px], confidence; None where there are no detections.
    """

    subject: str
    action: str
    positions: np.ndarray
    keypoints: tuple[np.ndarray | None, ...]


def read_sequences(
    folder: Path, name: str, detections: str, subjects: Sequence[str], num_joints: int, layouts: Sequence[Layout]
) -> tuple[Layout, list[StudioSequence]]:
    """Read both files, as far as they are about these subjects.

    Args:
        folder: where they lie.
        name: of the data set in their names: "h36m", "humaneva15".
        detections: which 2D file: "gt", "cpn_ft_h36m_dbb", "detectron_pt_coco".
        subjects: which to read; at least one must be there.
        num_joints: J.
        layouts: those that the 2D file may have; it is recognised by which of its rows are left and right.
    Raises:
        InputError: a file is missing, damaged, or not in this format.
    """
    path_3d, path_2d = folder / f"data_3d_{name}.npz", folder / f"data_2d_{name}_{detections}.npz"
    truth = _member(path_3d, load_npz(path_3d, {"positions_3d"}), "positions_3d")
    arrays = load_npz(path_2d, {"positions_2d", "metadata"})
    layout = _recognise(path_2d, _member(path_2d, arrays, "metadata"), layouts)
    seen = _member(path_2d, arrays, "positions_2d")
    if not set(subjects) & set(truth):
        raise InputError(
            f"{path_3d}: has none of the subjects {', '.join(subjects)}; it has {', '.join(map(str, truth))}."
        )
    sequences = []
    for subject, action, value in _actions(path_3d, truth, subjects):
        positions = checked_floats(value, (-1, num_joints, 3), f"{path_3d}, {subject}, {action}")
        views = _views(path_2d, seen, subject, action)
        what = f"{path_2d}, {subject}, {action}"
        keypoints = tuple(None if view is None else _keypoints(view, layout, what) for view in views)
        sequences.append(StudioSequence(subject, action, positions, keypoints))
    return layout, sequences


def _member(path: Path, arrays: dict[str, object], key: str) -> dict:
    value = arrays.get(key)
    if not isinstance(value, dict):
        raise InputError(f"{path}: has no dict {key!r}; expected a file that VideoPose3D's scripts wrote.")
    return value


def _actions(path: Path, tree: dict, subjects: Sequence[str]) -> Iterator[tuple[str, str, object]]:
    for subject in subjects:
        actions = tree.get(subject, {})
        if not isinstance(actions, dict):
            raise InputError(f"{path}: {subject!r} holds no dict of actions; write the file again.")
        for action, value in sorted(actions.items(), key=lambda item: str(item[0])):
            yield subject, str(action), value


def _views(path: Path, tree: dict, subject: str, action: str) -> tuple:
    """What the cameras saw; an action that nobody looked for has none."""
    actions = tree.get(subject, {})
    views = actions.get(action, ()) if isinstance(actions, dict) else None
    if not isinstance(views, (list, tuple, np.ndarray)):
        raise InputError(f"{path}: {subject!r}, {action!r} holds no list of cameras; write the file again.")
    return tuple(views)


def _recognise(path: Path, metadata: dict, layouts: Sequence[Layout]) -> Layout:
    try:
        sides = [sorted(int(row) for row in rows) for rows in metadata["keypoints_symmetry"]]
        num_joints = int(metadata["num_joints"])
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: its metadata lacks num_joints or keypoints_symmetry; write the file again."
        ) from None
    for layout in layouts:
        own = [[k for k, n in enumerate(layout.keypoint_names) if n.startswith(side)] for side in ("left_", "right_")]
        if layout.num_keypoints == num_joints and own == sides:
            return layout
    raise InputError(
        f"{path}: {num_joints} keypoints with the left ones at {sides[:1]} are none of the layouts "
        f"{', '.join(layout.name for layout in layouts)}; use detections in one of these."
    )


def _keypoints(value: object, layout: Layout, what: str) -> np.ndarray:
    points = checked_floats(value, (-1, layout.num_keypoints, -1), what)
    if points.shape[-1] not in (2, 3):
        raise InputError(
            f"{what}: found {points.shape[-1]} numbers for each keypoint; expected x, y and perhaps confidence."
        )
    return points if points.shape[-1] == 3 else np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
