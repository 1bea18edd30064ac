"""`FitStore`: the best fit so far of every row of a data set, for trainers that fit in their training loop.

It needs only NumPy and SciPy, so loader processes that open a store do not load JAX.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.datasets.augmentation import Augmentation, RestPelvis
from smplify_jax.datasets.fit_loss import CropKeypoints, FitLoss
from smplify_jax.datasets.store_file import StoreFile, checksums, map_store, newest
from smplify_jax.datasets.stored_fits import StoredFits, as_slots, best_of_each, is_finite
from smplify_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class FitStore:
    """A memory-mapped file of fits, which several processes on one machine may read and write at the same time.

    Stored fits are in the frames of the rows' own crops: augmentation is undone before fits are measured and stored, and applied to the
    fits that `get` returns. A process killed during a write leaves each row either in its old or in its new state.

    Attributes:
        path: the file.
        file: its mapped contents.
    """

    path: Path
    file: StoreFile

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FitStore:
        """Open a store that a function of `store_sources` has made.

        Raises:
            InputError: the file does not exist, or is not a store.
        """
        return cls(Path(path), map_store(Path(path)))

    @property
    def slots(self) -> np.ndarray:
        """Both slots (num_rows, 2) of every row, see `store_file`."""
        return self.file.slots

    @property
    def rest_pelvis(self) -> RestPelvis:
        """The rest pelvis of the body that was fitted."""
        return self.file.rest_pelvis

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.slots)

    def __reduce__(self) -> tuple:
        """Pickle the path only; the process that unpickles it maps the file again."""
        return FitStore.open, (str(self.path),)

    def crop_side(self, rows: ArrayLike) -> np.ndarray:
        """Sides (N,) of the rows' own crops [px of the picture]: 200 times SPIN's `scale` before augmentation.

        Raises:
            InputError: a row is out of range, or the store has no keypoints.
        """
        observed, _ = self._measurable()
        return observed.side[self._indices(rows)].astype(np.float64)

    def get(self, rows: ArrayLike, augmentation: Augmentation | None = None) -> StoredFits:
        """The best fits so far of N rows, as the augmented pictures show them.

        Args:
            rows: (N,) indices.
            augmentation: of the pictures; None if there was none.
        Raises:
            InputError: a row is out of range, or both of its slots are damaged.
        """
        indices = self._indices(rows)
        slots, is_whole = self._read(indices)
        if not is_whole.all():
            # A writer has overwritten both slots while they were being copied: wait for it.
            with self._locked():
                slots, is_whole = self._read(indices)
        if not is_whole.all():
            raise InputError(
                f"{self.path}: row {int(indices[~is_whole][0])} is damaged; make the store again from the original fits."
            )
        pose, transl = slots["pose"], slots["transl"]
        if augmentation is not None:
            pelvis = self.rest_pelvis.at(slots["betas"])
            pose, transl = _fitting(augmentation, len(indices)).of_bodies(pose, transl, pelvis)
        return StoredFits(
            np.asarray(pose, np.float32),
            slots["betas"].copy(),
            np.asarray(transl, np.float32),
            slots["loss"].copy(),
            slots["quality"].copy(),
            slots["version"].copy(),
        )

    def measure(
        self,
        rows: ArrayLike,
        *,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """Measure fits from any source: `FitLoss` on each row's own keypoints, before any augmentation.

        Args:
            rows: (N,) indices.
            pose: (N, 72) as the augmented pictures show them [rad].
            betas: (N, 10).
            transl: (N, 3) [m] in the frame of a camera with the row's focal length. Where it is None or NaN, the transl of least loss is
                found.
            augmentation: of the pictures; None if there was none.
        Returns:
            Losses (N,) float32; NaN for rows without keypoints, and for fits with numbers that are not finite.
        Raises:
            InputError: a shape is wrong, a row out of range, or the store has no keypoints.
        """
        indices = self._indices(rows)
        self._measurable()
        return self._candidates(indices, pose, betas, transl, None, augmentation)["loss"]

    def update_if_better(
        self,
        rows: ArrayLike,
        *,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None = None,
        quality: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """Store each fit whose loss by `measure` is lower than that of the stored fit, which was measured in the same way.

        Args:
            rows: (N,) indices; of several fits of one row, only the best is considered.
            pose: (N, 72) as the augmented pictures show them [rad].
            betas: (N, 10).
            transl: (N, 3) [m] as in `measure`.
            quality: (N,), None if unknown.
            augmentation: of the pictures; None if there was none.
        Returns:
            (N,) whether each fit was stored. Fits with numbers that are not finite and fits of rows without keypoints never are.
        Raises:
            InputError: a shape is wrong, a row out of range, or the store has no keypoints.
        """
        indices = self._indices(rows)
        self._measurable()
        candidates = self._candidates(indices, pose, betas, transl, quality, augmentation)
        chosen = best_of_each(indices, candidates["loss"])

        def wins(old: np.ndarray) -> np.ndarray:
            return ~(candidates["loss"][chosen] >= old["loss"])

        return self._write(indices, candidates, chosen, wins)

    def replace(
        self,
        rows: ArrayLike,
        *,
        stored: StoredFits,
        is_better: ArrayLike,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None = None,
        quality: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """Store the fits that the caller has found better than those that `get` returned, for callers with their own loss.

        The method takes no loss, so losses in different units can never be compared: measure both fits with the same function on the same
        keypoints. A row that was rewritten since `get` stays as it is, because the caller has not compared its current fit.

        Args:
            rows: (N,) indices; of several fits of one row, only the first better one is considered.
            stored: (N,) what `get` returned for these rows.
            is_better: (N,) whether each fit is better than the stored one.
            pose: (N, 72) as the augmented pictures show them [rad].
            betas: (N, 10).
            transl: (N, 3) [m] as in `measure`.
            quality: (N,), None if unknown.
            augmentation: of the pictures; None if there was none.
        Returns:
            (N,) whether each fit was stored. Fits with numbers that are not finite never are.
        Raises:
            InputError: a shape is wrong, or a row out of range.
        """
        indices, is_better = self._indices(rows), np.asarray(is_better, bool)
        if is_better.shape != indices.shape or stored.version.shape != indices.shape:
            raise InputError(
                f"is_better has shape {is_better.shape} and stored holds {stored.version.shape} fits: expected one entry of "
                f"each for each of the {len(indices)} rows, with the fits that `get` returned for these rows."
            )
        candidates = self._candidates(indices, pose, betas, transl, quality, augmentation)
        positions = np.flatnonzero(is_better & is_finite(candidates))
        chosen = positions[np.unique(indices[positions], return_index=True)[1]]
        return self._write(indices, candidates, chosen, lambda old: old["version"] == stored.version[chosen])

    def flush(self) -> None:
        """Write stored fits to the disk. Only a crash of the whole machine makes this necessary."""
        if isinstance(self.slots, np.memmap):
            self.slots.flush()

    def _write(
        self, indices: np.ndarray, candidates: np.ndarray, chosen: np.ndarray, wins: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Store those of the chosen candidates that win against the stored version; if both slots of a row are damaged, they always do."""
        is_stored = np.zeros(len(indices), bool)
        with self._locked():
            pairs = np.array(self.slots[indices[chosen]])
            index, is_whole = newest(pairs)
            old = np.take_along_axis(pairs, index[:, None], axis=1)[:, 0]
            is_won = ~is_whole | wins(old)
            written = candidates[chosen[is_won]]
            written["version"] = np.where(is_whole, old["version"], 0)[is_won] + 1
            written["checksum"] = checksums(written)
            self.slots[indices[chosen[is_won]], 1 - index[is_won]] = written
        is_stored[chosen[is_won]] = True
        return is_stored

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Admit one writer at a time. The lock belongs to this file handle, so it also excludes other threads and forked processes."""
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A copy of the newest versions (N,) of SLOT, and (N,) whether they are intact."""
        pairs = np.array(self.slots[indices])
        index, is_whole = newest(pairs)
        return np.take_along_axis(pairs, index[:, None], axis=1)[:, 0], is_whole

    def _indices(self, rows: ArrayLike) -> np.ndarray:
        indices = np.asarray(rows)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise InputError(f"rows have shape {indices.shape} and type {indices.dtype}: expected (N,) integers.")
        if ((indices < 0) | (indices >= len(self))).any():
            raise InputError(f"rows range from {indices.min()} to {indices.max()}: the store has 0 to {len(self) - 1}.")
        return indices.astype(np.int64)

    def _measurable(self) -> tuple[CropKeypoints, FitLoss]:
        if self.file.observed is None or self.file.loss is None:
            raise InputError(
                f"{self.path}: has no keypoints to measure fits on; make the store again with them (store_from_spin with "
                "`dataset`), or compare fits yourself and call `replace`."
            )
        return self.file.observed, self.file.loss

    def _candidates(
        self,
        indices: np.ndarray,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None,
        quality: ArrayLike | None,
        augmentation: Augmentation | None,
    ) -> np.ndarray:
        """Slots (N,) in the frames of the rows' own crops, measured if the store has keypoints; versions and checksums are not yet set."""
        candidates = as_slots(len(indices), pose, betas, transl, quality)
        if augmentation is not None:
            self._undo(candidates, _fitting(augmentation, len(indices)))
        if self.file.observed is not None and self.file.loss is not None:
            blocks = {name: candidates[name] for name in ("pose", "betas", "transl")}
            candidates["loss"], candidates["transl"] = self.file.loss.measure(
                self.file.observed.of_rows(indices), **blocks
            )
        return candidates

    def _undo(self, candidates: np.ndarray, augmentation: Augmentation) -> None:
        """Transform the finite fits among the candidates to the frames of the rows' own crops."""
        is_fit = is_finite(candidates)
        fits, one = candidates[is_fit], augmentation.of_rows(is_fit)
        pose, transl = one.undo_bodies(fits["pose"], fits["transl"], self.rest_pelvis.at(fits["betas"]))
        candidates["pose"][is_fit], candidates["transl"][is_fit] = pose, transl


def _fitting(augmentation: Augmentation, num_rows: int) -> Augmentation:
    if len(augmentation) != num_rows:
        raise InputError(
            f"got an augmentation of {len(augmentation)} pictures for {num_rows} rows: give one picture for each row."
        )
    return augmentation
