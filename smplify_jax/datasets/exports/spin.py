"""SPIN's training data: `NAME.npz` as its loader reads it, and `NAME_fits.npy`, the fits that its training loop starts from.

Row i of both files is the same person. People without a usable fit are in both, with has_smpl 0 and a body at rest. The frame of pose is
that of the camera that looks straight at the crop (`crop_view`).

The open body's betas are not SMPL's: `shape` contains them, `body_name` names their body, and has_smpl is 0, so that the loader ignores
them. `NAME_fits.npy` has no place to mark them, so they are zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.crops_of_fits import (
    BODY_COLUMNS,
    CAMERA_COLUMNS,
    CROP_COLUMNS,
    Crops,
    bodies_in_crops,
    bodies_of,
    crops_of,
    pad_columns,
)
from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.selection import Selection, select
from smplify_jax.datasets.exports.slots import (
    NUM_OPENPOSE,
    NUM_SPIN,
    in_slots,
    with_annotated_filled,
    with_hidden_as_seen,
)
from smplify_jax.datasets.parquet import FitBatch
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.npz_stream import StreamedArray, write_npy, write_npz

NUM_BETAS = 10

_POSE_COLUMNS = (*BODY_COLUMNS, *CAMERA_COLUMNS, *CROP_COLUMNS)


def write_spin(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write both files one column at a time, so that neither has to fit in memory.

    With `options.images`, people whose picture is missing are left out.
    """
    archive, static_fits = out / f"{options.dataset}.npz", out / f"{options.dataset}_fits.npy"
    people = select(fits, options, names_pictures=True, needs_pictures=options.images is not None)
    columns = _Columns(people, options)
    arrays = [
        columns.texts("imgname", ("image",), lambda batch: [image or "" for image in batch.texts("image")]),
        columns.texts("id", ("id",), lambda batch: [str(name) for name in batch.texts("id")]),
        columns.numbers("center", (2,), CROP_COLUMNS, lambda batch: columns.crops(batch).center),
        columns.numbers("scale", (), CROP_COLUMNS, lambda batch: columns.crops(batch).side / SPIN_BOX_UNIT),
        columns.numbers("openpose", (NUM_OPENPOSE, 3), ("keypoints",), lambda batch: _slots(batch)[:, :NUM_OPENPOSE]),
        columns.numbers(
            "part", (NUM_SPIN - NUM_OPENPOSE, 3), ("keypoints",), lambda batch: _slots(batch)[:, NUM_OPENPOSE:]
        ),
        columns.numbers("pose", (72,), _POSE_COLUMNS, columns.pose),
        columns.numbers("shape", (NUM_BETAS,), BODY_COLUMNS, columns.betas),
        columns.numbers("has_smpl", (), ("status",), lambda batch: batch.is_usable & columns.is_smpls(batch)),
        columns.numbers("quality", (), ("quality",), lambda batch: batch.array("quality")),
        columns.texts("body_name", ("status",), lambda batch: [batch.provenance.body_name] * len(batch)),
    ]
    arrays += _gender(columns)
    with atomic_write(archive) as file:
        write_npz(file, arrays)
    with atomic_write(static_fits) as file:
        write_npy(file, columns.numbers("fits", (72 + NUM_BETAS,), _POSE_COLUMNS, columns.static_fits))
    return people.exported([archive, static_fits])


@dataclass(frozen=True)
class _Columns:
    """Arrays of the people; each array reads the rows again.

    Attributes:
        people: the people to export.
        options: the options of the export.
    """

    people: Selection
    options: ExportOptions

    def numbers(
        self,
        name: str,
        row_shape: tuple[int, ...],
        columns: tuple[str, ...],
        of_batch: Callable[[FitBatch], np.ndarray],
    ) -> StreamedArray:
        """An array (N, *row_shape) float32."""

        def blocks() -> Iterable[np.ndarray]:
            return (of_batch(batch).astype(np.float32) for batch in self.people.batches(columns))

        return StreamedArray(name, (len(self.people), *row_shape), np.dtype(np.float32), blocks)

    def texts(self, name: str, columns: tuple[str, ...], of_batch: Callable[[FitBatch], list[str]]) -> StreamedArray:
        """An array of N texts. NumPy stores all texts at the length of the longest, which takes one more pass to find."""

        def texts() -> Iterable[list[str]]:
            return (of_batch(batch) for batch in self.people.batches(columns))

        longest = max((len(text) for some in texts() for text in some), default=0)
        dtype = np.dtype(f"<U{max(1, longest)}")
        return StreamedArray(name, (len(self.people),), dtype, lambda: (np.array(some, dtype) for some in texts()))

    def crops(self, batch: FitBatch) -> Crops:
        """The crops of a batch."""
        return crops_of(batch, self.options.box_factor)

    def pose(self, batch: FitBatch) -> np.ndarray:
        """Poses (N, 72) as the crops show them [rad]."""
        return bodies_in_crops(batch, self.crops(batch)).pose

    def betas(self, batch: FitBatch) -> np.ndarray:
        """Fitted betas (N, 10)."""
        return pad_columns(bodies_of(batch).betas, NUM_BETAS)

    def static_fits(self, batch: FitBatch) -> np.ndarray:
        """Pose and betas (N, 82); betas that are not SMPL's are zero, because they could not be marked here."""
        return np.concatenate([self.pose(batch), self.is_smpls(batch) * self.betas(batch)], axis=1)

    def is_smpls(self, batch: FitBatch) -> bool:
        """Whether a loader may use the betas as SMPL's."""
        return self.options.open_body_as_smpl or not batch.provenance.is_open_body


def _slots(batch: FitBatch) -> np.ndarray:
    return with_annotated_filled(
        in_slots(with_hidden_as_seen(batch.points("keypoints", 3)), batch.provenance.layout, NUM_SPIN)
    )


def _gender(columns: _Columns) -> list[StreamedArray]:
    """The array `gender` of "m" and "f", if all fitted bodies are male or female: SPIN treats everything except "m" as female."""
    genders = {batch.provenance.body_gender for batch in columns.people.batches(("status",))}
    if not genders or genders - {"male", "female"}:
        return []
    return [columns.texts("gender", ("status",), lambda batch: [batch.provenance.body_gender[0]] * len(batch))]
