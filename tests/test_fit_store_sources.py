"""Fits stores made of SPIN's files, of arrays and of our own fits."""

from typing import Any

import numpy as np
import pytest
from dataset_fits import NOISE_PX, load_body, write_drawn
from fit_stores import NUM_ROWS, numbers, of_rows, put, spin_store
from measured_people import draw_bodies, draw_crops, in_pictures, make_measured_store

from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.crops_of_fits import crops_of
from smplify_jax.datasets.exports import ExportOptions, export_fits
from smplify_jax.datasets.fit_loss import MEASURED_SUBSET
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.datasets.reprojection import LOSS_CROP_PX
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays, store_from_parquet, store_from_spin
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.subsets import subset_weights


@pytest.fixture
def store(tmp_path):
    return spin_store(tmp_path)[0]


def test_spins_fits_are_there_with_unknown_losses(tmp_path):
    store, static_fits = spin_store(tmp_path)
    fits = store.get(np.arange(NUM_ROWS))
    np.testing.assert_array_equal(fits.pose, static_fits[:, :72])
    np.testing.assert_array_equal(fits.betas, static_fits[:, 72:])
    assert np.isposinf(fits.loss).all()
    assert np.isnan(fits.transl).all()


def test_spins_files_in_half_precision_are_read_without_a_warning(tmp_path):
    write_drawn(tmp_path / "fits.parquet", 6, layout="spin49")
    export_fits(tmp_path / "fits.parquet", "spin", tmp_path, ExportOptions(dataset="coco"))
    with np.load(tmp_path / "coco.npz") as whole:
        np.savez(tmp_path / "half.npz", **dict(whole) | {"center": whole["center"].astype(np.float16)})
    fits = np.load(tmp_path / "coco_fits.npy").astype(np.float16)
    np.save(tmp_path / "half_fits.npy", fits)
    store = store_from_spin(tmp_path / "s", tmp_path / "half_fits.npy", load_body(), tmp_path / "half.npz")
    np.testing.assert_array_equal(store.get(np.arange(6)).pose, fits[:, :72].astype(np.float32))


def test_our_fits_are_there_as_the_crops_show_them_with_their_losses(tmp_path):
    write_drawn(tmp_path / "part.parquet", 6, num_failed=2)
    store = store_from_parquet(tmp_path / "ours.store", tmp_path, load_body())
    fits = store.get(np.arange(6))
    (batch,) = read_fits(tmp_path)
    np.testing.assert_array_equal(fits.pose[:4, 3:], batch.array("body_pose")[:4])
    np.testing.assert_array_equal(fits.quality, batch.array("quality"))
    assert (np.isfinite(fits.loss) == batch.is_usable).all()
    assert np.isfinite(fits.pose).all()
    # The camera that looks at the crop sees the pelvis near its axis; the picture's own saw it up to 1.5 m beside.
    pelvis = store.rest_pelvis.at(fits.betas) + fits.transl
    assert np.abs(batch.array("transl")[:4, 0]).max() > 0.5
    assert np.abs(pelvis[:4, :2]).max() < 0.5


def test_a_store_of_good_fits_keeps_them_against_worse_ones_on_the_first_visit(tmp_path):
    bodies = draw_bodies(NUM_ROWS)
    store, _ = make_measured_store(tmp_path / "good.store", NUM_ROWS, stored=bodies)
    augmentation = Augmentation.of([20.0] * NUM_ROWS, [True] * NUM_ROWS, 1.3)
    fits = store.get(np.arange(NUM_ROWS), augmentation)
    worse = {"pose": fits.pose + np.float32(0.1), "betas": fits.betas, "transl": fits.transl}
    assert not store.update_if_better(np.arange(NUM_ROWS), **worse, augmentation=augmentation).any()
    np.testing.assert_array_equal(store.get(np.arange(NUM_ROWS)).pose, bodies["pose"])


