"""Targets that read fits: saved results, fits in Parquet, and fits stores."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.draw import IMAGE_SIZE, draw_keypoints
from benchmarks.fuzzing import corpus
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared, of_files
from benchmarks.fuzzing.promise import BrokenPromiseError, check_finite
from smplify_jax import FitResult, fit
from smplify_jax.body.load import shipped_body
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.parquet import read_fits, write_fits
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.datasets.schema import fits_table
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays, store_from_parquet, store_from_spin
from smplify_jax.errors import InputError
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.prior.load import load_prior

NUM_PEOPLE, LAYOUT = 16, "coco17"
_BODY_FIELDS = ("betas", "global_orient", "body_pose", "transl", "joints")


@cache
def _fitted() -> tuple[np.ndarray, FitResult]:
    keypoints, focal_length = draw_keypoints(LAYOUT, NUM_PEOPLE)
    keypoints[0] = 0  # one without a body
    result = fit(keypoints, layout=LAYOUT, image_size=IMAGE_SIZE, camera=focal_length[:, None], body=shipped_body(10))
    return keypoints[:4], result[:4]


def prepare_result(folder: Path) -> Prepared:
    """`FitResult.load`."""
    _, result = _fitted()
    result.save(folder / "result.npz")
    result[1].save(folder / "one.npz")
    seeds = [(folder / name).read_bytes() for name in ("result.npz", "one.npz")]
    return of_files(folder, seeds, "changed.npz", _read_result)


def _read_result(path: Path, choices: Choices) -> bool:
    result = FitResult.load(path)
    usable = np.array([status.is_usable for status in result.statuses()], bool)
    for name in _BODY_FIELDS:
        check_finite(name, np.asarray(getattr(result, name)).reshape(len(result), -1)[usable])
    repr(result)
    return True


def prepare_parquet(folder: Path) -> Prepared:
    """`read_fits`, and what reads them: an export, and a store made of them."""
    keypoints, result = _fitted()
    rows = [
        DatasetRow(f"people.json#{k}", one, LAYOUT, "people.json", f"[{k}]", image=f"{k}.png", image_size=IMAGE_SIZE)
        for k, one in enumerate(keypoints)
    ]
    made_with = Provenance.of(get_profile("default"), shipped_body(10), load_prior(), LAYOUT)
    write_fits(folder / "fits.parquet", fits_table(rows, result), replace(made_with, layout=LAYOUT))
    return of_files(folder, [(folder / "fits.parquet").read_bytes()], "changed.parquet", _read_parquet)


def _read_parquet(path: Path, choices: Choices) -> bool:
    match choices.below(3):
        case 0:
            num_people = sum(len(batch) for batch in read_fits(path))
        case 1:
            store = store_from_parquet(path.parent / "of_fits.store", path, shipped_body(10))
            num_people = _read_rows(store)
        case _:
            name = choices.pick(("spin", "amass", "people"))
            num_people = export_fits(path, name, path.parent / "export", ExportOptions()).num_people
    return num_people > 0


def prepare_store(folder: Path) -> Prepared:
    """`FitStore.open`, and what it gives."""
    keypoints = np.zeros((3, 49, 3))
    keypoints[:, :17] = _fitted()[0][1:4]
    arrays = {"pose": np.zeros((3, 72)), "betas": np.zeros((3, 10)), "keypoints": keypoints}
    crops = {"crop_center": np.full((3, 2), 200.0), "crop_side": np.full(3, 300.0), "focal_length": SPIN_FOCAL_SIDES}
    store_from_arrays(folder / "whole.store", shipped_body(10), **arrays, **crops)
    return of_files(folder, [(folder / "whole.store").read_bytes()], "changed.store", _read_store)


def _read_store(path: Path, choices: Choices) -> bool:
    store = FitStore.open(path)
    check_finite("the pelvis", store.rest_pelvis.template)
    num_rows = _read_rows(store)
    rows = np.arange(len(store))
    pose = np.zeros((len(rows), 72), np.float32)
    pose[:, 3 + choices.below(69)] = 0.1
    store.update_if_better(rows, pose=pose, betas=np.zeros((len(rows), 10), np.float32))
    _read_rows(store)
    return num_rows > 0


def _read_rows(store: FitStore) -> int:
    num_whole = 0
    for row in range(min(len(store), 16)):
        try:
            stored = store.get(np.array([row]))
        except InputError:  # a damaged row costs no other
            continue
        num_whole += 1
        for name in ("pose", "betas"):
            check_finite(f"the {name} of a store", getattr(stored, name))
        if np.isnan(stored.loss).any():
            raise BrokenPromiseError("the loss of a store is not a number")
    return num_whole


def prepare_spin_fits(folder: Path) -> Prepared:
    """`store_from_spin`, whose fits or data set are changed."""
    fits = corpus.npy(np.zeros((2, 82), np.float32))
    dataset = corpus.spin()[0]
    (folder / "fits.npy").write_bytes(fits)
    (folder / "dataset.npz").write_bytes(dataset)

    def read(path: Path, choices: Choices) -> bool:
        is_archive = path.read_bytes().startswith(b"PK")
        fits_npy, dataset = (folder / "fits.npy", path) if is_archive else (path, folder / "dataset.npz")
        return _read_rows(store_from_spin(folder / "spin.store", fits_npy, shipped_body(10), dataset)) > 0

    return of_files(folder, [fits, dataset], "changed.npz", read)
