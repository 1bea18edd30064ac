"""Lengths along the body: points on the mean body's skin, and the same points on every shape."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from smplify_jax.measurements.landmarks import Landmarks
from smplify_jax.measurements.rest_mesh import UP, CutEdges, RestMesh

_NUM_POINTS = 16
"""Points of a path along the skin: 3 cm apart on a back."""
_RIGHT = UP[[1, 0, 2]]


def measured_paths(mesh: RestMesh, marks: Landmarks) -> dict[str, np.ndarray]:
    """Weights (n, V) of the points of each length, in order."""
    middle = mesh.cut(np.zeros(3), _RIGHT, ~mesh.is_arm)
    back = _down(
        middle, mesh.place(marks.back_neck)[1], mesh.place(marks.waist_level)[1], _is_behind(middle, mesh, marks)
    )
    front_rise, back_rise = _rises(mesh, marks, middle)
    beside = mesh.cut(mesh.place(marks.side_neck), _RIGHT, ~mesh.is_arm)
    front = _down(beside, mesh.place(marks.side_neck)[1], mesh.place(marks.crotch)[1], ~_is_behind(beside, mesh, marks))
    arm = [marks.shoulder, marks.elbow, marks.wrist]
    return {
        "across back shoulder width": np.stack([marks.shoulder, marks.back_neck, marks.left_shoulder]),
        "back neck point to waist": np.stack([marks.back_neck, *back]),
        "back neck point to wrist length": np.stack([marks.back_neck, *arm]),
        "total crotch length": np.concatenate([front_rise, back_rise[1:]]),
        "front rise": front_rise,
        "back rise": back_rise,
        "shirt length": np.stack([marks.side_neck, *front]),
        "outer arm length": np.stack(arm),
    }


def _is_behind(cut: CutEdges, mesh: RestMesh, marks: Landmarks) -> np.ndarray:
    """Which points of a cut are behind the line through the middle of the neck and the trunk."""
    line = np.array([mesh.place(mesh.joint(name)) for name in ("pelvis", "spine2", "neck")])
    return cut.places[:, 2] < np.interp(cut.places[:, 1], line[:, 1], line[:, 2])


def _down(cut: CutEdges, top: float, bottom: float, is_taken: np.ndarray) -> np.ndarray:
    """Weights (n, V) of points of a cut from one height down to another, evenly spread."""
    rows = np.flatnonzero(is_taken & (cut.places[:, 1] < top) & (cut.places[:, 1] >= bottom))
    rows = rows[np.argsort(-cut.places[rows, 1], kind="stable")]
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(_NUM_POINTS, len(rows))).round().astype(int))]
    return np.stack([cut.carried(row) for row in chosen])


def _rises(mesh: RestMesh, marks: Landmarks, middle: CutEdges) -> tuple[np.ndarray, np.ndarray]:
    """A taut tape in the middle plane from the front of the waist to the crotch, and from there to the back of the waist."""
    rows = np.flatnonzero(middle.places[:, 1] <= mesh.place(marks.waist_level)[1])
    around = middle.places[rows][:, [2, 1]]
    taut = rows[ConvexHull(around).vertices]
    taut = taut[np.argsort(-middle.places[taut, 1], kind="stable")]
    crotch = mesh.place(marks.crotch)
    is_front = middle.places[taut, 2] > crotch[2]
    front = [middle.carried(row) for row in taut[is_front]]
    back = [middle.carried(row) for row in taut[~is_front & (middle.places[taut, 1] > crotch[1])]]
    return np.stack([*front, marks.crotch]), np.stack([marks.crotch, *back[::-1]])