def test_a_row_without_keypoints_keeps_what_it_has(tmp_path):
    bodies, crops = draw_bodies(2), draw_crops(2)
    keypoints = in_pictures(bodies, crops)
    keypoints[1, :, 2] = 0.0
    given: dict[str, Any] = {
        **draw_bodies(2, seed=1),
        **crops,
        "keypoints": keypoints,
        "focal_length": SPIN_FOCAL_SIDES,
    }
    store = store_from_arrays(tmp_path / "two.store", load_body(), **given)
    assert store.update_if_better([0, 1], **of_rows(bodies, np.arange(2))).tolist() == [True, False]
    assert np.isposinf(store.get([1]).loss[0])


def test_a_file_of_the_first_version_opens_and_can_be_replaced_in(store):
    content = bytearray(store.path.read_bytes())
    content[:14] = b"smplify_jax_v1"
    old = store.path.with_name("old.store")
    old.write_bytes(content)
    first = FitStore.open(old)
    np.testing.assert_array_equal(first.get([3]).pose, store.get([3]).pose)
    assert put(first, [3], numbers(1)).all()
    with pytest.raises(InputError, match="no keypoints to measure fits on"):
        first.update_if_better([3], **numbers(1))


def test_spins_files_make_a_store_that_measures(tmp_path):
    write_drawn(tmp_path / "fits.parquet", 6, num_failed=1)
    export_fits(tmp_path / "fits.parquet", "spin", tmp_path, ExportOptions(dataset="coco"))
    with np.load(tmp_path / "coco.npz") as file:
        archive = dict(file)
    store = store_from_spin(tmp_path / "s", tmp_path / "coco_fits.npy", load_body(), tmp_path / "coco.npz")
    fits = store.get(np.arange(6))
    np.testing.assert_array_equal(fits.pose, archive["pose"])
    np.testing.assert_allclose(store.crop_side(np.arange(6)), 200 * archive["scale"], rtol=1e-6)
    # Drawn with noise of 2 px, before another camera than SPIN's; a body at rest that nobody fitted fits far worse.
    assert fits.loss[:5].max() < fits.loss[5]
    np.savez(tmp_path / "short.npz", **{name: array[:5] for name, array in archive.items()})
    with pytest.raises(InputError, match="expected numbers of shape"):
        store_from_spin(tmp_path / "s", tmp_path / "coco_fits.npy", load_body(), tmp_path / "short.npz")


def test_our_own_fits_are_measured_before_the_cameras_that_they_were_fitted_with(tmp_path):
    """Drawn with noise of 2 px under strong perspective, up to 20 degrees beside the picture's middle."""
    write_drawn(tmp_path / "part.parquet", 6, layout="spin49")
    store = store_from_parquet(tmp_path / "ours.store", tmp_path, load_body())
    (batch,) = read_fits(tmp_path)
    crops = crops_of(batch)
    noise_px = NOISE_PX * LOSS_CROP_PX / crops.side
    weight = (batch.points("keypoints", 3)[..., 2] ** 2 * subset_weights(get_layout("spin49"), MEASURED_SUBSET)).sum(
        axis=1
    )
    # x and y each: twice the variance. Turning the picture to the crop's middle stretches what lies beside it by a few percent.
    np.testing.assert_allclose(store.get(np.arange(6)).loss, 2 * noise_px**2 * weight, rtol=0.5)


@pytest.mark.parametrize(("name", "value"), [("scale", 1e38), ("scale", -1.0), ("center", 1e38), ("center", np.nan)])
def test_crops_that_lie_in_no_picture_make_no_store(tmp_path, name, value):
    write_drawn(tmp_path / "fits.parquet", 6)
    export_fits(tmp_path / "fits.parquet", "spin", tmp_path, ExportOptions(dataset="coco"))
    with np.load(tmp_path / "coco.npz") as file:
        archive = dict(file)
    archive[name] = np.full_like(archive[name], value)
    np.savez(tmp_path / "odd.npz", **archive)
    with pytest.raises(InputError, match="each row needs the crop"):
        store_from_spin(tmp_path / "s", tmp_path / "coco_fits.npy", load_body(), tmp_path / "odd.npz")
