"""Named points from a regressor: each a weighted sum of the mesh's vertices.

People keep such matrices beside their body files: `J_regressor_extra.npy` and `J_regressor_h36m.npy`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.files.npy import load_npy
from smplify_jax.geometry.skeleton import mirrored_name

EXTRA_NAMES = (
    *("right_hip_keypoint", "left_hip_keypoint", "neck_lsp", "head_top", "pelvis_mpii", "thorax_mpii"),
    *("spine_h36m", "jaw_h36m", "head_h36m"),
)
"""Rows of `J_regressor_extra.npy`: four points as LSP defines them, two of MPII, three of Human3.6M."""

H36M_NAMES = (
    *("pelvis_h36m", "left_hip_h36m", "left_knee_h36m", "left_ankle_h36m"),
    *("right_hip_h36m", "right_knee_h36m", "right_ankle_h36m"),
    *("spine_h36m", "neck_h36m", "jaw_h36m", "head_h36m"),
    *("left_shoulder_h36m", "left_elbow_h36m", "left_wrist_h36m"),
    *("right_shoulder_h36m", "right_elbow_h36m", "right_wrist_h36m"),
)
"""Rows of `J_regressor_h36m.npy`: the left leg comes first, unlike in the layout h36m17."""

_KNOWN_NAMES = {len(EXTRA_NAMES): EXTRA_NAMES, len(H36M_NAMES): H36M_NAMES}
_MAX_ROW_SUM_ERROR = 0.02


def with_regressor(
    body: BodyModel, regressor: str | os.PathLike[str] | np.ndarray, names: Sequence[str] | None = None
) -> BodyModel:
    """Add the points of a regressor to a body's named surface points; a point of the same name is replaced.

    Args:
        body: The body whose V vertices the regressor was made for.
        regressor: (n, V) weights, or the .npy file that holds them; each row sums to one.
        names: n point names; None takes `EXTRA_NAMES` for nine rows and `H36M_NAMES` for seventeen.
    Returns:
        A body with the points added. They are taken from the posed vertices.
    Raises:
        InputError: The file cannot be read, the shape or the sums do not fit, a row is unnamed, or a point named
            "left_..." lies to the right of its "right_..." partner: then the rows are in another order than the names.
    """
    weights, source = _load_regressor(regressor)
    _check_regressor(weights, source, len(body.v_template))
    names = tuple(names) if names is not None else _KNOWN_NAMES.get(len(weights), ())
    if len(names) != len(weights) or len(set(names)) != len(names):
        raise InputError(
            f"{source}: the regressor has {len(weights)} rows and {len(set(names))} distinct names: name each row "
            "(only 9 and 17 rows have names of their own)"
        )
    with np.errstate(all="ignore"):
        points = weights @ np.asarray(body.v_template)
    _check_sides(dict(zip(names, points, strict=True)), source)
    rows = {name: np.flatnonzero(row) for name, row in zip(names, weights, strict=True)}
    return with_points(body, {name: (rows[name], row[rows[name]]) for name, row in zip(names, weights, strict=True)})


def with_points(body: BodyModel, points: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> BodyModel:
    """Add named surface points to a body; a point of the same name is replaced.

    Args:
        body: The body.
        points: Name to the vertices of the point and their weights.
    """
    pairs = zip(np.asarray(body.point_vertices), np.asarray(body.point_weights), strict=True)
    table = dict(zip(body.point_names, pairs, strict=True)) | dict(points)
    vertices, weights = point_arrays(list(table.values()))
    return replace(body, point_vertices=vertices, point_weights=weights, point_names=tuple(table))


def point_arrays(points: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Pad the (vertices, weights) of P points to (P, N) arrays, with weight zero on vertex zero."""
    num_terms = max((len(vertices) for vertices, _ in points), default=1)
    padded_vertices = np.zeros((len(points), num_terms), np.int32)
    padded_weights = np.zeros((len(points), num_terms), np.float32)
    for row, (vertices, weights) in enumerate(points):
        padded_vertices[row, : len(vertices)] = vertices
        padded_weights[row, : len(weights)] = weights
    return padded_vertices, padded_weights


def _load_regressor(regressor: str | os.PathLike[str] | np.ndarray) -> tuple[np.ndarray, str]:
    if isinstance(regressor, np.ndarray):
        return regressor, "the regressor"
    return load_npy(regressor), str(regressor)


def _check_regressor(weights: object, source: str, num_vertices: int) -> None:
    if not isinstance(weights, np.ndarray) or weights.ndim != 2 or weights.dtype.kind not in "fiu":
        raise InputError(f"{source}: expected one array of numbers with a row per point")
    if weights.shape[1] != num_vertices:
        raise InputError(
            f"{source}: the regressor is for {weights.shape[1]} vertices and the body has {num_vertices}; "
            "use the one made for this body"
        )
    if not np.isfinite(weights).all():
        raise InputError(f"{source}: the regressor holds NaN or infinity; download it again")
    with np.errstate(over="ignore"):
        sum_error = np.abs(weights.sum(axis=1, dtype=np.float64) - 1).max(initial=0)
    if not sum_error <= _MAX_ROW_SUM_ERROR:
        raise InputError(f"{source}: each row of the regressor must sum to one; this is another kind of matrix")


def _check_sides(positions: dict[str, np.ndarray], source: str) -> None:
    for name, position in positions.items():
        partner = positions.get(mirrored_name(name))
        if name.startswith("left_") and partner is not None and position[0] <= partner[0]:
            raise InputError(
                f"{source}: {name} lies to the right of {mirrored_name(name)}; give the names in the order of the rows"
            )
