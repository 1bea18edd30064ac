"""The recipe of docs/datasets.md for SPIN's trainer, run as it is printed there."""

import re
from pathlib import Path

import numpy as np
import pytest
from dataset_fits import draw_fits, provenance

from benchmarks.spin_trace import STEP, make_store, read_trace
from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.exports import ExportOptions, export_fits
from smplify_jax.datasets.named_stores import NamedStores
from smplify_jax.datasets.parquet import write_fits
from smplify_jax.datasets.schema import fits_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "datasets.md"
NAMES = ("coco", "mpii")
NUM_PEOPLE = 6


@pytest.fixture
def recipe():
    """The functions that the page's blocks define."""
    section = PAGE.read_text().split("### SPIN\n")[1].split("\n### ")[0]
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """Two data sets as the export `spin` leaves them, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(NAMES):
        rows, result = draw_fits(NUM_PEOPLE, seed=seed)
        write_fits(tmp_path / f"{name}.parquet", fits_table(rows, result), provenance(result))
        export_fits(tmp_path / f"{name}.parquet", "spin", tmp_path, ExportOptions(dataset=name))


def batch_of(stores, rng):
    """What SPIN's loader makes of every row of both data sets, in a mixed order."""
    order = rng.permutation(2 * NUM_PEOPLE)
    names = [NAMES[k // NUM_PEOPLE] for k in order]
    rows, num_rows = order % NUM_PEOPLE, len(order)
    factor = rng.uniform(0.75, 1.25, num_rows)
    return {
        "dataset_name": names,
        "sample_index": rows,
        "rot_angle": rng.uniform(-60, 60, num_rows).astype(np.float32),
        "is_flipped": rng.integers(0, 2, num_rows),
        "scale": factor * stores.crop_side(names, rows) / SPIN_BOX_UNIT,
    }


def test_the_recipe_keeps_good_fits_against_worse_ones_and_takes_better_ones(recipe, exported):
    stores, rng = recipe["make_stores"](NAMES), np.random.default_rng(0)
    begin = {name: store.get(np.arange(NUM_PEOPLE)) for name, store in stores.stores.items()}
    for _ in range(3):
        batch = batch_of(stores, rng)
        augmentation = Augmentation.of(
            -batch["rot_angle"],
            batch["is_flipped"],
            SPIN_BOX_UNIT * batch["scale"] / stores.crop_side(batch["dataset_name"], batch["sample_index"]),
        )
        held = stores.get(batch["dataset_name"], batch["sample_index"], augmentation)
        worse = held.pose + rng.normal(0, 0.5, held.pose.shape).astype(np.float32)
        got = recipe["best_fits"](stores, batch, worse, held.betas, held.transl)
        np.testing.assert_array_equal(got.pose, held.pose)
    for name, store in stores.stores.items():
        np.testing.assert_array_equal(store.get(np.arange(NUM_PEOPLE)).pose, begin[name].pose)

    spoiled = NamedStores({name: _spoil(store) for name, store in stores.stores.items()})
    got = recipe["best_fits"](spoiled, batch, held.pose, held.betas, held.transl)
    np.testing.assert_allclose(got.pose, held.pose, atol=1e-5)  # augmentation undone and done


def _spoil(store):
    rows = np.arange(len(store))
    stored = store.get(rows)
    store.replace(rows, stored=stored, is_better=rows >= 0, pose=stored.pose + np.float32(0.5), betas=stored.betas)
    return store


@pytest.mark.real_data
def test_the_recipe_decides_as_spins_trainer_in_97_percent(recipe, shared_data, tmp_path):
    trace = read_trace(shared_data / "spin_trace" / "spin_trace.npz")
    store = make_store(trace, tmp_path / "trace.store", averaged=True)
    stores, is_kept = NamedStores({"trace": store}), np.zeros(len(trace.rows), bool)
    for first in range(0, len(trace.rows), STEP):
        step = np.arange(first, first + STEP)
        rows, augmentation = trace.rows[step], trace.augmentation.of_rows(step)
        batch = {
            "dataset_name": ["trace"] * STEP,
            "sample_index": rows,
            "rot_angle": -augmentation.rotation_deg,
            "is_flipped": augmentation.is_flipped,
            "scale": augmentation.scale * trace.crop_side[rows] / SPIN_BOX_UNIT,
        }
        before = store.get(rows).version
        recipe["best_fits"](stores, batch, trace.pose[step], trace.betas[step], trace.transl[step])
        is_kept[step] = store.get(rows).version > before
    assert (is_kept == trace.is_kept).mean() >= 0.97
