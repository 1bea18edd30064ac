"""Small fits stores, and fits to put into them."""

from typing import Any

import numpy as np
from dataset_fits import load_body

from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import store_from_spin

NUM_ROWS = 50


def spin_store(folder) -> tuple[FitStore, np.ndarray]:
    """A store of fits in SPIN's format, and the (N, 82) fits."""
    fits = np.random.default_rng(0).normal(0, 0.3, (NUM_ROWS, 82)).astype(np.float32)
    np.save(folder / "coco_fits.npy", fits)
    return store_from_spin(folder / "coco.store", folder / "coco_fits.npy", load_body()), fits


def numbers(num_rows, seed=1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "pose": rng.normal(0, 0.3, (num_rows, 72)).astype(np.float32),
        "betas": rng.normal(size=(num_rows, 10)).astype(np.float32),
        "transl": rng.uniform([-1, -1, 3], [1, 1, 9], (num_rows, 3)).astype(np.float32),
    }


def put(store, rows, fits, augmentation=None):
    """Store fits whatever is there."""
    stored = store.get(rows)
    return store.replace(rows, stored=stored, is_better=np.ones(len(rows), bool), **fits, augmentation=augmentation)


def of_rows(bodies, rows) -> dict[str, Any]:
    return {name: values[rows] for name, values in bodies.items()}


def perturbed(bodies):
    """About a tenth of a radian a joint: some pixels of the crop."""
    noise = np.random.default_rng(3).normal(0, 0.1, bodies["pose"].shape)
    return {**bodies, "pose": (bodies["pose"] + noise).astype(np.float32)}
