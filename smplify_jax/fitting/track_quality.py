"""How good the frames of a fitted track are: quality features and score, and standard deviations on the scale of real errors."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.execution import compilation
from smplify_jax.fitting.features import quality_features
from smplify_jax.fitting.frames import rows_of
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.quality.score import QualityFeatures, QualityModel, load_quality_model

_AT_ONCE = 128
"""Frames of one program: a program for every length of a track would have to be compiled for it."""

_NEEDED = ("cost", "cost_by_term", "body_pose", "global_orient", "betas")


def with_quality(fields: dict[str, Any], proposed: ProposedPeople, is_calibrated: bool = True) -> dict[str, Any]:
    """The fields of a track's result with the quality of each frame in which the person was seen; NaN in the others.

    Args:
        fields: of the result, with a leading axis T.
        proposed: what the frames started from and were kept close to.
        is_calibrated: whether these fits are of the kind that the score has been learned from. If not, it is NaN, and standard deviations
            stay as the curvature of the energy gives them.
    """
    if proposed.proposals is None:
        raise ValueError("frames start from proposals: the profile must use the network")
    inputs = {
        "is_seen": np.asarray(proposed.observations.confidence) > 0,
        "proposal": proposed.proposals,
        "std": fields["joints_std"],
        "joints": fields["joints"],
        "fields": {name: fields[name] for name in _NEEDED} | {"error_2d": fields["quality_features"].error_2d},
    }
    model = load_quality_model(of="tracks")
    parts = [_scored(model, inputs, start) for start in range(0, len(fields["status"]), _AT_ONCE)]
    features, quality = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    # Where nobody was seen, the body is a guess of the motion's, and features of the picture say nothing.
    is_scored = np.isfinite(fields["quality_features"].error_2d)
    features, quality = jax.tree.map(
        lambda leaf: np.where(is_scored, leaf, np.nan).astype(np.float32), (features, quality)
    )
    if not is_calibrated:
        return fields | {"quality_features": features}
    std = (fields["joints_std"] * model.std_scale).astype(np.float32)
    return fields | {"quality_features": features, "quality": quality, "joints_std": std}


def _scored(model: QualityModel, inputs: dict[str, Any], start: int) -> tuple[QualityFeatures, np.ndarray]:
    """Features and scores of up to `_AT_ONCE` frames."""
    num_frames = len(inputs["std"])
    rows = np.minimum(np.arange(start, start + _AT_ONCE), num_frames - 1)
    scored = jax.device_get(_program()(model, rows_of(inputs, rows)))
    return jax.tree.map(lambda leaf: leaf[: num_frames - start], scored)


def _features_and_score(model: QualityModel, inputs: dict[str, Any]) -> tuple[QualityFeatures, jax.Array]:
    weights = DEFAULT.refine[-1].weights
    features = jax.vmap(lambda frame: quality_features(**frame, weights=weights))(inputs)
    return features, jnp.asarray(model(features))


@lru_cache(maxsize=1)
def _program() -> Any:
    return compilation.jit(_features_and_score)
