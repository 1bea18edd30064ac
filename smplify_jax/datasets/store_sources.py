"""Make a fits store from SPIN's fits or from ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.datasets.augmentation import RestPelvis
from smplify_jax.datasets.crops_of_fits import (
    BODY_COLUMNS,
    CAMERA_COLUMNS,
    CROP_COLUMNS,
    bodies_in_crops,
    crops_of,
    losses_of,
    pad_columns,
)
from smplify_jax.datasets.parquet import FitBatch, count_fits, read_fits
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_file import NUM_BETAS, NUM_POSE, SLOT, write_store
from smplify_jax.errors import InputError

_ROWS_AT_A_TIME = 4096


def store_from_spin(path: str | os.PathLike[str], fits_npy: str | os.PathLike[str], body: BodyModel) -> FitStore:
    """Make a store from `NAME_fits.npy`, (N, 82): pose and betas. Losses are not known: they are infinite, and any fit is better.

    So that the first fit of a network does not replace a good one, measure the losses of these first and store the same fits with them.

    Args:
        path: the new store.
        fits_npy: SPIN's file.
        body: whose fits they are.
    Raises:
        InputError: the file is no such array, or the store cannot be written.
    """
    try:
        fits = np.load(fits_npy, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{fits_npy}: cannot be read ({error}); give SPIN's NAME_fits.npy.") from None
    if not isinstance(fits, np.ndarray) or fits.ndim != 2 or fits.shape[1] != NUM_POSE + NUM_BETAS:
        shape = getattr(fits, "shape", "that of an archive")
        raise InputError(f"{fits_npy}: has shape {shape}, expected (N, 82): pose and betas.")
    write_store(path, len(fits), RestPelvis.of(body, NUM_BETAS), _blocks_of_array(fits))
    return FitStore.open(path)


def store_from_parquet(path: str | os.PathLike[str], fits: str | os.PathLike[str], body: BodyModel) -> FitStore:
    """Make a store from our own fits: row i is row i of the files in the order of their names.

    Poses are in the frame that networks on crops learn (`crop_view`), as in the export `spin`; losses are `reprojection_loss`. People
    without a usable fit have a body at rest and an infinite loss.

    Args:
        path: the new store.
        fits: a file of fits, or a folder of them.
        body: whose fits they are.
    Raises:
        InputError: the fits cannot be read, or the store not be written.
    """
    columns = ("quality", "keypoints_px", *BODY_COLUMNS, *CAMERA_COLUMNS, *CROP_COLUMNS)
    blocks = (_slots_of(batch) for batch in read_fits(Path(fits), columns))
    write_store(path, count_fits(fits), RestPelvis.of(body, NUM_BETAS), blocks)
    return FitStore.open(path)


def _blocks_of_array(fits: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(fits), _ROWS_AT_A_TIME):
        some = np.asarray(fits[first : first + _ROWS_AT_A_TIME])
        slots = np.zeros(len(some), SLOT)
        slots["pose"], slots["betas"] = some[:, :NUM_POSE], some[:, NUM_POSE:]
        slots["transl"], slots["loss"], slots["quality"] = np.nan, np.inf, np.nan
        yield slots


def _slots_of(batch: FitBatch) -> np.ndarray:
    crops = crops_of(batch)
    bodies = bodies_in_crops(batch, crops)
    loss = losses_of(batch, crops)
    slots = np.zeros(len(batch), SLOT)
    slots["pose"], slots["betas"] = bodies.pose, pad_columns(bodies.betas, NUM_BETAS)
    slots["transl"], slots["quality"] = bodies.transl, batch.array("quality")
    slots["loss"] = np.where(bodies.is_usable & np.isfinite(loss), loss, np.inf)
    return slots
