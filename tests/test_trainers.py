"""The trainers of examples/trainers: their pictures, bodies and augmentation are right, and each system learns from a few pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

eqx = pytest.importorskip("equinox", reason="needs the extra trainers")
pytest.importorskip("matplotlib", reason="needs the extra trainers")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from examples.trainers import hmr, losses, spin, vibe  # noqa: E402
from examples.trainers.augmentation import Batch, augment  # noqa: E402
from examples.trainers.backbone import backbone_of  # noqa: E402
from examples.trainers.bodies import TrainedBody  # noqa: E402
from examples.trainers.dataset import Pictures, make_pictures  # noqa: E402
from examples.trainers.evaluation import acceleration_error, errors_3d, points_of, true_estimate  # noqa: E402
from examples.trainers.networks import NUM_FEATURES, Regressor  # noqa: E402
from examples.trainers.people import NUM_FRAMES  # noqa: E402
from examples.trainers.setting import Data, Options, Trained, table_of  # noqa: E402
from smplify_jax import load_body  # noqa: E402

FEW = Options(num_steps=8, num_encoder_steps=2, versions=2, batch_size=8, repeats=1)


@pytest.fixture(scope="module")
def body():
    return load_body(num_betas=10)


@pytest.fixture(scope="module")
def pictures(body) -> Pictures:
    return make_pictures(None, body, "train", 8, seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def data(body, pictures, folder) -> Data:
    data = Data(body, TrainedBody.of(body), pictures, true_estimate(pictures), pictures, None)
    backbone_of(data, replace(FEW, out=folder), 0)
    return data


def test_keypoints_lie_on_the_rendered_people(pictures):
    seen = pictures.keypoints[..., 2] > 0
    columns, rows = (np.clip((32 * (pictures.keypoints[..., axis] + 1)).astype(int), 0, 63) for axis in (0, 1))
    alpha = pictures.people[..., 3].astype(float)
    # Noise of 2 % of the height is a pixel, and ankles lie at the rim: look for the person within two pixels.
    near = np.max([np.roll(alpha, by, axis=(1, 2)) for by in np.ndindex(5, 5)], axis=0)
    near = np.roll(near, (-2, -2), axis=(1, 2))
    assert (near[np.arange(8)[:, None], rows, columns] > 0)[seen].mean() > 0.93  # 1 % are outliers by design
    assert seen.mean() > 0.7


def test_the_trained_body_is_the_rendered_one(data, pictures, body):
    pose = {"global_orient": pictures.pose[:, :3], "body_pose": pictures.pose[:, 3:]}
    given = {**pose, "betas": pictures.betas, "transl": pictures.transl}
    joints = np.asarray(body.joints(**given))
    points = points_of(data.trained, data.truth)
    np.testing.assert_allclose(points.joints, joints - joints[:, :1], atol=2e-5)  # float32 sums along ten bones
    keypoints = np.asarray(body.keypoints(**given, layout="coco17"))
    np.testing.assert_allclose(points.projected, 10 * keypoints[..., :2] / keypoints[..., 2:], atol=1e-4)  # float32


def test_augmentation_moves_keypoints_and_bodies_alike(data, pictures):
    exact = points_of(data.trained, data.truth).projected
    batch = Batch.of(pictures, np.arange(8), 0)
    batch = batch._replace(keypoints=np.dstack([exact, np.ones(exact.shape[:2])]))
    augmented = jax.jit(augment)(jax.random.key(3), batch)
    keypoints, moved = np.asarray(augmented.keypoints), augmented.change.of_bodies(data.truth)
    points = points_of(data.trained, moved)
    seen = keypoints[..., 2] > 0
    # A body that is moved before a camera 10 m away turns a little; and left and right of the open body differ by millimetres.
    assert np.abs(points.projected - keypoints[..., :2])[seen].max() < 0.03
    assert augmented.images.shape == (8, 64, 64, 3)
    assert not np.allclose(moved.rotations, data.truth.rotations)


def test_true_bodies_have_no_error(data):
    points = points_of(data.trained, data.truth)
    assert max(errors_3d(points, points).values()) < 0.01
    assert acceleration_error(points, points, 8, 30.0) == 0


def test_maps_are_drawn_to_the_places_of_keypoints():
    keypoints = np.random.default_rng(0).uniform(-0.9, 0.9, (4, 17, 3)).astype(np.float32)
    keypoints[..., 2] = keypoints[..., 2] > -0.5
    seen = keypoints[..., 2] > 0
    maps = jnp.zeros((4, 16 * 16, 17))
    # The slope is the map's softmax, here the same everywhere, less the distribution that it is drawn to.
    drawn_to = 1 / 256 - np.asarray(jax.grad(losses.on_maps)(maps, keypoints)) * seen.sum()
    at = (2 * np.arange(16) + 1) / 16 - 1
    cells = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    places = np.einsum("npk,pc->nkc", drawn_to, cells)
    np.testing.assert_allclose(places[seen], keypoints[seen, :2], atol=1e-4)  # float32 sums over 256 cells


def test_the_encoder_is_trained_once_and_sees_every_picture(data, folder):
    backbone = backbone_of(data, FEW, 0)
    again = backbone_of(replace(data, backbones={}), replace(FEW, out=folder), 0)
    np.testing.assert_array_equal(again.sights.features, backbone.sights.features)
    np.testing.assert_array_equal(np.bincount(backbone.sights.rows), np.full(8, FEW.versions))


def test_hmr_learns_with_its_adversaries(data):
    weights = hmr.Weights(**hmr.WITH_3D, adversarial=hmr.ADVERSARIAL)
    trained = hmr.train(data, FEW, weights, seed=0)
    assert trained.losses[-1] < trained.losses[0]
    assert all(np.isfinite(value) for value in trained.errors.values())


def test_spin_keeps_only_better_fits(data, tmp_path: Path):
    options = spin.SpinOptions(**vars(FEW) | {"rounds": 1, "profile": "default", "out": tmp_path})
    fits = spin.fit_all(data, options.profile)
    static = spin.make_store(data, options, fits, "static").get(np.arange(8))
    trained = spin.train(data, options, fits, "loop", seed=0)
    stored = spin.FitStore.open(tmp_path / "spin-loop-0.store").get(np.arange(8))
    assert (stored.loss <= static.loss).all()
    is_improved = stored.version > static.version
    assert trained.extras["share of rows improved"] == [is_improved.mean()]
    assert (stored.loss < static.loss)[is_improved].all()


@pytest.fixture(scope="module")
def tracks() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {"features": generator.uniform(size=(4 * NUM_FRAMES, NUM_FEATURES)).astype(np.float32)}


def test_vibe_gives_a_track_one_shape_and_learns(data, pictures, tracks):
    network = vibe.TemporalNetwork(jax.random.key(0), Regressor(jax.random.key(1)))
    estimate = eqx.filter_jit(network)(tracks["features"].reshape(4, NUM_FRAMES, -1))
    assert np.ptp(np.asarray(estimate.betas).reshape(4, NUM_FRAMES, 10), axis=1).max() == 0
    frames = pictures[np.arange(4 * NUM_FRAMES) % len(pictures)]
    options = vibe.VibeOptions(num_track_steps=6, track_batch=4)
    _, losses = vibe.train(network, tracks["features"], frames, data, options, options.adversarial, seed=0)
    assert losses[-1] < losses[0]


def test_tables_have_mean_and_standard_deviation():
    runs = {"one": [Trained(None, {"mm": 1.0}, []), Trained(None, {"mm": 3.0}, [])], "two": [Trained(None, {}, [])]}
    assert table_of(runs).splitlines()[2:] == ["| one | 2.0 ± 1.4 |", "| two |  |"]
