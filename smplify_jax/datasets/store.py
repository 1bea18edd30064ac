"""`FitStore`: the best fit so far of every row of a data set, for trainers that fit in their loop.

Needs NumPy and SciPy alone: loader processes that open a store do not load JAX.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.datasets.augmentation import Augmentation, RestPelvis
from smplify_jax.datasets.store_file import NUM_BETAS, NUM_POSE, SLOT, checksums, map_store, newest
from smplify_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class StoredFits:
    """Fits of N rows.

    Attributes:
        pose: (N, 72) float32 global_orient and body_pose [rad].
        betas: (N, 10) float32.
        transl: (N, 3) float32 [m]; NaN where unknown.
        loss: (N,) float32, infinite where unknown.
        quality: (N,) float32, NaN where unknown.
    """

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    loss: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True, eq=False)
class FitStore:
    """A file of fits, mapped into memory; several processes may read and write it at a time, on one machine.

    What is stored is in the frame of the pictures as they are: augmentation is undone before fits are stored and done to what is got.
    A process killed while it writes leaves each row as it was or as it was to become.

    Attributes:
        path: the file.
        rest_pelvis: of the body whose fits these are.
        slots: (num_rows, 2) as in `store_file`.
    """

    path: Path
    rest_pelvis: RestPelvis
    slots: np.ndarray

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FitStore:
        """Open a store that `store_from_spin` or `store_from_parquet` made.

        Raises:
            InputError: the file is not there, or no store.
        """
        slots, rest_pelvis = map_store(Path(path))
        return cls(Path(path), rest_pelvis, slots)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.slots)

    def __reduce__(self) -> tuple:
        """Another process maps the file anew."""
        return FitStore.open, (str(self.path),)

    def get(self, rows: ArrayLike, augmentation: Augmentation | None = None) -> StoredFits:
        """The best fits so far of N rows, as the augmented pictures show them.

        Args:
            rows: (N,) indices.
            augmentation: what was done to the pictures; None for nothing.
        Raises:
            InputError: a row is out of range, or both of its versions are damaged.
        """
        indices = self._indices(rows)
        slots, is_whole = self._read(indices)
        if not is_whole.all():
            # A writer went over both slots while they were being copied: wait for it.
            with self._locked():
                slots, is_whole = self._read(indices)
        if not is_whole.all():
            raise InputError(
                f"{self.path}: row {int(indices[~is_whole][0])} is damaged; make the store anew from the fits it came from."
            )
        pose, transl = slots["pose"], slots["transl"]
        if augmentation is not None:
            pelvis = self.rest_pelvis.at(slots["betas"])
            pose, transl = self._fitting(augmentation, len(indices)).of_bodies(pose, transl, pelvis)
        return StoredFits(
            np.asarray(pose, np.float32),
            slots["betas"].copy(),
            np.asarray(transl, np.float32),
            slots["loss"].copy(),
            slots["quality"].copy(),
        )

    def update_if_better(
        self,
        rows: ArrayLike,
        *,
        pose: ArrayLike,
        betas: ArrayLike,
        loss: ArrayLike,
        transl: ArrayLike | None = None,
        quality: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """Store the fits whose loss is lower than that of the fit stored so far.

        Losses must be comparable, whatever was done to the picture: turning and flipping change no reprojection error, but a random scale
        does; count the error in pixels of the crop before it was scaled, or undo it with `Augmentation.undo_points`.

        Args:
            rows: (N,) indices; of several fits of one row, the best counts.
            pose: (N, 72) as the augmented pictures show them [rad].
            betas: (N, 10).
            loss: (N,); a loss that is not finite never wins.
            transl: (N, 3) [m], None if unknown.
            quality: (N,), None if unknown.
            augmentation: what was done to the pictures; None for nothing.
        Returns:
            (N,) which were stored. Fits with numbers that are not finite are not.
        Raises:
            InputError: a shape is wrong, or a row out of range.
        """
        indices = self._indices(rows)
        candidates = _candidates(len(indices), pose, betas, transl, loss, quality)
        is_fit = np.isfinite(candidates["pose"]).all(axis=1) & np.isfinite(candidates["betas"]).all(axis=1)
        is_fit &= np.isfinite(candidates["loss"])
        if augmentation is not None:
            self._undo(candidates, self._fitting(augmentation, len(indices)), is_fit)
        chosen = _best_of_each(indices, candidates["loss"], is_fit)
        is_stored = np.zeros(len(indices), bool)
        with self._locked():
            pairs = np.array(self.slots[indices[chosen]])
            index, is_whole = newest(pairs)
            old = np.take_along_axis(pairs, index[:, None], axis=1)[:, 0]
            wins = ~is_whole | ~(candidates["loss"][chosen] >= old["loss"])
            written = candidates[chosen[wins]]
            written["version"] = np.where(is_whole, old["version"], 0)[wins] + 1
            written["checksum"] = checksums(written)
            self.slots[indices[chosen[wins]], 1 - index[wins]] = written
        is_stored[chosen[wins]] = True
        return is_stored

    def flush(self) -> None:
        """Have the disk hold what was stored: only a crash of the whole machine makes this matter."""
        if isinstance(self.slots, np.memmap):
            self.slots.flush()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time. The lock belongs to this opening of the file, so it holds between threads and after a fork, too."""
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A copy of the newest versions (N,) of SLOT, and (N,) whether they are whole."""
        pairs = np.array(self.slots[indices])
        index, is_whole = newest(pairs)
        return np.take_along_axis(pairs, index[:, None], axis=1)[:, 0], is_whole

    def _indices(self, rows: ArrayLike) -> np.ndarray:
        indices = np.asarray(rows)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise InputError(f"rows have shape {indices.shape} and type {indices.dtype}: expected (N,) integers.")
        if ((indices < 0) | (indices >= len(self))).any():
            raise InputError(f"rows reach from {indices.min()} to {indices.max()}: the store has 0 to {len(self) - 1}.")
        return indices.astype(np.int64)

    def _fitting(self, augmentation: Augmentation, num_rows: int) -> Augmentation:
        if len(augmentation.rotation_deg) != num_rows:
            raise InputError(f"the augmentation is of {len(augmentation.rotation_deg)} pictures for {num_rows} rows.")
        return augmentation

    def _undo(self, candidates: np.ndarray, augmentation: Augmentation, is_fit: np.ndarray) -> None:
        """Change the fits among the candidates to the frame of the pictures as they are; the others may hold NaN."""
        fits = candidates[is_fit]
        one = Augmentation(augmentation.rotation_deg[is_fit], augmentation.is_flipped[is_fit])
        pose, transl = one.undo_bodies(fits["pose"], fits["transl"], self.rest_pelvis.at(fits["betas"]))
        candidates["pose"][is_fit], candidates["transl"][is_fit] = pose, transl


def _candidates(
    num_rows: int,
    pose: ArrayLike,
    betas: ArrayLike,
    transl: ArrayLike | None,
    loss: ArrayLike,
    quality: ArrayLike | None,
) -> np.ndarray:
    """(N,) of SLOT, versions and checksums not yet set."""
    unknown = np.float32(np.nan)
    given = {
        "pose": (pose, (num_rows, NUM_POSE)),
        "betas": (betas, (num_rows, NUM_BETAS)),
        "transl": (np.full((num_rows, 3), unknown) if transl is None else transl, (num_rows, 3)),
        "loss": (loss, (num_rows,)),
        "quality": (np.full(num_rows, unknown) if quality is None else quality, (num_rows,)),
    }
    candidates = np.zeros(num_rows, SLOT)
    for name, (values, shape) in given.items():
        array = np.asarray(values)
        if array.shape != shape:
            raise InputError(
                f"{name} has shape {array.shape}: expected {shape}, a row for each of the {num_rows} rows."
            )
        candidates[name] = array
    return candidates


def _best_of_each(indices: np.ndarray, loss: np.ndarray, is_fit: np.ndarray) -> np.ndarray:
    """Positions of the fits to try: of each row the one of least loss."""
    positions = np.flatnonzero(is_fit)
    ordered = positions[np.lexsort((loss[positions], indices[positions]))]
    _, first = np.unique(indices[ordered], return_index=True)
    return ordered[first]
