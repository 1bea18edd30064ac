"""Make a fits store from SPIN's fits, from this package's fits, or from arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.augmentation import RestPelvis
from smplify_jax.datasets.crops_of_fits import (
    BODY_COLUMNS,
    CAMERA_COLUMNS,
    CROP_COLUMNS,
    Crops,
    bodies_in_crops,
    crop_view,
    crops_of,
    pad_columns,
)
from smplify_jax.datasets.exports.slots import NUM_OPENPOSE, NUM_SPIN, in_slots, with_hidden_as_seen
from smplify_jax.datasets.fit_loss import CropKeypoints, FitLoss
from smplify_jax.datasets.parquet import FitBatch, count_fits, read_fits
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_file import NUM_BETAS, NUM_POSE, write_store
from smplify_jax.datasets.stored_fits import as_slots
from smplify_jax.errors import InputError
from smplify_jax.files.npy import map_npy
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.keypoint_set import MAX_LENGTH
from smplify_jax.keypoints.layouts import get_layout

SPIN_FOCAL_SIDES = 5000.0 / 224.0
"""Focal length of SPIN's camera, which later methods adopted, in sides of the crop."""

_ROWS_AT_A_TIME = 4096
_MAX_FLOAT32 = 3e38
_Block = tuple[np.ndarray, CropKeypoints | None]


def store_from_spin(
    path: str | os.PathLike[str],
    fits_npy: str | os.PathLike[str],
    body: BodyModel,
    dataset: str | os.PathLike[str] | None = None,
) -> FitStore:
    """Make a store from `NAME_fits.npy`, (N, 82): pose and betas.

    With SPIN's data set file, the fits are measured (`FitStore.measure`) with SPIN's camera. Without it there are no keypoints to measure
    them on: losses are unknown, `measure` and `update_if_better` raise an `InputError`, and only `replace` writes.

    Args:
        path: the new store.
        fits_npy: SPIN's fits.
        body: the body that was fitted.
        dataset: SPIN's `NAME.npz` of the same rows: `center`, `scale`, and `openpose`, `part` or both.
    Raises:
        InputError: a file cannot be read or is not of its kind, the files differ in their number of rows, or the store cannot be written.
    """
    fits = _read_fits_npy(fits_npy)
    observed = None if dataset is None else _read_spin_keypoints(Path(dataset), len(fits))
    return _write(path, body, fits[:, :NUM_POSE], fits[:, NUM_POSE:], None, None, observed)


def store_from_arrays(
    path: str | os.PathLike[str],
    body: BodyModel,
    *,
    pose: ArrayLike,
    betas: ArrayLike,
    keypoints: ArrayLike,
    crop_center: ArrayLike,
    crop_side: ArrayLike,
    focal_length: ArrayLike,
    layout: str = "spin49",
    transl: ArrayLike | None = None,
    quality: ArrayLike | None = None,
) -> FitStore:
    """Make a store of measured fits for trainers with their own file format.

    Args:
        path: the new store.
        body: the body that was fitted.
        pose: (N, 72) in the frames of cameras that look straight at the crops' centres [rad].
        betas: (N, 10).
        keypoints: (N, K, 3) x, y in the picture [px] and confidence, without augmentation.
        crop_center: (N, 2) [px].
        crop_side: (N,) [px].
        focal_length: (N,), or one for all, of the cameras of the fits [sides of the crop]; `SPIN_FOCAL_SIDES` for SPIN's.
        layout: of the keypoints.
        transl: (N, 3) [m]; where it is None or NaN, the transl of least loss is found.
        quality: (N,), None if unknown.
    Raises:
        InputError: a shape or the layout is wrong, or the store cannot be written.
    """
    points, side = np.asarray(keypoints, np.float32), np.asarray(crop_side, np.float64)
    center, focal_sides = np.asarray(crop_center, np.float64), np.asarray(focal_length, np.float64)
    num_rows, num_keypoints = len(np.asarray(pose)), get_layout(layout).num_keypoints
    is_fitting = points.shape == (num_rows, num_keypoints, 3) and center.shape == (num_rows, 2)
    if not (is_fitting and side.shape == (num_rows,) and focal_sides.shape in ((), (num_rows,))):
        raise InputError(
            f"keypoints, crop_center, crop_side and focal_length have shapes {points.shape}, {center.shape}, {side.shape} and "
            f"{focal_sides.shape}: expected ({num_rows}, {num_keypoints}, 3), ({num_rows}, 2), ({num_rows},) and ({num_rows},) "
            f"for the {num_rows} poses and the layout {layout}."
        )
    observed = CropKeypoints.of_pictures(in_slots(points, layout, NUM_SPIN), center, side, focal_sides * side)
    return _write(path, body, pose, betas, transl, quality, observed)


