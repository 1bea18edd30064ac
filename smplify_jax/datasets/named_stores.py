"""`NamedStores`: the stores of several data sets behind one interface, for batches that mix rows of all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.stored_fits import StoredFits
from smplify_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class NamedStores:
    """Stores by the names of their data sets. Every method is that of `FitStore`, but also takes the N names of the rows' stores.

    Attributes:
        stores: by name.
    """

    stores: Mapping[str, FitStore]

    @classmethod
    def open(cls, paths: Mapping[str, str | os.PathLike[str]]) -> NamedStores:
        """Open a store for each name.

        Raises:
            InputError: a file does not exist, or is not a store.
        """
        return cls({name: FitStore.open(path) for name, path in paths.items()})

    def crop_side(self, names: Sequence[str], rows: ArrayLike) -> np.ndarray:
        """`FitStore.crop_side`: (N,) [px]."""
        rows = np.asarray(rows)
        sides = np.zeros(len(rows))
        for store, chosen in self._by_store(names, rows):
            sides[chosen] = store.crop_side(rows[chosen])
        return sides

    def get(self, names: Sequence[str], rows: ArrayLike, augmentation: Augmentation | None = None) -> StoredFits:
        """`FitStore.get`: the fits of N rows, in the order of the arguments."""
        rows = np.asarray(rows)
        parts = [
            (chosen, store.get(rows[chosen], _rows_of(augmentation, chosen, len(rows))))
            for store, chosen in self._by_store(names, rows)
        ]
        if not parts:
            raise InputError("no rows were given, so there are no fits to get: give at least one.")
        back = np.argsort(np.concatenate([chosen for chosen, _ in parts]))
        joined = [np.concatenate([getattr(fits, one.name) for _, fits in parts])[back] for one in fields(StoredFits)]
        return StoredFits(*joined)

    def measure(
        self,
        names: Sequence[str],
        rows: ArrayLike,
        *,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """`FitStore.measure`: (N,) losses."""
        rows, blocks = np.asarray(rows), {"pose": pose, "betas": betas, "transl": transl}
        losses = np.zeros(len(rows), np.float32)
        for store, chosen in self._by_store(names, rows):
            some_blocks = _blocks_of(blocks, chosen, len(rows))
            losses[chosen] = store.measure(
                rows[chosen], **some_blocks, augmentation=_rows_of(augmentation, chosen, len(rows))
            )
        return losses

    def update_if_better(
        self,
        names: Sequence[str],
        rows: ArrayLike,
        *,
        pose: ArrayLike,
        betas: ArrayLike,
        transl: ArrayLike | None = None,
        quality: ArrayLike | None = None,
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """`FitStore.update_if_better`: (N,) which were stored."""
        rows, blocks = np.asarray(rows), {"pose": pose, "betas": betas, "transl": transl, "quality": quality}
        is_stored = np.zeros(len(rows), bool)
        for store, chosen in self._by_store(names, rows):
            some_blocks = _blocks_of(blocks, chosen, len(rows))
            is_stored[chosen] = store.update_if_better(
                rows[chosen], **some_blocks, augmentation=_rows_of(augmentation, chosen, len(rows))
            )
        return is_stored

    def replace(
        self,
        names: Sequence[str],
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
        """`FitStore.replace`: (N,) which were stored."""
        rows, is_better = np.asarray(rows), np.asarray(is_better, bool)
        blocks = {"pose": pose, "betas": betas, "transl": transl, "quality": quality, "is_better": is_better}
        is_stored = np.zeros(len(rows), bool)
        for store, chosen in self._by_store(names, rows):
            some_blocks = _blocks_of(blocks, chosen, len(rows))
            one = _rows_of(augmentation, chosen, len(rows))
            is_stored[chosen] = store.replace(
                rows[chosen], stored=stored.of_rows(chosen), **some_blocks, augmentation=one
            )
        return is_stored

    def flush(self) -> None:
        """`FitStore.flush`."""
        for store in self.stores.values():
            store.flush()

    def _by_store(self, names: Sequence[str], rows: np.ndarray) -> Iterator[tuple[FitStore, np.ndarray]]:
        """Each store that `names` mentions, with the positions at which it does."""
        asked = np.asarray(names, str)
        if asked.shape != rows.shape or rows.ndim != 1:
            raise InputError(f"names have shape {asked.shape} and rows {rows.shape}: expected (N,) of both.")
        unknown = sorted(set(asked.tolist()) - set(self.stores))
        if unknown:
            raise InputError(f"there is no store named {unknown[0]!r}; there are {', '.join(sorted(self.stores))}.")
        for name, store in self.stores.items():
            chosen = np.flatnonzero(asked == name)
            if chosen.size:
                yield store, chosen


def _rows_of(augmentation: Augmentation | None, chosen: np.ndarray, num_rows: int) -> Augmentation | None:
    if augmentation is None:
        return None
    if len(augmentation) != num_rows:
        raise InputError(
            f"got an augmentation of {len(augmentation)} pictures for {num_rows} rows: give one picture for each row."
        )
    return augmentation.of_rows(chosen)


def _blocks_of(blocks: Mapping[str, ArrayLike | None], chosen: np.ndarray, num_rows: int) -> dict:
    """The chosen rows of each array that is not None."""
    arrays = {name: np.asarray(values) for name, values in blocks.items() if values is not None}
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != num_rows:
            raise InputError(f"{name} has shape {array.shape}: expected a row for each of the {num_rows} rows.")
    return {name: array[chosen] for name, array in arrays.items()}
