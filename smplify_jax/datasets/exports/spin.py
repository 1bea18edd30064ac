"""SPIN's training data: `NAME.npz` as its loader reads it, and `NAME_fits.npy`, the fits that its loop starts from.

Row i of both is the same person; people without a usable fit are in both, with has_smpl 0 and a body at rest. Frame of pose: the camera
that looks straight at the crop (`crop_view`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.crops_of_fits import (
    BODY_COLUMNS,
    CAMERA_COLUMNS,
    CROP_COLUMNS,
    bodies_in_crops,
    crops_of,
    pad_columns,
)
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.slots import NUM_OPENPOSE, NUM_SPIN, in_slots
from smplify_jax.datasets.parquet import FitBatch, count_fits, read_fits
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.npz_stream import StreamedArray, write_npy, write_npz

NUM_BETAS = 10

_POSE_COLUMNS = (*BODY_COLUMNS, *CAMERA_COLUMNS, *CROP_COLUMNS)


def write_spin(fits: Path, out: Path, options: ExportOptions) -> list[Path]:
    """Write both files, a column at a time, so that neither need fit in memory."""
    archive, static_fits = out / f"{options.dataset}.npz", out / f"{options.dataset}_fits.npy"
    num_people = count_fits(fits)
    arrays = [
        _texts(fits, num_people, "imgname", "image"),
        _texts(fits, num_people, "id", "id"),
        _numbers(fits, num_people, "center", (2,), CROP_COLUMNS, lambda batch: crops_of(batch).center),
        _numbers(fits, num_people, "scale", (), CROP_COLUMNS, lambda batch: crops_of(batch).side / SPIN_BOX_UNIT),
        _numbers(fits, num_people, "openpose", (NUM_OPENPOSE, 3), ("keypoints",), _openpose),
        _numbers(fits, num_people, "part", (NUM_SPIN - NUM_OPENPOSE, 3), ("keypoints",), _part),
        _numbers(fits, num_people, "pose", (72,), _POSE_COLUMNS, lambda batch: _pose_and_shape(batch)[:, :72]),
        _numbers(fits, num_people, "shape", (NUM_BETAS,), _POSE_COLUMNS, lambda batch: _pose_and_shape(batch)[:, 72:]),
        _numbers(fits, num_people, "has_smpl", (), ("status",), lambda batch: batch.is_usable),
        _numbers(fits, num_people, "quality", (), ("quality",), lambda batch: batch.array("quality")),
    ]
    arrays += _gender(fits, num_people)
    with atomic_write(archive) as file:
        write_npz(file, arrays)
    both = _numbers(fits, num_people, "fits", (72 + NUM_BETAS,), _POSE_COLUMNS, _pose_and_shape)
    with atomic_write(static_fits) as file:
        write_npy(file, both)
    return [archive, static_fits]


def _pose_and_shape(batch: FitBatch) -> np.ndarray:
    """(N, 82)."""
    bodies = bodies_in_crops(batch, crops_of(batch))
    return np.concatenate([bodies.pose, pad_columns(bodies.betas, NUM_BETAS)], axis=1)


def _slots(batch: FitBatch) -> np.ndarray:
    return in_slots(batch.points("keypoints", 3), batch.provenance.layout, NUM_SPIN)


def _openpose(batch: FitBatch) -> np.ndarray:
    return _slots(batch)[:, :NUM_OPENPOSE]


def _part(batch: FitBatch) -> np.ndarray:
    return _slots(batch)[:, NUM_OPENPOSE:]


def _numbers(
    fits: Path,
    num_people: int,
    name: str,
    row_shape: tuple[int, ...],
    columns: tuple[str, ...],
    of_batch: Callable[[FitBatch], np.ndarray],
) -> StreamedArray:
    def blocks() -> Iterable[np.ndarray]:
        return (of_batch(batch).astype(np.float32) for batch in read_fits(fits, columns))

    return StreamedArray(name, (num_people, *row_shape), np.dtype(np.float32), blocks)


def _texts(fits: Path, num_people: int, name: str, column: str) -> StreamedArray:
    """NumPy stores texts at the length of the longest, which takes a pass to find."""

    def texts() -> Iterable[list[str]]:
        return ([text or "" for text in batch.texts(column)] for batch in read_fits(fits, (column,)))

    longest = max((len(text) for some in texts() for text in some), default=0)
    dtype = np.dtype(f"<U{max(1, longest)}")
    return StreamedArray(name, (num_people,), dtype, lambda: (np.array(some, dtype) for some in texts()))


def _gender(fits: Path, num_people: int) -> list[StreamedArray]:
    """The array `gender` of "m" and "f", if it is known of everybody: SPIN takes what is not "m" for female."""
    letters = [(gender or " ")[0].lower() for batch in read_fits(fits, ("gender",)) for gender in batch.texts("gender")]
    if not letters or set(letters) - {"m", "f"}:
        return []
    return [StreamedArray("gender", (num_people,), np.dtype("<U1"), lambda: [np.array(letters, "<U1")])]
