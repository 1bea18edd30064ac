"""The pose prior: derived numbers, files of every kind, and what is shipped."""

import pickle
from pathlib import Path

import jax
import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.geometry.mirror import mirror_map, mirrored_poses
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior


def _moments(num_components: int = 3, num_pose: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(num_components, num_pose, 2 * num_pose)) / num_pose
    weights = generator.uniform(0.5, 1.5, size=num_components)
    return (
        generator.normal(size=(num_components, num_pose)),
        factors @ np.swapaxes(factors, 1, 2),
        weights / weights.sum(),
    )


def test_precisions_invert_the_covariances_and_have_lower_factors():
    means, covars, weights = _moments()
    prior = PosePrior.from_moments(means, covars, weights)
    # float32 results of float64 derivations of well-conditioned matrices
    np.testing.assert_allclose(np.asarray(prior.precisions) @ covars, np.broadcast_to(np.eye(6), (3, 6, 6)), atol=1e-4)
    factors = np.asarray(prior.precision_cholesky)
    np.testing.assert_array_equal(factors, np.tril(factors))
    np.testing.assert_allclose(factors @ np.swapaxes(factors, 1, 2), prior.precisions, rtol=1e-4, atol=1e-3)


def test_neg_log_weights_follow_the_published_formula_up_to_a_constant():
    means, covars, weights = _moments()
    roots = np.sqrt(np.linalg.det(covars))
    published = -np.log(weights / ((2 * np.pi) ** (69 / 2) * roots / roots.min()))
    prior = PosePrior.from_moments(means, covars, weights)
    np.testing.assert_allclose(prior.neg_log_weights, published - published.min(), rtol=1e-5, atol=1e-5)  # float32


def test_energy_of_the_likeliest_components_mean_is_zero():
    prior = PosePrior.from_moments(*_moments())
    assert np.min(prior.neg_log_weights) == 0.0


def test_weights_are_scaled_to_sum_to_one():
    means, covars, weights = _moments()
    np.testing.assert_allclose(PosePrior.from_moments(means, covars, 5 * weights).weights, weights, rtol=1e-6)


def test_mean_pose_is_the_mixtures_mean():
    means, covars, weights = _moments()
    np.testing.assert_allclose(PosePrior.from_moments(means, covars, weights).mean_pose, weights @ means, atol=1e-6)


def test_marginal_is_the_prior_of_the_first_numbers():
    means, covars, weights = _moments()
    cut = PosePrior.from_moments(means, covars, weights).marginal(3)
    expected = PosePrior.from_moments(means[:, :3], covars[:, :3, :3], weights)
    np.testing.assert_allclose(cut.precisions, expected.precisions, rtol=1e-3)  # the covariances went through float32
    assert cut.num_pose == 3


def test_marginal_of_everything_is_the_prior_itself():
    prior = PosePrior.from_moments(*_moments())
    assert prior.marginal(6) is prior


@pytest.mark.parametrize("num_pose", [0, 7])
def test_marginal_of_more_than_there_is_is_refused(num_pose: int):
    with pytest.raises(InputError, match="6 pose numbers"):
        PosePrior.from_moments(*_moments()).marginal(num_pose)


def test_prior_passes_through_jit():
    prior = PosePrior.from_moments(*_moments())
    np.testing.assert_allclose(jax.jit(lambda p: p.mean_pose)(prior), prior.mean_pose, atol=1e-6)


def test_shipped_prior_has_the_shapes_of_gmm_08():
    prior = load_prior()
    assert np.shape(prior.means) == (8, 69)
    assert np.shape(prior.covars) == (8, 69, 69)
    assert np.shape(prior.weights) == (8,)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(prior))


def test_shipped_prior_is_its_own_mirror_image_to_the_last_bit():
    prior = load_prior()
    order, signs = mirror_map(69)
    means, covars = np.asarray(prior.means), np.asarray(prior.covars)
    mirrored_covars = covars[:, order[:, None], order[None, :]] * np.outer(signs, signs)
    for mean, covar, weight in zip(mirrored_poses(means), mirrored_covars, np.asarray(prior.weights), strict=True):
        same = [k for k in range(8) if np.array_equal(mean, means[k]) and np.array_equal(covar, covars[k])]
        assert len(same) == 1
        assert weight == prior.weights[same[0]]


