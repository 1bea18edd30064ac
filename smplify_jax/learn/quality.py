"""Calibrate the quality score: `python -m smplify_jax.learn.quality FOLDER --out FILE [--of starts | searches | tracks]`.

Fits synthetic people in the poses of the train split and learns to predict from the quality features which fits come within 80 mm of the
truth. Some of these people are unusual: no recording shows them, or not that way up. Prints how often fits with a given score are good on
the validation split. `--of starts` calibrates the score of fits that start from another network's bodies, `--of searches` that of fits with
`num_starts`, and `--of tracks` that of the frames of a track.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import tyro
from numpy.typing import ArrayLike

from smplify_jax.learn.command import run
from smplify_jax.learn.known_fits import Fits
from smplify_jax.learn.known_people import fit_known_people
from smplify_jax.learn.known_tracks import fit_known_tracks
from smplify_jax.quality.score import FitKind, QualityModel, num_inputs

_RIDGE = 3e-3
_NUM_NEWTON_STEPS = 30
NUM_BINS = 10


def calibrate(fits: Fits) -> QualityModel:
    """Logistic regression by Newton's method, with a small ridge penalty on all weights except the bias.

    The scale of the standard deviations comes from usual people: a body facing the other way is another optimum, about which the curvature
    at this one says nothing.
    """
    weight = fits.weight()
    center, scale = fits.numbers.mean(axis=0), fits.numbers.std(axis=0) + 1e-9
    blank = np.zeros(num_inputs(len(center)))
    ratio = np.asarray(np.sqrt(np.mean(fits.of("usual").std_ratio ** 2)), np.float32)
    model = QualityModel(center.astype(np.float32), scale.astype(np.float32), blank, np.zeros(()), ratio)
    inputs = np.asarray(model.inputs(jnp.asarray(fits.numbers, jnp.float32)), np.float64)
    inputs = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = len(inputs) * _RIDGE * np.diag([*np.ones(len(blank)), 0.0])
    weights = np.zeros(inputs.shape[1])
    for _ in range(_NUM_NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (weight * (probability - fits.is_good)) + ridge @ weights
        hessian = (inputs * (weight * probability * (1 - probability))[:, None]).T @ inputs + ridge
        weights -= np.linalg.solve(hessian, gradient)
    return dataclasses.replace(model, weights=weights[:-1].astype(np.float32), bias=np.asarray(weights[-1], np.float32))


def predict(model: QualityModel, numbers: ArrayLike) -> np.ndarray:
    """Predict the scores (N,)."""
    inputs = np.asarray(model.inputs(jnp.asarray(numbers, jnp.float32)), np.float64)
    return 1.0 / (1.0 + np.exp(-(inputs @ np.asarray(model.weights) + np.asarray(model.bias))))


def reliability(
    scores: np.ndarray, is_good: np.ndarray, weight: np.ndarray | None = None
) -> tuple[list[dict[str, float]], float]:
    """How often fits with a given score are good, and the expected calibration error.

    Args:
        scores: (N,).
        is_good: (N,).
        weight: (N,) what each fit counts for; 1 by default.
    Returns:
        A row per non-empty tenth of the scores, and the mean of |score - fraction of good fits| over all fits.
    """
    weight = np.ones(len(scores)) if weight is None else weight
    tenth = np.minimum((scores * NUM_BINS).astype(int), NUM_BINS - 1)
    rows, error = [], 0.0
    for index in range(NUM_BINS):
        inside = tenth == index
        if not inside.any():
            continue
        score, good = (float(np.average(values[inside], weights=weight[inside])) for values in (scores, is_good))
        rows.append({"fits": int(inside.sum()), "score": score, "good": good})
        error += float(weight[inside].sum() / weight.sum()) * abs(score - good)
    return rows, error


def judge(model: QualityModel, fits: Fits) -> dict[str, Any]:
    """How well the scores of fits that were not learned from tell which are good: of all by their groups' shares, and of each group."""
    scores = predict(model, fits.numbers)
    rows, error = reliability(scores, fits.is_good, fits.weight())
    groups = {}
    for name in np.unique(fits.group):
        inside = fits.group == name
        groups[str(name)] = {
            "fits": int(inside.sum()),
            "score": float(scores[inside].mean()),
            "good": float(fits.is_good[inside].mean()),
            "expected_calibration_error": reliability(scores[inside], fits.is_good[inside])[1],
        }
    spread = float(np.sqrt(np.mean(fits.of("usual").std_ratio ** 2)) / model.std_scale)
    return {
        "expected_calibration_error": error,
        "groups": groups,
        "bins": rows,
        "usual_bins": reliability(scores[fits.group == "usual"], fits.is_good[fits.group == "usual"])[0],
        "usual_error_over_claimed_std": spread,
    }


_FITTED: dict[FitKind, Callable[[Path, str, int], Fits]] = {
    "pictures": fit_known_people,
    "starts": partial(fit_known_people, of="starts"),
    "searches": partial(fit_known_people, of="searches"),
    "tracks": fit_known_tracks,
}


def main(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    of: FitKind = "pictures",
    report: Path | None = None,
    number: int = 32,
) -> None:
    """Calibrate the quality score of the default profile.

    Args:
        folder: Motion clips and their manifest.csv.
        out: The .npz to write.
        of: Fits of single pictures; those that start from other networks' bodies, or search from several directions; or frames of
            tracks.
        report: Write the reliability table there too, as JSON.
        number: Of poses of one actor for each layout and detector, at most; or of tracks.
    """
    model = calibrate(_FITTED[of](folder, "train", number))
    model.save(out)
    text = json.dumps(judge(model, _FITTED[of](folder, "val", number)), indent=1)
    print(text)
    if report is not None:
        report.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
