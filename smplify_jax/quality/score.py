"""One calibrated number for a fit: the probability that its joints are within 80 mm of the truth.

A logistic regression on features of a fit, calibrated on synthetic people by `python -m smplify_jax.learn.quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.errors import InputError
from smplify_jax.execution.traces import kept_in_traces
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.npz import load_npz

FitKind = Literal["pictures", "starts", "searches", "tracks"]
"""What is scored: fits of single pictures, those that start from another network's bodies, those that search from several directions, and
frames of tracks."""

SHIPPED: dict[FitKind, str] = {
    "pictures": "data/quality.npz",
    "starts": "data/quality_of_starts.npz",
    "searches": "data/quality_of_searches.npz",
    "tracks": "data/quality_of_tracks.npz",
}

GOOD_MM = 80.0
"""PA-MPJPE up to which a fit counts as good."""


@kept_in_traces
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class QualityFeatures:
    """Inputs of the quality model for one fit (or many, with leading batch axes).

    Attributes:
        joint_std: mean posterior standard deviation of the joints [m], before `QualityModel.std_scale` scales it.
        image_joint_std: the same in the image plane only [m].
        data_energy: of the data term, per observed keypoint.
        error_2d: median reprojection error, in heights of the person.
        pose_surprise: energy of the pose prior over its squared weight: negative log likelihood without its constant.
        anchor_distance: energy of the anchor over its squared weight.
        proposal_std: mean standard deviation that the network gives its pose [rad].
        noise: mean noise that the network estimates for the observed keypoints, in heights.
        num_seen: observed keypoints.
        max_beta: largest |betas|.
        uprightness: cosine of the angle between the pelvis's up axis and that of the picture: 1 upright, -1 upside down.
        head_height: how far the head is above the pelvis, along the picture's up axis [m].
        foot_height: the same of the middle of both ankles [m].
        hand_height: and of both wrists [m].
        turn_from_proposal: angle between the orientations of the fit and of the network's proposal [rad].
    """

    joint_std: Array
    image_joint_std: Array
    data_energy: Array
    error_2d: Array
    pose_surprise: Array
    anchor_distance: Array
    proposal_std: Array
    noise: Array
    num_seen: Array
    max_beta: Array
    uprightness: Array
    head_height: Array
    foot_height: Array
    hand_height: Array
    turn_from_proposal: Array

    def vector(self) -> Array:
        """(..., F) the features, scaled for a logistic regression."""
        positive = (
            self.joint_std,
            self.image_joint_std,
            self.data_energy + 0.1,
            self.error_2d + 1e-3,
            self.anchor_distance + 1.0,
            self.proposal_std,
            self.noise,
            self.num_seen,
            self.turn_from_proposal + 0.05,
        )
        logs = jnp.log(jnp.maximum(jnp.stack(positive, axis=-1), 1e-6))
        others = (
            self.pose_surprise / 10.0,
            self.max_beta,
            self.uprightness,
            self.head_height,
            self.foot_height,
            self.hand_height,
        )
        return jnp.concatenate([logs, jnp.stack(others, axis=-1)], axis=-1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class QualityModel:
    """A logistic regression on `QualityFeatures.vector` and the products of any two of its numbers, their squares among them.

    Products, because what a feature says depends on others: keypoints that fit badly are expected where they are noisy, and a head below
    the pelvis where the feet are above it.

    Attributes:
        center: (F,) subtracted from the numbers.
        scale: (F,) divides them.
        weights: (F + F (F + 1) / 2,) of the scaled numbers and of their products.
        bias: ().
        std_scale: () ratio of the joints' actual errors to their posterior standard deviations.
    """

    center: Array | np.ndarray
    scale: Array | np.ndarray
    weights: Array | np.ndarray
    bias: Array | np.ndarray
    std_scale: Array | np.ndarray

    def __call__(self, quality_features: QualityFeatures) -> Array:
        """(...,) probability of a good fit."""
        return jax.nn.sigmoid(self.inputs(quality_features.vector()) @ jnp.asarray(self.weights) + self.bias)

    def inputs(self, numbers: Array) -> Array:
        """(..., F + F (F + 1) / 2) numbers and products.

        Clipped: far outside the calibration data, the nearest value in it is a better guide than extrapolation.
        """
        scaled = jnp.clip((numbers - self.center) / self.scale, -3.0, 3.0)
        first, second = np.triu_indices(numbers.shape[-1])
        return jnp.concatenate([scaled, scaled[..., first] * scaled[..., second]], axis=-1)

    def save(self, path: str | Path) -> None:
        """Write to an .npz file."""
        with atomic_write(path) as file:
            arrays: dict[str, Any] = {
                name: np.asarray(getattr(self, name), np.float32) for name in self.__dataclass_fields__
            }
            np.savez_compressed(file, **arrays)


def num_inputs(num_features: int) -> int:
    """Inputs of the regression: the features and the products of any two."""
    return num_features * (num_features + 3) // 2


@lru_cache(maxsize=4)
def load_quality_model(path: str | Path | None = None, *, of: FitKind = "pictures") -> QualityModel:
    """Load a quality model.

    Args:
        path: None for one that comes with the package.
        of: which of these.

    Raises:
        InputError: the file is not a quality model.
    """
    if path is None:
        path = Path(str(resources.files("smplify_jax.quality").joinpath(SHIPPED[of])))
    path = Path(path)
    stored = load_npz(path)
    missing = sorted(set(QualityModel.__dataclass_fields__) - set(stored))
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(missing)} of a quality model; write it again with smplify_jax.learn.quality."
        )
    arrays = {name: np.asarray(stored[name]) for name in QualityModel.__dataclass_fields__}
    size = len(QualityFeatures.__dataclass_fields__)
    shapes = {"center": (size,), "scale": (size,), "weights": (num_inputs(size),), "bias": (), "std_scale": ()}
    for name, array in arrays.items():
        is_fitting = array.shape == shapes[name] and array.dtype.kind == "f" and bool(np.isfinite(array).all())
        if not is_fitting or (name.endswith("scale") and (array <= 0).any()):
            raise InputError(
                f"{path}: {name!r} of this quality model has shape {array.shape} and type {array.dtype}; expected finite numbers of "
                f"shape {shapes[name]}, scales above 0: write it again with smplify_jax.learn.quality."
            )
    return QualityModel(**arrays)
