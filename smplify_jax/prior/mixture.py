"""The pose prior of SMPLify: a Gaussian mixture over body_pose, prepared for max-mixture residuals.

For every component k the energy of a pose θ is

    ½ (θ − μ_k)ᵀ Σ_k⁻¹ (θ − μ_k) − log w̃_k,    w̃_k = w_k / ((2π)^(D/2) · √|Σ_k| / min_j √|Σ_j|),

and the prior's energy is their minimum.
Source: Bogo et al., Keep it SMPL, ECCV 2016 (minimum in place of the sum); Olson & Agarwal 2013 for max-mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array

from smplify_jax.errors import InputError
from smplify_jax.files.damage import explained_damage

MAX_NUM_POSE = 999
"""Of a prior: more joints than any body has."""

MAX_ASYMMETRY = 1e-4
"""How much a covariance may differ from its transpose, relative to its largest entry; float32 files reach 1e-6."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)  # priors are compared by identity: they hold arrays
class PosePrior:
    """K Gaussians over D joint rotation numbers (69 for SMPL: 23 joints, axis-angle [rad]).

    Make one with `from_moments`, which checks the moments and derives the rest in float64.

    Attributes:
        means: (K, D) μ_k.
        covars: (K, D, D) Σ_k.
        weights: (K,) w_k, sum to one.
        precisions: (K, D, D) Σ_k⁻¹.
        precision_cholesky: (K, D, D) lower L_k with L_k L_kᵀ = Σ_k⁻¹, so that ‖(θ − μ_k) L_k‖² is the Mahalanobis
            distance.
        neg_log_weights: (K,) −log w̃_k minus its least value, so that the most likely component's mean has energy zero.
            The published codes keep that constant (63.4 for their file), which does not depend on the pose.
    """

    means: Array | np.ndarray
    covars: Array | np.ndarray
    weights: Array | np.ndarray
    precisions: Array | np.ndarray
    precision_cholesky: Array | np.ndarray
    neg_log_weights: Array | np.ndarray

    @staticmethod
    def from_moments(means: Any, covars: Any, weights: Any, source: str = "The pose prior") -> PosePrior:
        """Prepare a mixture given by its moments.

        Args:
            means: (K, D).
            covars: (K, D, D), symmetric and positive definite.
            weights: (K,), positive; scaled to sum to one.
            source: what to call the mixture in messages, such as its file.
        Returns:
            The prior, float32 arrays derived in float64.
        Raises:
            InputError: shapes that do not match, numbers that are not finite, or matrices that are not covariances.
        """
        means, covars, weights = _checked(means, covars, weights, source)
        with explained_damage(source, "give covariances that can be inverted."):
            precisions = np.linalg.inv(covars)
            precisions = 0.5 * (precisions + np.swapaxes(precisions, -1, -2))
            half_log_dets = np.log(np.diagonal(np.linalg.cholesky(covars), axis1=-2, axis2=-1)).sum(axis=-1)
            neg_log = half_log_dets - np.log(weights)
            derived = (means, covars, weights, precisions, np.linalg.cholesky(precisions), neg_log - neg_log.min())
            arrays = [array.astype(np.float32) for array in derived]
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError(
                f"{source}: means, covars or weights are so large or small that what a fit needs of them is not finite; "
                "give joint rotations [rad]."
            )
        return PosePrior(*arrays)

    @property
    def num_components(self) -> int:
        """Number of components K."""
        return self.means.shape[0]

    @property
    def num_pose(self) -> int:
        """Number of pose numbers D: three per joint."""
        return self.means.shape[1]

    @property
    def mean_pose(self) -> Array | np.ndarray:
        """(D,) the mixture's mean.

        The published fit is meant to start from this pose, but in fact starts from the zero pose: its weights are
        divided by (2π)^(D/2) before they multiply the means.
        """
        return self.weights @ self.means

    def marginal(self, num_pose: int) -> PosePrior:
        """The prior over the first `num_pose` numbers.

        Bodies with fingers have 63: the hands are not part of their body_pose.

        Raises:
            InputError: the prior has fewer numbers.
        """
        if not 0 < num_pose <= self.num_pose:
            raise InputError(f"The pose prior has {self.num_pose} pose numbers and {num_pose} were asked for.")
        if num_pose == self.num_pose:
            return self
        kept = slice(0, num_pose)
        return PosePrior.from_moments(self.means[:, kept], self.covars[:, kept, kept], self.weights)


def _real_numbers(values: Any, source: str) -> np.ndarray:
    """float64; what is no real number is refused, text that reads like one among it."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "fiuO":  # whole numbers of more than 64 bits are objects
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{source}: means, covars and weights must be arrays of real numbers.")


def _checked(means: Any, covars: Any, weights: Any, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The moments as float64 arrays; covariances exactly symmetric, weights sum to one."""
    means, covars, weights = (_real_numbers(array, source) for array in (means, covars, weights))
    if means.ndim != 2 or 0 in means.shape or means.shape[1] % 3:
        raise InputError(f"{source}: means must be (components, 3 numbers per joint), got {means.shape}.")
    num_components, num_pose = means.shape
    if num_pose > MAX_NUM_POSE:
        raise InputError(f"{source}: means have {num_pose} pose numbers; expected at most {MAX_NUM_POSE}.")
    if covars.shape != (num_components, num_pose, num_pose) or weights.shape != (num_components,):
        raise InputError(
            f"{source}: means {means.shape} need covars {(num_components, num_pose, num_pose)} and weights "
            f"{(num_components,)}, got {covars.shape} and {weights.shape}; only full covariances are read."
        )
    if not all(np.isfinite(array).all() for array in (means, covars, weights)) or (weights <= 0).any():
        raise InputError(f"{source}: means and covars must be finite and weights positive; the file is damaged.")
    transposed = np.swapaxes(covars, -1, -2)
    with np.errstate(over="ignore"):
        asymmetry = np.abs(covars - transposed).max()
    if asymmetry > MAX_ASYMMETRY * np.abs(covars).max():
        raise InputError(f"{source}: every covariance must be symmetric; the file is damaged.")
    covars = 0.5 * covars + 0.5 * transposed  # in this order, nothing overflows
    try:
        np.linalg.cholesky(covars)
    except np.linalg.LinAlgError:
        raise InputError(
            f"{source}: every covariance must be positive definite; add a little to its diagonal."
        ) from None
    return means, covars, weights / weights.sum()
