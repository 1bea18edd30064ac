"""The fits store: better fits win, augmentation comes and goes, and neither a kill nor a second process spoils a row."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dataset_fits import load_body, write_drawn
from scipy.spatial.transform import Rotation

import smplify_jax
from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import store_from_parquet, store_from_spin
from smplify_jax.errors import InputError

NUM_ROWS = 50


@pytest.fixture
def static_fits(tmp_path):
    """SPIN's file: N x 82."""
    fits = np.random.default_rng(0).normal(0, 0.3, (NUM_ROWS, 82)).astype(np.float32)
    np.save(tmp_path / "coco_fits.npy", fits)
    return fits


@pytest.fixture
def store(tmp_path, static_fits):
    return store_from_spin(tmp_path / "coco.store", tmp_path / "coco_fits.npy", load_body())


def numbers(num_rows, seed=1):
    rng = np.random.default_rng(seed)
    return {
        "pose": rng.normal(0, 0.3, (num_rows, 72)).astype(np.float32),
        "betas": rng.normal(size=(num_rows, 10)).astype(np.float32),
        "transl": rng.uniform([-1, -1, 3], [1, 1, 9], (num_rows, 3)).astype(np.float32),
    }


def matrices(pose):
    return Rotation.from_rotvec(np.asarray(pose, np.float64).reshape(-1, 3)).as_matrix()


def test_spins_fits_are_there_with_unknown_losses(store, static_fits):
    fits = store.get(np.arange(NUM_ROWS))
    np.testing.assert_array_equal(fits.pose, static_fits[:, :72])
    np.testing.assert_array_equal(fits.betas, static_fits[:, 72:])
    assert np.isposinf(fits.loss).all()
    assert np.isnan(fits.transl).all()


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


def test_a_lower_loss_wins_and_a_higher_one_does_not(store):
    rows, fits = np.array([7, 3, 11]), numbers(3)
    assert store.update_if_better(rows, **fits, loss=[5.0, 5.0, 5.0]).all()
    other = numbers(3, seed=2)
    assert store.update_if_better(rows, **other, loss=[4.0, 6.0, 5.0], quality=[0.5] * 3).tolist() == [
        True,
        False,
        False,
    ]
    stored = store.get(rows)
    np.testing.assert_array_equal(stored.pose, np.stack([other["pose"][0], fits["pose"][1], fits["pose"][2]]))
    np.testing.assert_array_equal(stored.loss, [4.0, 5.0, 5.0])
    assert stored.quality[0] == 0.5


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_never_wins(store, loss):
    before = store.get([4])
    assert not store.update_if_better([4], **numbers(1), loss=[loss]).any()
    np.testing.assert_array_equal(store.get([4]).pose, before.pose)


def test_a_pose_with_nan_never_wins_and_harms_nobody_else(store):
    fits = numbers(2)
    fits["pose"][0, 5] = np.nan
    turned = Augmentation.of([10.0, 10.0], [True, True])
    assert store.update_if_better([0, 1], **fits, loss=[1.0, 1.0], augmentation=turned).tolist() == [False, True]
    assert np.isfinite(store.get([0, 1]).pose).all()


def test_of_several_fits_of_one_row_the_best_is_stored(store):
    fits = numbers(3)
    assert store.update_if_better([5, 5, 5], **fits, loss=[3.0, 1.0, 2.0]).tolist() == [False, True, False]
    np.testing.assert_array_equal(store.get([5]).pose[0], fits["pose"][1])


def test_a_fit_without_augmentation_comes_back_to_the_bit(store):
    fits, nothing = numbers(1), Augmentation.of([0.0], [False])
    store.update_if_better([2], **fits, loss=[1.0], augmentation=nothing)
    stored = store.get([2], nothing)
    for name in ("pose", "betas", "transl"):
        np.testing.assert_array_equal(getattr(stored, name), fits[name])


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("angle", [0.0, 30.0, -75.0, 180.0])
def test_a_fit_got_as_it_was_augmented_is_the_same_to_1e_5(store, angle, is_flipped):
    rows, fits = np.arange(20), numbers(20)
    fits["pose"][:, :3] = (
        Rotation.from_rotvec([np.pi, 0, 0]).as_rotvec() + 0.3 * fits["pose"][:, :3]
    )  # facing the camera
    augmentation = Augmentation.of([angle] * 20, [is_flipped] * 20)
    assert store.update_if_better(rows, **fits, loss=np.ones(20), augmentation=augmentation).all()
    stored = store.get(rows, augmentation)
    # Compared as rotations: near half turns two vectors mean almost the same one.
    np.testing.assert_allclose(matrices(stored.pose), matrices(fits["pose"]), atol=1e-5)
    np.testing.assert_allclose(stored.transl, fits["transl"], atol=1e-5)


