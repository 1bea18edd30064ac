"""The fits store: better fits win, and augmentation is undone and applied."""

from typing import Any

import numpy as np
import pytest
from dataset_fits import load_body
from fit_stores import NUM_ROWS, numbers, of_rows, perturbed, put, spin_store
from measured_people import draw_bodies, make_measured_store
from scipy.spatial.transform import Rotation

from smplify_jax.datasets.augmentation import Augmentation
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import store_from_spin
from smplify_jax.errors import InputError


@pytest.fixture
def store(tmp_path):
    return spin_store(tmp_path)[0]


@pytest.fixture
def measured(tmp_path):
    """A store that holds fits of other people, and the bodies that fit."""
    return make_measured_store(tmp_path / "measured.store", NUM_ROWS)


def matrices(pose):
    return Rotation.from_rotvec(np.asarray(pose, np.float64).reshape(-1, 3)).as_matrix()


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