def store_from_parquet(path: str | os.PathLike[str], fits: str | os.PathLike[str], body: BodyModel) -> FitStore:
    """Make a store from this package's fits: row i is row i of the files in the order of their names.

    Poses are in the frame that networks on crops learn (`crop_view`), as in the export `spin`. They are measured (`FitStore.measure`) in
    that camera, with the focal length of the picture's camera. People without a usable fit get a body at rest and an infinite loss.

    Args:
        path: the new store.
        fits: a file of fits, or a folder of them.
        body: the body that was fitted.
    Raises:
        InputError: the fits cannot be read, or the store cannot be written.
    """
    loss = FitLoss.of(body)
    columns = ("quality", *BODY_COLUMNS, *CAMERA_COLUMNS, *CROP_COLUMNS)
    blocks = (_block_of(batch, loss) for batch in read_fits(Path(fits), columns))
    write_store(path, count_fits(fits), RestPelvis.of(body, NUM_BETAS), blocks, loss)
    return FitStore.open(path)


def _write(
    path: str | os.PathLike[str],
    body: BodyModel,
    pose: ArrayLike,
    betas: ArrayLike,
    transl: ArrayLike | None,
    quality: ArrayLike | None,
    observed: CropKeypoints | None,
) -> FitStore:
    slots = as_slots(len(np.asarray(pose)), pose, betas, transl, quality)
    loss = None if observed is None else FitLoss.of(body)

    def blocks() -> Iterator[_Block]:
        for first in range(0, len(slots), _ROWS_AT_A_TIME):
            rows = slice(first, first + _ROWS_AT_A_TIME)
            yield _measured(slots[rows], None if observed is None else observed.of_rows(rows), loss)

    write_store(path, len(slots), RestPelvis.of(body, NUM_BETAS), blocks(), loss)
    return FitStore.open(path)


def _measured(slots: np.ndarray, observed: CropKeypoints | None, loss: FitLoss | None) -> _Block:
    """The rows with their losses; infinite where a fit cannot be measured, so that any measurable fit is better."""
    if observed is None or loss is None:
        return slots, None
    slots = slots.copy()
    measured, slots["transl"] = loss.measure(observed, **{name: slots[name] for name in ("pose", "betas", "transl")})
    slots["loss"] = np.where(np.isfinite(measured), measured, np.inf)
    return slots, observed


def _read_fits_npy(fits_npy: str | os.PathLike[str]) -> np.ndarray:
    try:
        fits = map_npy(fits_npy)
    except InputError as error:
        raise InputError(f"{fits_npy}: cannot be read ({error}); give SPIN's NAME_fits.npy.") from None
    if fits.ndim != 2 or fits.shape[1] != NUM_POSE + NUM_BETAS or fits.dtype.kind not in "fiu":
        raise InputError(
            f"{fits_npy}: has shape {fits.shape} and type {fits.dtype}, expected numbers (N, 82): pose and betas."
        )
    for first in range(0, len(fits), _ROWS_AT_A_TIME):
        if not _are_within(fits[first : first + _ROWS_AT_A_TIME], _MAX_FLOAT32):
            raise InputError(
                f"{fits_npy}: holds numbers that are not finite; give the fits as SPIN's trainer keeps them."
            )
    return fits


