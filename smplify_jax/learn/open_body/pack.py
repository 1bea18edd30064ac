"""Writing the shipped file: the left half of the body, quantised.

`smplify_jax.body.open_body` documents the format and reads it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.learn.open_body.growth import KNOTS

FORMAT_VERSION = 1


@dataclass(frozen=True)
class HalfBody:
    """The left half of a body; N vertices, those on the midline first.

    Attributes:
        version: "neutral", "female", "male" or "all_ages".
        age_betas: (K, B) mean betas at the ages `growth.KNOTS`; None for adults.
        v_template: (N, 3) [m].
        shapedirs: (N, 3, B) [m].
        posedirs: (N, 3, 207) [m].
        lbs_weights: (N, 24), at most four per row.
        triangles: (F, 3).
        num_midline: vertices on the midline.
        regressor: (15, N) left and middle joints; a middle joint's weight is for a vertex and its mirror image
            together.
        points: vertices and weights of each left and middle point.
    """

    version: str
    age_betas: np.ndarray | None
    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    lbs_weights: np.ndarray
    triangles: np.ndarray
    num_midline: int
    regressor: np.ndarray
    points: dict[str, tuple[np.ndarray, np.ndarray]]


def pack(body: HalfBody) -> dict[str, np.ndarray]:
    """The arrays of the shipped file."""
    middle = np.arange(body.num_midline)
    template, shapes = body.v_template.copy(), body.shapedirs.copy()
    template[middle, 0] = 0.0
    shapes[middle, 0] = 0.0
    scale = np.abs(shapes).max(axis=(0, 1)) / 32767.0
    order = np.argsort(-body.lbs_weights, axis=1, kind="stable")[:, :4]
    joints, vertices = np.nonzero(body.regressor)
    points = list(body.points.values())
    added: dict[str, np.ndarray] = {} if body.version == "neutral" else {"version": np.array(body.version)}
    if body.age_betas is not None:
        added |= {"age_years": np.array(KNOTS, np.float32), "age_betas": body.age_betas.astype(np.float32)}
    return added | {
        "format_version": np.array(FORMAT_VERSION, np.int32),
        "num_midline": np.array(body.num_midline, np.int32),
        "v_template": template.astype(np.float32),
        # Component by component, so that neighbouring numbers are similar and compress better.
        "shapedirs": np.moveaxis(np.rint(shapes / scale), -1, 0).astype(np.int16),
        "shapedirs_scale": scale.astype(np.float32),
        **_pack_posedirs(body.posedirs, middle),
        "lbs_joints": order.astype(np.uint8),
        "lbs_weights": np.rint(np.take_along_axis(body.lbs_weights, order, axis=1) * 65535.0).astype(np.uint16),
        "faces": body.triangles.astype(np.uint16),
        "regressor_joints": joints.astype(np.uint8),
        "regressor_vertices": vertices.astype(np.uint16),
        "regressor_weights": body.regressor[joints, vertices].astype(np.float32),
        "point_names": np.array(list(body.points)),
        "point_sizes": np.array([len(vertices) for vertices, _ in points], np.uint8),
        "point_vertices": np.concatenate([vertices for vertices, _ in points]).astype(np.uint16),
        "point_weights": np.concatenate([weights for _, weights in points]).astype(np.float32),
    }


def _pack_posedirs(posedirs: np.ndarray, middle: np.ndarray) -> dict[str, np.ndarray]:
    blocks = posedirs.reshape(len(posedirs), 3, 23, 9)
    sizes, rows, values, scales = [], [], [], []
    for j, name in enumerate(SMPL_JOINT_NAMES[1:]):
        block = blocks[:, :, j]
        used = np.flatnonzero(np.abs(block).max(axis=(1, 2)) > 0)
        if name.startswith("right_"):
            # On the midline the right joint's entries are the left's mirror image.
            used = used[used >= len(middle)]
        partner = SMPL_JOINT_NAMES.index(mirrored_name(name)) - 1
        scale = max(np.abs(block).max(), np.abs(blocks[:, :, partner]).max(), 1e-9) / 32767.0
        sizes.append(len(used))
        rows.append(used)
        scales.append(scale)
        values.append(np.rint(block[used] / scale))
    return {
        "posedirs_sizes": np.array(sizes, np.int32),
        "posedirs_rows": np.concatenate(rows).astype(np.uint16),
        "posedirs": np.concatenate(values).astype(np.int16),
        "posedirs_scale": np.array(scales, np.float32),
    }


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a compressed .npz whose bytes depend only on the arrays (NumPy's own writer stores the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)