@pytest.mark.parametrize("version", [0, 1])
def test_a_half_written_slot_leaves_the_other_version(store, version):
    first, second = numbers(1, seed=1), numbers(1, seed=2)
    store.update_if_better([9], **first, loss=[2.0])
    store.update_if_better([9], **second, loss=[1.0])
    slots = store.slots[9]
    by_version = slots["version"].argsort()
    slots["pose"][by_version[1 - version], 40:] = 0.0  # as a writer killed in the middle would leave it
    expected = first if version == 0 else second
    np.testing.assert_array_equal(store.get([9]).pose, expected["pose"])
    assert store.update_if_better([9], **numbers(1, seed=3), loss=[0.5]).all()
    assert store.get([9]).loss[0] == np.float32(0.5)


def test_a_row_with_two_damaged_slots_is_told(store):
    store.slots["pose"][9] = 1.0
    with pytest.raises(InputError, match="row 9 is damaged"):
        store.get([8, 9])


def _start(script, path, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(smplify_jax.__file__).parents[1])}
    command = [sys.executable, "-c", script, str(path), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


KEEP_WRITING = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store = FitStore.open(sys.argv[1])
rows = np.arange(len(store))
loss = store.get(rows).loss
loss = np.where(np.isfinite(loss), loss, 1e6).astype(np.float32)
print("ready", flush=True)
while True:
    loss = loss - 1
    told = loss[:, None]
    store.update_if_better(
        rows, pose=told.repeat(72, 1), betas=told.repeat(10, 1), transl=told.repeat(3, 1), loss=loss, quality=loss
    )
"""


def test_a_killed_writer_leaves_every_row_old_or_new(store):
    rng = np.random.default_rng(0)
    last = np.full(NUM_ROWS, np.inf)
    for _ in range(5):
        writer = _start(KEEP_WRITING, store.path)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.kill()
        writer.communicate()
        fits = FitStore.open(store.path).get(np.arange(NUM_ROWS))
        # Every number of a row was written to equal its loss.
        numbers_of_rows = np.concatenate([fits.pose, fits.betas, fits.transl, fits.quality[:, None]], axis=1)
        is_written = np.isfinite(fits.loss)
        assert (numbers_of_rows == fits.loss[:, None])[is_written].all()
        assert (fits.loss <= last).all()
        last = fits.loss
    assert np.isfinite(last).all()


COMPETE = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store, rng = FitStore.open(sys.argv[1]), np.random.default_rng(int(sys.argv[2]))
rows = np.arange(len(store))
print("ready", flush=True)
sys.stdin.readline()
for step in range(500):
    loss = (1000 - step + rng.uniform(0, 50, len(rows))).astype(np.float32)
    told = loss[:, None]
    store.update_if_better(rows, pose=told.repeat(72, 1), betas=told.repeat(10, 1), loss=loss)
    # Whoever came between, a better fit is never replaced by a worse one.
    assert (store.get(rows).loss <= loss).all()
"""


def test_two_processes_together_keep_the_best_of_both(store):
    writers = [_start(COMPETE, store.path, seed) for seed in (1, 2)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    best = np.full(NUM_ROWS, np.inf, np.float32)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        for step in range(500):
            best = np.minimum(best, (1000 - step + rng.uniform(0, 50, NUM_ROWS)).astype(np.float32))
    fits = store.get(np.arange(NUM_ROWS))
    np.testing.assert_array_equal(fits.loss, best)
    np.testing.assert_array_equal(fits.pose, best[:, None].repeat(72, axis=1))


def test_opening_a_store_loads_no_jax():
    code = "import sys, smplify_jax.datasets.store; sys.exit('jax' in sys.modules)"
    root = str(Path(smplify_jax.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}).returncode == 0


def test_a_store_goes_to_another_process_by_its_path(store):
    store.update_if_better([1], **numbers(1), loss=[1.0])
    other = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(other.get([1]).pose, store.get([1]).pose)
    other.update_if_better([1], **numbers(1, seed=2), loss=[0.5])
    assert store.get([1]).loss[0] == np.float32(0.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda store: store.get([NUM_ROWS]), "rows reach from 50 to 50: the store has 0 to 49"),
        (lambda store: store.get([0.5]), "expected \\(N,\\) integers"),
        (lambda store: store.get([0, 1], Augmentation.of([0.0], [True])), "of 1 pictures for 2 rows"),
        (
            lambda store: store.update_if_better([0], pose=np.zeros(72), betas=np.zeros((1, 10)), loss=[1.0]),
            "pose has shape",
        ),
        (lambda store: Augmentation.of([np.nan], [True]), "finite angles"),
        (lambda store: FitStore.open(store.path.with_name("coco_fits.npy")), "is no whole fits store"),
        (lambda store: FitStore.open(store.path.with_name("nothing")), "check the path"),
        (lambda store: store_from_spin(store.path, store.path, load_body()), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(store, spoil, message):
    with pytest.raises(InputError, match=message):
        spoil(store)
