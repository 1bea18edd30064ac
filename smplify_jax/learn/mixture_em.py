"""Mirror-symmetric Gaussian mixtures, fitted to weighted samples.

scikit-learn's GaussianMixture does not suffice: it has no sample weights (a long clip must not dominate), cannot tie
components in mirror pairs, and cannot shrink covariances towards a common one, which prevents a few dozen actors from
being over-fitted in 69 dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

_TOLERANCE = 1e-3  # [nats] gain in mean log likelihood below which the iteration stops


@dataclass(frozen=True)
class Mixture:
    """K Gaussians in D dimensions: means (K, D), covars (K, D, D), weights (K,) summing to one."""

    means: np.ndarray
    covars: np.ndarray
    weights: np.ndarray

    def log_joint(self, samples: np.ndarray) -> np.ndarray:
        """Log of weight · density (N, K) of every component, for samples (N, D)."""
        columns = []
        for mean, covar, weight in zip(self.means, self.covars, self.weights, strict=True):
            factor = np.linalg.cholesky(covar)
            whitened = solve_triangular(factor, (samples - mean).T, lower=True, check_finite=False)
            log_det = 2.0 * np.log(np.diag(factor)).sum() + len(mean) * np.log(2.0 * np.pi)
            columns.append(np.log(weight) - 0.5 * (np.einsum("dn,dn->n", whitened, whitened) + log_det))
        return np.stack(columns, axis=1)

    def log_density(self, samples: np.ndarray) -> np.ndarray:
        """Log density (N,) of samples (N, D)."""
        return np.logaddexp.reduce(self.log_joint(samples), axis=1)


@dataclass(frozen=True)
class Mirror:
    """A reflection of the samples: mirrored = sample[order] · signs; applied twice it is the identity."""

    order: np.ndarray
    signs: np.ndarray

    def of_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """Mirror images of vectors (..., D)."""
        return vectors[..., self.order] * self.signs

    def of_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """Covariance (D, D) of the mirrored samples, for that of the samples."""
        return matrix[np.ix_(self.order, self.order)] * np.outer(self.signs, self.signs)


@dataclass(frozen=True)
class MixtureShape:
    """Number and kind of a mixture's components.

    Attributes:
        num_pairs: pairs of a component and its mirror image.
        num_symmetric: components that are their own mirror image.
        shrinkage: weight of the common covariance, that of all samples, relative to a total sample weight of one:
            a component of weight w has Σ = (w · own + shrinkage · common) / (w + shrinkage) + diag(added_variance).
        is_diagonal: whether covariances have no correlations, for comparison.
    """

    num_pairs: int
    num_symmetric: int
    shrinkage: float = 0.0
    is_diagonal: bool = False

    @property
    def num_components(self) -> int:
        """Number of components."""
        return 2 * self.num_pairs + self.num_symmetric

    @property
    def num_fitted(self) -> int:
        """Components with parameters of their own; the others are mirror images."""
        return self.num_pairs + self.num_symmetric


def fit_mixture(
    samples: np.ndarray,
    weights: np.ndarray,
    shape: MixtureShape,
    mirror: Mirror,
    added_variance: np.ndarray,
    seed: int,
    max_steps: int = 60,
) -> tuple[Mixture, float]:
    """Fit by expectation-maximisation, initialised by mirror-symmetric k-means.

    The samples' mirror images count as samples, too, without being added to the data.

    Args:
        samples: (N, D).
        weights: (N,) positive.
        shape: number and kind of components.
        mirror: reflection of the samples.
        added_variance: (D,) variance added to every component, for the real variation that the samples lack.
        seed: of the initial centres.
        max_steps: maximum number of iterations of expectation-maximisation.
    Returns:
        The mixture, with components in the order: pairs, their mirror images, symmetric ones; and the weighted mean log
        likelihood of the samples.
    """
    weights = weights / weights.sum()
    mirrored = mirror.of_vectors(samples)
    assigned = _nearest_centres(samples, mirrored, weights, shape, mirror, np.random.default_rng(seed))
    shares = np.eye(shape.num_components)[assigned]
    common = _common_covariance(samples, mirrored, weights, mirror)
    likelihood = -np.inf
    for _ in range(max_steps):
        mixture = _maximise(samples, mirrored, weights[:, None] * shares, common, shape, mirror, added_variance)
        log_joint = mixture.log_joint(samples)
        log_density = np.logaddexp.reduce(log_joint, axis=1)
        shares = np.exp(log_joint - log_density[:, None])
        before, likelihood = likelihood, float(weights @ log_density)
        if likelihood - before < _TOLERANCE:
            break
    return mixture, likelihood


def _nearest_centres(
    samples: np.ndarray,
    mirrored: np.ndarray,
    weights: np.ndarray,
    shape: MixtureShape,
    mirror: Mirror,
    generator: np.random.Generator,
    num_steps: int = 30,
) -> np.ndarray:
    """Index (N,) of the nearest centre, by k-means with mirror-symmetric centres."""
    pairs = shape.num_pairs
    centres = samples[generator.choice(len(samples), shape.num_fitted, replace=False, p=weights)]
    assigned = np.zeros(len(samples), int)
    for _ in range(num_steps):
        centres[pairs:] = 0.5 * (centres[pairs:] + mirror.of_vectors(centres[pairs:]))
        every = np.concatenate([centres[:pairs], mirror.of_vectors(centres[:pairs]), centres[pairs:]])
        assigned = np.argmin(np.sum(every**2, axis=1) - 2.0 * samples @ every.T, axis=1)
        for index in range(shape.num_fitted):
            own, reflected = _share_columns(np.eye(len(every))[assigned] * weights[:, None], index, shape)
            if (total := own.sum() + reflected.sum()) > 0:
                centres[index] = (own @ samples + reflected @ mirrored) / total
    return assigned


def _share_columns(shares: np.ndarray, index: int, shape: MixtureShape) -> tuple[np.ndarray, np.ndarray]:
    """Responsibilities (N,) of one fitted component for the samples, and for their mirror images."""
    if index < shape.num_pairs:
        return shares[:, index], shares[:, shape.num_pairs + index]
    half = 0.5 * shares[:, shape.num_pairs + index]
    return half, half


def _maximise(
    samples: np.ndarray,
    mirrored: np.ndarray,
    shares: np.ndarray,
    common: np.ndarray,
    shape: MixtureShape,
    mirror: Mirror,
    added_variance: np.ndarray,
) -> Mixture:
    """Maximisation step: moments of the components from weighted responsibilities (N, K)."""
    totals, means, scatters = [], [], []
    for index in range(shape.num_fitted):
        own, reflected = _share_columns(shares, index, shape)
        total = own.sum() + reflected.sum()
        mean = (own @ samples + reflected @ mirrored) / total
        scatter = _scatter(samples - mean, own) + _scatter(mirrored - mean, reflected)
        totals.append(total)
        means.append(mean)
        scatters.append(scatter)
    covars = [
        (scatter + shape.shrinkage * common) / (total + shape.shrinkage) + np.diag(added_variance)
        for total, scatter in zip(totals, scatters, strict=True)
    ]
    if shape.is_diagonal:
        covars = [np.diag(np.diag(covar)) for covar in covars]
    return _with_mirror_images(np.array(means), np.array(covars), np.array(totals), shape, mirror)


def _common_covariance(samples: np.ndarray, mirrored: np.ndarray, weights: np.ndarray, mirror: Mirror) -> np.ndarray:
    """Covariance (D, D) of all samples and their mirror images."""
    mean = 0.5 * (weights @ samples + weights @ mirrored)
    covar = 0.5 * (_scatter(samples - mean, weights) + _scatter(mirrored - mean, weights))
    return 0.5 * (covar + mirror.of_matrix(covar))


def _scatter(differences: np.ndarray, shares: np.ndarray) -> np.ndarray:
    scatter = (differences * shares[:, None]).T @ differences
    return 0.5 * (scatter + scatter.T)


def _with_mirror_images(
    means: np.ndarray, covars: np.ndarray, totals: np.ndarray, shape: MixtureShape, mirror: Mirror
) -> Mixture:
    """The whole mixture from its fitted components; symmetric components become exactly symmetric."""
    pairs = slice(0, shape.num_pairs)
    own = slice(shape.num_pairs, None)
    own_covars = [0.5 * (covar + mirror.of_matrix(covar)) for covar in covars[own]]
    pair_images = [mirror.of_matrix(covar) for covar in covars[pairs]]
    size = means.shape[1]
    return Mixture(
        np.concatenate(
            [means[pairs], mirror.of_vectors(means[pairs]), 0.5 * (means[own] + mirror.of_vectors(means[own]))]
        ),
        np.concatenate(
            [covars[pairs], np.reshape(pair_images, (-1, size, size)), np.reshape(own_covars, (-1, size, size))]
        ),
        np.concatenate([0.5 * totals[pairs], 0.5 * totals[pairs], totals[own]]),
    )