def _are_within(numbers: np.ndarray, limit: float) -> bool:
    """Whether all are smaller; compared in double precision, because half precision does not hold such limits."""
    return bool((np.abs(numbers.astype(np.float64)) < limit).all())


def _read_spin_keypoints(dataset: Path, num_rows: int) -> CropKeypoints:
    """The keypoints of SPIN's npz, in the camera that its trainer assumes for every crop."""
    shapes = {"center": (2,), "scale": (), "openpose": (NUM_OPENPOSE, 3), "part": (NUM_SPIN - NUM_OPENPOSE, 3)}
    arrays = {name: np.asarray(array) for name, array in load_npz(dataset, tuple(shapes)).items()}
    if not {"center", "scale"} <= set(arrays) or not {"openpose", "part"} & set(arrays):
        raise InputError(f"{dataset}: has no center and scale, or neither openpose nor part; give SPIN's NAME.npz.")
    for name, array in arrays.items():
        array = array.squeeze(1) if name == "scale" and array.ndim == 2 and array.shape[1] == 1 else array
        if array.shape != (num_rows, *shapes[name]) or array.dtype.kind not in "fiu":
            raise InputError(
                f"{dataset}: {name} has shape {array.shape} and type {array.dtype}, expected numbers of shape "
                f"{(num_rows, *shapes[name])}, a row for each of the {num_rows} fits."
            )
        arrays[name] = array
    halves = [arrays.get(name, np.zeros((num_rows, *shapes[name]), np.float32)) for name in ("openpose", "part")]
    side = arrays["scale"].astype(np.float64) * SPIN_BOX_UNIT
    if not ((side > 0) & (side < MAX_LENGTH)).all() or not _are_within(arrays["center"], MAX_LENGTH):
        raise InputError(
            f"{dataset}: scale has values that are not above 0, or center some that lie in no picture; each row needs the crop that was "
            "fitted in."
        )
    return CropKeypoints.of_pictures(np.concatenate(halves, axis=1), arrays["center"], side, SPIN_FOCAL_SIDES * side)


def _block_of(batch: FitBatch, loss: FitLoss) -> _Block:
    crops = crops_of(batch)
    bodies = bodies_in_crops(batch, crops)
    slots = as_slots(
        len(batch), bodies.pose, pad_columns(bodies.betas, NUM_BETAS), bodies.transl, batch.array("quality")
    )
    slots, observed = _measured(slots, _observed_in_crops(batch, crops), loss)
    slots["loss"] = np.where(bodies.is_usable, slots["loss"], np.inf)
    slots["transl"] = np.where(bodies.is_usable[:, None], slots["transl"], np.nan)
    return slots, observed


def _observed_in_crops(batch: FitBatch, crops: Crops) -> CropKeypoints:
    """The keypoints as seen by cameras that look straight at the crops; detections are rotated in the same way as the bodies."""
    found = with_hidden_as_seen(batch.points("keypoints", 3))
    keypoints = in_slots(found, batch.provenance.layout, NUM_SPIN).astype(np.float64)
    focal_length, center = batch.array("focal_length").astype(np.float64), batch.array("camera_center")
    rays = np.ones_like(keypoints)
    rays[..., :2] = (keypoints[..., :2] - center[:, None]) / focal_length[:, None]
    turned = np.einsum("nab,nkb->nka", crop_view(batch, crops).as_matrix(), rays)
    one_focal_length = focal_length.mean(axis=1)
    # A point beside or behind the crop's camera is 90 degrees or more away from the person: it is not one of their keypoints.
    is_before = turned[..., 2] > 0
    keypoints[..., :2] = (
        one_focal_length[:, None, None] * turned[..., :2] / np.where(is_before, turned[..., 2], 1)[..., None]
    )
    keypoints[..., 2] = np.where(is_before, keypoints[..., 2], 0.0)
    return CropKeypoints.of_pictures(keypoints, np.zeros((len(batch), 2)), crops.side, one_focal_length)
