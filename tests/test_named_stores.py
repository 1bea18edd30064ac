"""Stores by name: a batch of several data sets goes to the right rows and comes back in its order."""

import numpy as np
import pytest
from measured_people import make_measured_store

from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.named_stores import NamedStores
from smplify_jax.errors import InputError

NAMES = ["mpii", "coco", "coco", "mpii", "coco"]
ROWS = np.array([2, 2, 0, 5, 9])


@pytest.fixture
def stores(tmp_path):
    paths, bodies = {}, {}
    for seed, name in enumerate(("coco", "mpii")):
        store, bodies[name] = make_measured_store(tmp_path / f"{name}.store", 10, seed=2 * seed)
        paths[name] = store.path
    fits = {
        key: np.stack([bodies[name][key][row] for name, row in zip(NAMES, ROWS, strict=True)])
        for key in ("pose", "betas", "transl")
    }
    return NamedStores.open(paths), fits


def test_fits_go_to_the_rows_of_the_stores_that_are_named_and_come_back_in_order(stores):
    named, fits = stores
    before = {name: store.get(np.arange(10)) for name, store in named.stores.items()}
    np.testing.assert_array_equal(
        named.get(NAMES, ROWS).pose, [before[name].pose[row] for name, row in zip(NAMES, ROWS, strict=True)]
    )
    assert named.update_if_better(NAMES, ROWS, **fits).all()
    np.testing.assert_array_equal(named.get(NAMES, ROWS).pose, fits["pose"])
    for name, store in named.stores.items():
        untouched = np.setdiff1d(np.arange(10), ROWS[[asked == name for asked in NAMES]])
        np.testing.assert_array_equal(store.get(untouched).pose, before[name].pose[untouched])


def test_each_picture_keeps_its_own_augmentation(stores):
    named, fits = stores
    augmentation = Augmentation.of([10.0, -20.0, 30.0, 0.0, 5.0], [True, False, True, False, True], [1.2, 1, 0.8, 1, 1])
    named.update_if_better(NAMES, ROWS, **fits)
    got = named.get(NAMES, ROWS, augmentation)
    for k, (name, row) in enumerate(zip(NAMES, ROWS, strict=True)):
        alone = named.stores[name].get([row], augmentation.of_rows(np.array([k])))
        np.testing.assert_array_equal(got.pose[k], alone.pose[0])
        np.testing.assert_array_equal(got.transl[k], alone.transl[0])


def test_measures_and_crops_are_those_of_the_named_rows(stores):
    named, fits = stores
    assert (named.measure(NAMES, ROWS, **fits) < 1e-4).all()  # each body on its own keypoints
    sides = [named.stores[name].crop_side([row])[0] for name, row in zip(NAMES, ROWS, strict=True)]
    np.testing.assert_array_equal(named.crop_side(NAMES, ROWS), sides)


def test_a_callers_own_comparison_goes_to_the_named_rows(stores):
    named, fits = stores
    got = named.get(NAMES, ROWS)
    is_better = np.array([True, False, True, False, True])
    assert named.replace(NAMES, ROWS, stored=got, is_better=is_better, **fits).tolist() == is_better.tolist()
    np.testing.assert_array_equal(named.get(NAMES, ROWS).pose[is_better], fits["pose"][is_better])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda named, fits: named.get(["lsp"], [0]), "no store named 'lsp'; there are coco, mpii"),
        (lambda named, fits: named.get(["coco"], [0, 1]), "expected \\(N,\\) of both"),
        (lambda named, fits: named.get(["coco"], [10]), "the store has 0 to 9"),
        (lambda named, fits: named.get([], []), "no rows were given"),
        (lambda named, fits: named.update_if_better(NAMES[:2], ROWS[:2], **fits), "a row for each of the 2 rows"),
        (lambda named, fits: named.get(NAMES, ROWS, Augmentation.of([0.0], [True])), "of 1 pictures for 5 rows"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(stores, spoil, message):
    with pytest.raises(InputError, match=message):
        spoil(*stores)
