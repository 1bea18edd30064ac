"""Learning the pose prior: balance, the symmetric mixture, and the tool on real recordings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.learn.balance import Balance
from smplify_jax.learn.mixture_em import Mirror, Mixture, MixtureShape, fit_mixture
from smplify_jax.learn.mocap.limits import is_possible
from smplify_jax.learn.mocap.poses import PoseSet
from smplify_jax.learn.pose_prior import Recipe, compare, learn, load_training, main, save_mixture
from smplify_jax.prior.load import load_prior

MIRROR = Mirror(np.array([1, 0, 2]), np.array([1.0, 1.0, -1.0]))
"""Exchanges the first two numbers and turns the third round."""


def _symmetric_mixture() -> Mixture:
    means = np.array([[4.0, -2.0, 1.0], [-2.0, 4.0, -1.0], [0.0, 0.0, 0.0]])
    covar = np.array([[1.0, 0.3, 0.2], [0.3, 0.5, 0.0], [0.2, 0.0, 0.4]])
    return Mixture(
        means, np.array([covar, MIRROR.of_matrix(covar), np.diag([0.6, 0.6, 0.2])]), np.array([0.3, 0.3, 0.4])
    )


def _samples(mixture: Mixture, count: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(mixture.weights), count, p=mixture.weights)
    factors = np.linalg.cholesky(mixture.covars)
    return mixture.means[chosen] + np.einsum("nij,nj->ni", factors[chosen], generator.normal(size=(count, 3)))


FREE = MixtureShape(num_pairs=1, num_symmetric=1, shrinkage=0.0)


def _fit(samples: np.ndarray, shape: MixtureShape = FREE, weights: np.ndarray | None = None) -> Mixture:
    weights = np.ones(len(samples)) if weights is None else weights
    return fit_mixture(samples, weights, shape, MIRROR, np.zeros(3), seed=0)[0]


def test_mixture_that_made_the_samples_is_found():
    truth = _symmetric_mixture()
    found = _fit(_samples(truth, 4000))
    order = [0, 1, 2] if found.means[0, 0] > 0 else [1, 0, 2]
    # 4000 samples: standard errors of 0.02 in the means, 0.04 in the covariances; four of them
    np.testing.assert_allclose(found.means[order], truth.means, atol=0.1)
    np.testing.assert_allclose(found.covars[order], truth.covars, atol=0.15)
    np.testing.assert_allclose(found.weights[order], truth.weights, atol=0.03)


def test_fitted_mixture_is_its_own_mirror_image_to_the_last_bit():
    found = _fit(_samples(_symmetric_mixture(), 500))
    np.testing.assert_array_equal(MIRROR.of_vectors(found.means[0]), found.means[1])
    np.testing.assert_array_equal(MIRROR.of_matrix(found.covars[0]), found.covars[1])
    np.testing.assert_array_equal(MIRROR.of_vectors(found.means[2]), found.means[2])
    np.testing.assert_array_equal(MIRROR.of_matrix(found.covars[2]), found.covars[2])
    assert found.weights[0] == found.weights[1]


def test_samples_and_their_mirror_images_give_the_same_density():
    samples = _samples(_symmetric_mixture(), 500)
    found = _fit(samples)
    np.testing.assert_allclose(found.log_density(samples), found.log_density(MIRROR.of_vectors(samples)), rtol=1e-9)


def test_same_seed_gives_the_same_mixture():
    samples = _samples(_symmetric_mixture(), 300)
    np.testing.assert_array_equal(_fit(samples).covars, _fit(samples).covars)


def test_one_component_weights_its_samples():
    samples = _samples(_symmetric_mixture(), 60)
    weights = np.where(np.arange(60) < 20, 3.0, 1.0)
    repeated = np.concatenate([samples, samples[:20], samples[:20]])
    one = MixtureShape(num_pairs=0, num_symmetric=1, shrinkage=0.0)
    np.testing.assert_allclose(_fit(samples, one, weights).covars, _fit(repeated, one).covars, rtol=1e-9)


def test_shrinkage_draws_covariances_together():
    samples = _samples(_symmetric_mixture(), 1000)
    free, drawn = _fit(samples), _fit(samples, replace(FREE, shrinkage=10.0))
    spread = [np.linalg.norm(mixture.covars[0] - mixture.covars[2]) for mixture in (free, drawn)]
    assert spread[1] < 0.2 * spread[0]


def test_diagonal_mixture_has_no_correlations():
    covars = _fit(_samples(_symmetric_mixture(), 500), replace(FREE, is_diagonal=True)).covars
    np.testing.assert_array_equal(covars, [np.diag(np.diag(covar)) for covar in covars])


def test_log_density_is_that_of_a_gaussian():
    mixture = Mixture(np.zeros((1, 2)), np.array([np.diag([1.0, 4.0])]), np.ones(1))
    expected = -np.log(2 * np.pi) - np.log(2.0) - 0.5 * (1.0 + 1.0)
    np.testing.assert_allclose(mixture.log_density(np.array([[1.0, 2.0]])), [expected])


def _pose_set(subjects: list[str], actions: list[str], is_walking: list[bool]) -> PoseSet:
    count = len(subjects)
    labels = np.array(["clip"] * count)
    return PoseSet(np.zeros((count, 72)), labels, labels, np.array(subjects), np.array(actions), np.array(is_walking))


def test_repeated_action_weighs_as_the_square_root_beyond_its_allowance():
    poses = _pose_set(["a"] * 400 + ["b"] * 100, ["sit"] * 500, [False] * 500)
    weights = Balance(free_frames=100.0).weights(poses)
    np.testing.assert_allclose(weights[:400].sum() / weights[400:].sum(), 2.0)  # 100 · √(400/100) against 100


def test_walking_keeps_to_its_share():
    poses = _pose_set(["a"] * 300 + ["b"] * 100, ["walk"] * 300 + ["sit"] * 100, [True] * 300 + [False] * 100)
    weights = Balance(free_frames=1000.0, walking_share=0.25).weights(poses)
    np.testing.assert_allclose(weights[:300].sum() / weights.sum(), 0.25)


MEASURED_SIZES = (8,)
"""Components of the mixture without correlations: the best of all sizes on these poses, see docs/pose_prior.md."""
RECIPE = Recipe(max_frames_per_clip=6, num_starts=1)
"""A fifth of the poses that the shipped prior was learned from, so that the tests take a minute."""


@pytest.fixture(scope="module")
def recordings(shared_data: Path) -> tuple[PoseSet, dict[str, PoseSet]]:
    return load_training(shared_data / "mocap", RECIPE)


@pytest.mark.real_data
def test_shipped_prior_predicts_unseen_actors_better_than_one_gaussian_or_any_without_correlations(
    recordings: tuple[PoseSet, dict[str, PoseSet]],
):
    train, held_out = recordings
    shipped = load_prior()
    prior = Mixture(*(np.asarray(part, float) for part in (shipped.means, shipped.covars, shipped.weights)))
    table = compare(train, {"val": held_out["val"]}, RECIPE, prior, MEASURED_SIZES)
    for name, scores in table.items():
        if name != "prior":
            assert table["prior"]["val"] > scores["val"] + 1.0, name  # differences are 3 nats and more


@pytest.mark.real_data
def test_learned_prior_repeats_and_draws_poses_that_a_body_can_hold(
    recordings: tuple[PoseSet, dict[str, PoseSet]], tmp_path: Path
):
    for name in ("first", "again"):
        save_mixture(tmp_path / f"{name}.npz", learn(recordings[0], RECIPE))
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    prior = load_prior(tmp_path / "first.npz")
    weights = np.asarray(prior.weights, float)
    generator = np.random.default_rng(0)
    chosen = generator.choice(8, 500, p=weights / weights.sum())
    factors = np.linalg.cholesky(np.asarray(prior.covars, float))
    noise = np.einsum("nij,nj->ni", factors[chosen], generator.normal(size=(500, 69)))
    drawn = np.concatenate([np.zeros((500, 3)), np.asarray(prior.means)[chosen] + noise], axis=1)
    # a Gaussian has tails beyond any hard limit, in 63 numbers at once; poses wrong as a rule would give about none
    assert is_possible(drawn).mean() > 0.5


def test_tool_without_a_manifest_says_so(tmp_path: Path):
    with pytest.raises(InputError, match=r"manifest\.csv"):
        main(tmp_path, tmp_path / "prior.npz")


@pytest.mark.real_data
def test_tool_writes_the_prior_and_its_table(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(
        shared_data / "mocap",
        tmp_path / "prior.npz",
        report=tmp_path / "table.json",
        recipe=Recipe(max_frames_per_clip=2),
        plainer_models=False,
    )
    assert load_prior(tmp_path / "prior.npz").num_components == 8
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "table.json").read_text())
