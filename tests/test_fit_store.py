"""The fits store: better fits win, augmentation is undone and applied, and neither a kill nor a second process damages a row."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_fits import NOISE_PX, load_body, write_drawn
from measured_people import draw_bodies, draw_crops, in_pictures, make_measured_store
from scipy.spatial.transform import Rotation

import smplify_jax
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


@pytest.fixture
def measured(tmp_path):
    """A store that holds fits of other people, and the bodies that fit."""
    return make_measured_store(tmp_path / "measured.store", NUM_ROWS)


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


def test_a_fit_of_the_row_wins_and_one_that_fits_worse_does_not(measured):
    store, bodies = measured
    rows = np.array([7, 3, 11])
    own, other = of_rows(bodies, rows), draw_bodies(3, seed=5)
    assert store.update_if_better(rows, **own, quality=[0.5] * 3).all()
    assert not store.update_if_better(rows, **other, quality=[0.9] * 3).any()
    stored = store.get(rows)
    np.testing.assert_array_equal(stored.pose, own["pose"])
    np.testing.assert_array_equal(stored.quality, [0.5, 0.5, 0.5])
    assert (stored.loss < 1e-4).all()  # float32 of exact keypoints, in squared pixels of the crop


def test_what_is_stored_has_the_loss_that_it_would_be_measured_to_have(measured):
    store, bodies = measured
    rows = np.arange(NUM_ROWS)
    store.update_if_better(rows[:20], **of_rows(perturbed(bodies), rows[:20]))
    stored = store.get(rows)
    assert np.isfinite(stored.loss).all()
    again = store.measure(rows, pose=stored.pose, betas=stored.betas, transl=stored.transl)
    np.testing.assert_allclose(again, stored.loss, rtol=1e-4)  # float32 in and out


def test_a_fit_is_judged_alike_whatever_was_done_to_its_picture(measured):
    store, bodies = measured
    rows, fits = np.arange(12), of_rows(perturbed(bodies), np.arange(12))
    augmentation = Augmentation.of(np.linspace(-60, 60, 12), np.arange(12) % 2 == 0, np.linspace(0.7, 1.4, 12))
    plain = store.measure(rows, **fits)
    pelvis = store.rest_pelvis.at(fits["betas"])
    pose, transl = augmentation.of_bodies(fits["pose"], fits["transl"], pelvis)
    augmented = store.measure(rows, pose=pose, betas=fits["betas"], transl=transl, augmentation=augmentation)
    np.testing.assert_allclose(augmented, plain, rtol=1e-3)  # float32 of poses turned there and back
    assert plain.min() > 0.1


def test_a_store_of_good_fits_keeps_them_against_worse_ones_on_the_first_visit(tmp_path):
    bodies = draw_bodies(NUM_ROWS)
    store, _ = make_measured_store(tmp_path / "good.store", NUM_ROWS, stored=bodies)
    augmentation = Augmentation.of([20.0] * NUM_ROWS, [True] * NUM_ROWS, 1.3)
    fits = store.get(np.arange(NUM_ROWS), augmentation)
    worse = {"pose": fits.pose + np.float32(0.1), "betas": fits.betas, "transl": fits.transl}
    assert not store.update_if_better(np.arange(NUM_ROWS), **worse, augmentation=augmentation).any()
    np.testing.assert_array_equal(store.get(np.arange(NUM_ROWS)).pose, bodies["pose"])


def test_without_a_translation_a_body_is_put_where_it_fits_best(measured):
    store, bodies = measured
    rows = np.arange(NUM_ROWS)
    own = {name: bodies[name] for name in ("pose", "betas")}
    assert store.update_if_better(rows, **own).all()
    # A pixel of the crop is about 8 mm across and, through the size, some 100 mm in depth at 45 m.
    np.testing.assert_allclose(store.get(rows).transl, bodies["transl"], atol=0.02)


def test_a_pose_with_nan_never_wins_and_harms_nobody_else(measured):
    store, bodies = measured
    fits = of_rows(bodies, np.array([0, 1]))
    fits["pose"][0, 5] = np.nan
    turned = Augmentation.of([10.0, 10.0], [True, True])
    pose, transl = turned.of_bodies(fits["pose"], fits["transl"], store.rest_pelvis.at(fits["betas"]))
    kept = store.update_if_better([0, 1], pose=pose, betas=fits["betas"], transl=transl, augmentation=turned)
    assert kept.tolist() == [False, True]
    assert np.isfinite(store.get([0, 1]).pose).all()


def test_of_several_fits_of_one_row_the_best_is_stored(measured):
    store, bodies = measured
    fits: dict[str, Any] = {
        name: np.stack([perturbed(bodies)[name][5], values[5]] * 2) for name, values in bodies.items()
    }
    kept = store.update_if_better([5] * 4, **fits)
    assert kept.tolist() == [False, True, False, False]
    np.testing.assert_array_equal(store.get([5]).pose[0], bodies["pose"][5])


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


def test_a_store_without_keypoints_says_that_it_cannot_measure(store):
    with pytest.raises(InputError, match=r"no keypoints to measure fits on; make the store again .* or .*`replace`"):
        store.update_if_better([0], **numbers(1))
    with pytest.raises(InputError, match="no keypoints"):
        store.measure([0], **numbers(1))
    with pytest.raises(InputError, match="no keypoints"):
        store.crop_side([0])


def test_a_callers_own_comparison_is_stored_unless_the_row_changed_since(store):
    rows, mine, theirs = np.array([7, 3, 11]), numbers(3), numbers(1, seed=2)
    got = store.get(rows)
    between = store.get([3])
    assert store.replace([3], stored=between, is_better=[True], **theirs).all()
    kept = store.replace(rows, stored=got, is_better=[True, True, False], **mine, quality=[0.5] * 3)
    assert kept.tolist() == [True, False, False]
    np.testing.assert_array_equal(store.get([7, 3]).pose, [mine["pose"][0], theirs["pose"][0]])
    assert store.get([7]).quality[0] == 0.5


def test_a_callers_own_comparison_leaves_the_stores_own_loss(measured):
    store, bodies = measured
    worse = of_rows(perturbed(bodies), np.array([4]))
    store.update_if_better([4], **of_rows(bodies, np.array([4])))
    assert store.replace([4], stored=store.get([4]), is_better=[True], **worse).all()
    assert store.get([4]).loss == pytest.approx(store.measure([4], **worse), rel=1e-6)
    assert store.update_if_better([4], **of_rows(bodies, np.array([4]))).all()


def test_of_several_fits_that_a_caller_found_better_the_first_is_stored(store):
    fits, got = numbers(3), store.get([5, 5, 5])
    assert store.replace([5, 5, 5], stored=got, is_better=[False, True, True], **fits).tolist() == [False, True, False]


def test_a_fit_without_augmentation_comes_back_to_the_bit(store):
    fits, nothing = numbers(1), Augmentation.of([0.0], [False])
    put(store, [2], fits, nothing)
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
    augmentation = Augmentation.of([angle] * 20, [is_flipped] * 20, np.linspace(0.7, 1.4, 20))
    assert put(store, rows, fits, augmentation).all()
    stored = store.get(rows, augmentation)
    # Compared as rotations: near half turns two vectors mean almost the same one.
    np.testing.assert_allclose(matrices(stored.pose), matrices(fits["pose"]), atol=1e-5)
    np.testing.assert_allclose(stored.transl, fits["transl"], atol=1e-5)


@pytest.mark.parametrize("version", [0, 1])
def test_a_half_written_slot_leaves_the_other_version(store, version):
    first, second = numbers(1, seed=1), numbers(1, seed=2)
    put(store, [9], first)
    put(store, [9], second)
    slots = store.slots[9]
    by_version = slots["version"].argsort()
    slots["pose"][by_version[1 - version], 40:] = 0.0  # as a writer killed in the middle would leave it
    expected = first if version == 0 else second
    np.testing.assert_array_equal(store.get([9]).pose, expected["pose"])
    third = numbers(1, seed=3)
    assert put(store, [9], third).all()
    np.testing.assert_array_equal(store.get([9]).pose, third["pose"])


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
print("ready", flush=True)
while True:
    stored = store.get(rows)
    told = (stored.version + 1).astype(np.float32)[:, None]
    store.replace(
        rows,
        stored=stored,
        is_better=np.ones(len(rows), bool),
        pose=told.repeat(72, 1),
        betas=told.repeat(10, 1),
        transl=told.repeat(3, 1),
        quality=told[:, 0],
    )
"""