def test_shipped_prior_bends_knees_and_elbows_the_right_way():
    mean = np.asarray(load_prior().mean_pose).reshape(23, 3)
    left_knee, right_knee, left_elbow, right_elbow = mean[3], mean[4], mean[17], mean[18]
    assert left_knee[0] > 0.2
    assert right_knee[0] > 0.2
    assert left_elbow[1] < -0.2
    assert right_elbow[1] > 0.2


def _saved(folder: Path, suffix: str) -> Path:
    means, covars, weights = _moments()
    path = folder / f"prior{suffix}"
    if suffix == ".npz":
        np.savez(path, means=means, covars=covars, weights=weights)
    else:
        path.write_bytes(pickle.dumps({"means": means, "covars": covars, "weights": weights}, protocol=int(suffix[-1])))
        path = path.rename(folder / "prior.pkl")
    return path


@pytest.mark.parametrize("suffix", [".npz", ".pkl0", ".pkl2", ".pkl4"])
def test_files_of_either_kind_give_the_same_prior(tmp_path: Path, suffix: str):
    prior = load_prior(_saved(tmp_path, suffix))
    np.testing.assert_array_equal(prior.precisions, PosePrior.from_moments(*_moments()).precisions)


def test_pickled_scikit_learn_mixture_is_read(tmp_path: Path):
    mixture = pytest.importorskip("sklearn.mixture")
    samples = np.random.default_rng(0).normal(size=(200, 6))
    fitted = mixture.GaussianMixture(2, random_state=0).fit(samples)
    path = tmp_path / "mixture.pkl"
    path.write_bytes(pickle.dumps(fitted, protocol=2))
    prior = load_prior(path)
    np.testing.assert_allclose(prior.means, fitted.means_, rtol=1e-6)
    np.testing.assert_allclose(prior.covars, fitted.covariances_, rtol=1e-5, atol=1e-7)


def test_scikit_learn_mixture_with_diagonal_covariances_is_refused(tmp_path: Path):
    mixture = pytest.importorskip("sklearn.mixture")
    samples = np.random.default_rng(0).normal(size=(200, 6))
    path = tmp_path / "mixture.pkl"
    path.write_bytes(pickle.dumps(mixture.GaussianMixture(2, covariance_type="diag", random_state=0).fit(samples)))
    with pytest.raises(InputError, match="only full covariances"):
        load_prior(path)


class _Malicious:
    def __reduce__(self):
        return (print, ("executed",))


def test_pickle_that_asks_for_another_class_is_refused_unexecuted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"means": _Malicious()}))
    with pytest.raises(InputError, match=r"bad\.pkl"):
        load_prior(path)
    assert capsys.readouterr().out == ""


def _spoiled(**changes: object) -> dict[str, object]:
    means, covars, weights = _moments()
    return {"means": means, "covars": covars, "weights": weights, **changes}


BAD_CONTENTS = {
    "is missing": {"means": np.zeros((3, 6))},
    "numbers per joint": _spoiled(means=np.zeros((3, 7))),
    "need covars": _spoiled(weights=np.ones(2)),
    "finite": _spoiled(means=np.full((3, 6), np.nan)),
    "weights positive": _spoiled(weights=np.array([0.5, 0.5, 0.0])),
    "symmetric": _spoiled(covars=np.triu(np.ones((3, 6, 6)))),
    "positive definite": _spoiled(covars=np.broadcast_to(-np.eye(6), (3, 6, 6))),
    "real numbers": _spoiled(means=[["a"] * 6] * 3),
    "a dict or": [1, 2, 3],
}


@pytest.mark.parametrize("sentence", BAD_CONTENTS)
def test_bad_content_is_told_in_a_sentence_that_names_the_file(tmp_path: Path, sentence: str):
    path = tmp_path / "spoiled.pkl"
    path.write_bytes(pickle.dumps(BAD_CONTENTS[sentence]))
    with pytest.raises(InputError, match=sentence) as caught:
        load_prior(path)
    assert "spoiled.pkl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        load_prior(tmp_path / "absent.pkl")


def test_file_that_is_no_archive_is_told(tmp_path: Path):
    path = tmp_path / "text.npz"
    path.write_text("hello")
    with pytest.raises(InputError, match=r"text\.npz"):
        load_prior(path)
