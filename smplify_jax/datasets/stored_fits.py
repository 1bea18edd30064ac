"""Fits read from a store, and the conversion of fits to the store's slots."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.datasets.store_file import NUM_BETAS, NUM_POSE, SLOT
from smplify_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class StoredFits:
    """Fits of N rows.

    Attributes:
        pose: (N, 72) float32 global_orient and body_pose [rad].
        betas: (N, 10) float32.
        transl: (N, 3) float32 [m]; NaN where unknown.
        loss: (N,) float32 as `FitStore.measure` returns it, infinite where unknown.
        quality: (N,) float32, NaN where unknown.
        version: (N,) uint64 number of times that the row was written.
    """

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    loss: np.ndarray
    quality: np.ndarray
    version: np.ndarray

    def of_rows(self, rows: np.ndarray) -> StoredFits:
        """The fits of some of the rows."""
        return StoredFits(*(getattr(self, one.name)[rows] for one in fields(self)))


def as_slots(
    num_rows: int, pose: ArrayLike, betas: ArrayLike, transl: ArrayLike | None, quality: ArrayLike | None
) -> np.ndarray:
    """Slots (N,) with an unknown loss."""
    unknown = np.float32(np.nan)
    blocks = {
        "pose": (pose, (num_rows, NUM_POSE)),
        "betas": (betas, (num_rows, NUM_BETAS)),
        "transl": (np.full((num_rows, 3), unknown) if transl is None else transl, (num_rows, 3)),
        "quality": (np.full(num_rows, unknown) if quality is None else quality, (num_rows,)),
    }
    slots = np.zeros(num_rows, SLOT)
    slots["loss"] = np.inf
    for name, (values, shape) in blocks.items():
        array = np.asarray(values)
        if array.shape != shape:
            raise InputError(
                f"{name} has shape {array.shape}: expected {shape}, a row for each of the {num_rows} rows."
            )
        slots[name] = array
    return slots


def is_finite(slots: np.ndarray) -> np.ndarray:
    """Whether pose and betas (N,) are finite."""
    return np.asarray(np.isfinite(np.concatenate([slots["pose"], slots["betas"]], axis=1)).all(axis=1))


def best_of_each(indices: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Positions of the fits of least loss, one for each row; fits without a finite loss are ignored."""
    positions = np.flatnonzero(np.isfinite(loss))
    ordered = positions[np.lexsort((loss[positions], indices[positions]))]
    _, first = np.unique(indices[ordered], return_index=True)
    return ordered[first]