def test_a_killed_writer_leaves_every_row_old_or_new(store):
    rng = np.random.default_rng(0)
    last = np.ones(NUM_ROWS)
    for _ in range(5):
        writer = _start(KEEP_WRITING, store.path)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.kill()
        writer.communicate()
        fits = FitStore.open(store.path).get(np.arange(NUM_ROWS))
        # Every number of a row was written to equal its version.
        numbers_of_rows = np.concatenate([fits.pose, fits.betas, fits.transl, fits.quality[:, None]], axis=1)
        is_written = fits.version > 1
        assert (numbers_of_rows == fits.version[:, None])[is_written].all()
        assert (fits.version >= last).all()
        last = fits.version
    assert (last > 1).all()


COMPETE = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store, candidates = FitStore.open(sys.argv[1]), np.load(sys.argv[2])
rows = np.arange(len(store))
print("ready", flush=True)
sys.stdin.readline()
for pose in candidates["pose"]:
    store.update_if_better(rows, pose=pose, betas=candidates["betas"], transl=candidates["transl"])
    # Whoever came between, a better fit is never replaced by a worse one.
    mine = store.measure(rows, pose=pose, betas=candidates["betas"], transl=candidates["transl"])
    assert (store.get(rows).loss <= mine).all()
"""


def test_two_processes_together_keep_the_best_of_both(measured):
    store, bodies = measured
    rows, rng, losses, poses = np.arange(NUM_ROWS), np.random.default_rng(0), [store.get(np.arange(NUM_ROWS)).loss], []
    for writer in (1, 2):
        noise = rng.uniform(0, 0.3, (60, NUM_ROWS, 1)) * rng.normal(size=(60, NUM_ROWS, 72))
        pose = (bodies["pose"] + noise).astype(np.float32)
        np.savez(store.path.with_name(f"{writer}.npz"), pose=pose, betas=bodies["betas"], transl=bodies["transl"])
        losses += [store.measure(rows, pose=one, betas=bodies["betas"], transl=bodies["transl"]) for one in pose]
        poses += list(pose)
    writers = [_start(COMPETE, store.path, store.path.with_name(f"{writer}.npz")) for writer in (1, 2)]
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
    best = np.argmin(losses, axis=0)
    assert (best > 0).all()  # of the fits that were offered
    fits = store.get(rows)
    np.testing.assert_array_equal(fits.loss, np.min(losses, axis=0))
    np.testing.assert_array_equal(fits.pose, np.stack(poses)[best - 1, rows])


def test_opening_a_store_loads_no_jax():
    code = "import sys, smplify_jax.datasets.store; sys.exit('jax' in sys.modules)"
    root = str(Path(smplify_jax.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}).returncode == 0


def test_measuring_loads_no_jax(measured):
    code = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store = FitStore.open(sys.argv[1])
store.update_if_better([0], pose=np.zeros((1, 72)), betas=np.zeros((1, 10)))
sys.exit('jax' in sys.modules)
"""
    process = _start(code, measured[0].path)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_store_goes_to_another_process_by_its_path(store):
    put(store, [1], numbers(1))
    other = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(other.get([1]).pose, store.get([1]).pose)
    second = numbers(1, seed=2)
    put(other, [1], second)
    np.testing.assert_array_equal(store.get([1]).pose, second["pose"])


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


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda store: store.get([NUM_ROWS]), "rows range from 50 to 50: the store has 0 to 49"),
        (lambda store: store.get([0.5]), "expected \\(N,\\) integers"),
        (lambda store: store.get([0, 1], Augmentation.of([0.0], [True])), "of 1 pictures for 2 rows"),
        (
            lambda store: store.replace(
                [0], stored=store.get([0]), is_better=[True], pose=np.zeros(72), betas=np.zeros((1, 10))
            ),
            "pose has shape",
        ),
        (lambda store: store.replace([0], stored=store.get([0, 1]), is_better=[True], **numbers(1)), "stored holds"),
        (lambda store: Augmentation.of([0.0], [True], [0.0]), "scales that are not finite or not above 0"),
        (lambda store: Augmentation.of([np.nan], [True]), "finite angles"),
        (lambda store: FitStore.open(store.path.with_name("coco_fits.npy")), "is not a complete fits store"),
        (lambda store: FitStore.open(store.path.with_name("nothing")), "check the path"),
        (lambda store: store_from_spin(store.path, store.path, load_body()), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(store, spoil, message):
    with pytest.raises(InputError, match=message):
        spoil(store)
