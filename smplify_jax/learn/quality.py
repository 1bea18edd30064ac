"""Calibrate the quality score: `python -m smplify_jax.learn.quality FOLDER --out FILE [--starts]`.

Fits synthetic people in the poses of the train split and learns to predict from the quality features which fits come within 80 mm of the
truth. Some of these people are unusual: no recording shows them, or not that way up. Prints how often fits with a given score are good on
the validation split. `--starts` calibrates the score of fits that start from another network's bodies.
"""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import tyro
from numpy.typing import ArrayLike

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputWarning
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn.command import run
from smplify_jax.learn.people import LOWER_BODY, Detector, People, PeopleOptions, make_people
from smplify_jax.learn.starts import StartErrors, make_starts
from smplify_jax.quality.score import GOOD_MM, QualityModel, num_inputs
from smplify_jax.result import FitResult

# Under another name, `fit` neither scales standard deviations nor scores with the existing quality model, which is to be learned here.
_UNSCORED = dataclasses.replace(PROFILES["default"], name="default, not scored")

LAYOUTS = ("coco17", "openpose25", "lsp14")
DETECTORS = (
    Detector(noise=0.0),
    Detector(noise=0.01),
    Detector(noise=0.02),
    Detector(noise=0.04),
    Detector(noise=0.02, unseen=LOWER_BODY),
    Detector(noise=0.01, missing=0.5),
)

GROUPS = {
    "usual": PeopleOptions(),
    "rotated": PeopleOptions(is_any_way_up=True),
    "recombined": PeopleOptions(is_recombined=True),
    "recombined and rotated": PeopleOptions(is_recombined=True, is_any_way_up=True),
}
"""Who is fitted."""

SHARES = {"usual": 0.82, "rotated": 0.06, "recombined": 0.06, "recombined and rotated": 0.06}
"""What the groups count for in the calibration, however many are fitted: without unusual people the score believes any fit of theirs
whose keypoints fit well, and as many of them as of usual ones would make it doubt everybody."""

_UNUSUAL_FITTED = 0.5
"""Of poses_per_subject: more than their share, so that what is learned and told of them is no chance."""

START_ERRORS_MM = (30.0, 45.0, 60.0, 90.0)
"""Typical PA-MPJPE of other networks' bodies; every second set of people is fitted without saying so."""

_RIDGE = 3e-3
_NUM_NEWTON_STEPS = 30
NUM_BINS = 10


@dataclass(frozen=True)
class Fits:
    """Fits of known people.

    Attributes:
        numbers: (N, F) quality features, from `QualityFeatures.vector`.
        is_good: (N,) whether PA-MPJPE is below GOOD_MM.
        std_ratio: (N,) root mean square of the joints' errors relative to the pelvis, over that of their posterior standard deviations.
        group: (N,) the name in GROUPS.
    """

    numbers: np.ndarray
    is_good: np.ndarray
    std_ratio: np.ndarray
    group: np.ndarray

    def weight(self) -> np.ndarray:
        """(N,) what each counts for, 1 on average: every group as much as its share among those that are there."""
        names, index, counts = np.unique(self.group, return_inverse=True, return_counts=True)
        weight = (np.array([SHARES[name] for name in names]) / counts)[index]
        return weight / weight.mean()

    def of(self, group: str) -> Fits:
        """Those of one group."""
        return Fits(*(getattr(self, name)[self.group == group] for name in self.__dataclass_fields__))


def fit_known_people(folder: Path, split: str, max_poses_per_subject: int, starts: bool = False) -> Fits:
    """Fit the people of a split, every group under every detector and layout; with `starts`, from other networks' bodies."""
    parts = []
    for name, options in GROUPS.items():
        num_poses = max_poses_per_subject if name == "usual" else math.ceil(_UNUSUAL_FITTED * max_poses_per_subject)
        options = dataclasses.replace(options, split=split, max_poses_per_subject=num_poses)
        parts.append(_fit_group(folder, name, options, starts))
    return Fits(*(np.concatenate([getattr(part, name) for part in parts]) for name in Fits.__dataclass_fields__))


def _fit_group(folder: Path, name: str, options: PeopleOptions, starts: bool) -> Fits:
    body = load_body(num_betas=10)
    numbers, errors, ratios = [], [], []
    for row, layout in enumerate(LAYOUTS):
        for seed, detector in enumerate(DETECTORS):
            # Different people for every detector: a pose under six detectors would count as six.
            people = make_people(folder, body, layout, detector, dataclasses.replace(options, seed=seed))
            init = _init(people, body, row * len(DETECTORS) + seed) if starts else {}
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", InputWarning
                )  # some people are too close to fit into their picture, as in life
                result = fit(**people.as_seen(), body=body, profile=_UNSCORED, **init)
            truth = np.asarray(body.joints(**people.truth.blocks()), np.float64)
            usable = np.array([status.is_usable for status in result.statuses()])
            errors += [
                1000 * pa_mpjpe(ours, true)
                for ours, true in zip(np.asarray(result.joints, np.float64)[usable], truth[usable], strict=True)
            ]
            ratios.append(_std_ratio(result, truth)[usable])
            numbers.append(np.asarray(result.quality_features.vector(), np.float64)[usable])
    group = np.full(len(errors), name)
    return Fits(np.concatenate(numbers), np.array(errors) < GOOD_MM, np.concatenate(ratios), group)


def _init(people: People, body: BodyModel, index: int) -> dict[str, Any]:
    """Arguments of `fit` for a set of people: bodies like another network's, and for every second size of error, its size."""
    error = START_ERRORS_MM[index % len(START_ERRORS_MM)]
    is_told = index // len(START_ERRORS_MM) % 2 == 0
    start = make_starts(people.truth, body, StartErrors(pa_mpjpe_mm=error, seed=index))
    return {"init": start, "init_error": error if is_told else None}


def _std_ratio(result: FitResult, truth: np.ndarray) -> np.ndarray:
    fitted = np.asarray(result.joints, np.float64)
    errors = (fitted - fitted[:, :1]) - (truth - truth[:, :1])
    return np.sqrt((errors**2).sum(axis=(1, 2)) / (np.asarray(result.joints_std, np.float64) ** 2).sum(axis=(1, 2)))


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
    for name in GROUPS:
        inside = fits.group == name
        groups[name] = {
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


def main(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    report: Path | None = None,
    poses_per_subject: int = 32,
    starts: bool = False,
) -> None:
    """Calibrate the quality score of the default profile.

    Args:
        folder: Motion clips and their manifest.csv.
        out: The .npz to write.
        report: Write the reliability table there too, as JSON.
        poses_per_subject: Number of poses of one actor for each layout and detector, at most.
        starts: Calibrate for fits that start from other networks' bodies.
    """
    model = calibrate(fit_known_people(folder, "train", poses_per_subject, starts))
    model.save(out)
    held_out = fit_known_people(folder, "val", poses_per_subject, starts)
    text = json.dumps(judge(model, held_out), indent=1)
    print(text)
    if report is not None:
        report.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
