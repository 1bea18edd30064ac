"""Ablation study of the default profile: `python -m benchmarks.ablations MOTION_FOLDER [--json FILE] [--plots FOLDER]`.

Like table 2 and figure 4 of Bogo et al., Keep it SMPL, ECCV 2016, on the people of `smplify_jax.learn.people`: the default with one part
removed at a time; accuracy against noise; shape against noise and against the visible keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.measure import accuracy, joined, print_table, summarize, write_json
from smplify_jax import fit, load_body, load_prior
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.fitting.stages import Profile
from smplify_jax.learn.people import Detector, make_people
from smplify_jax.prior.mixture import PosePrior

LAYOUT = "coco17"
NOISE = (0.0, 0.01, 0.02, 0.04)
CURVE_NOISE = (0.0, 0.01, 0.02, 0.03, 0.04, 0.06)
SUBSETS: dict[str, tuple[str, ...]] = {
    "all": (),
    "no face": ("nose", "eye", "ear"),
    "no arms": ("elbow", "wrist"),
    "no legs": ("knee", "ankle"),
    "trunk alone": ("nose", "eye", "ear", "elbow", "wrist", "knee", "ankle"),
}
"""Hidden keypoints, as parts of their names."""


@dataclass(frozen=True)
class Options:
    """Measure the effect of each part."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    json: Path | None = None
    """Also write the tables here."""
    plots: Path | None = None
    """Draw the curves there; needs matplotlib."""


def one_gaussian() -> PosePrior:
    """The shipped prior's mixture as a single Gaussian of the same mean and covariance."""
    mixture = load_prior()
    weights, means = np.asarray(mixture.weights, float), np.asarray(mixture.means, float)
    weights = weights / weights.sum()
    mean = weights @ means
    apart = means - mean
    covariance = np.einsum("k,kij->ij", weights, mixture.covars) + np.einsum("k,ki,kj->ij", weights, apart, apart)
    return PosePrior.from_moments(mean[None], covariance[None], np.ones(1))


def without(profile: Profile, term: str) -> Profile:
    """The profile with a negligible weight of a term in the refinement rounds."""
    rounds = [replace(one, weights=replace(one.weights, **{term: 1e-3})) for one in profile.refine]
    return replace(profile, refine=tuple(rounds))


def variants() -> dict[str, partial]:
    """`fit` without one part, by name."""
    default = PROFILES["default"]
    fits = {
        "default": partial(fit, profile=default),
        "two searched starts, no network's start": partial(fit, profile=default, num_starts=2),
        "the network's start, no anchor": partial(fit, profile=default, anchor=None),
        "one pass of the network": partial(fit, profile=replace(default, num_passes=1)),
        "detector's confidence for weights": partial(fit, profile=replace(default, weighs_by_noise=False)),
        "one Gaussian as pose prior": partial(fit, profile=default, prior=one_gaussian()),
    }
    for name in ("pose_prior", "bend", "shape", "interpenetration"):
        fits[f"no {name} term"] = partial(fit, profile=without(default, name))
    return fits


def table(folder: Path) -> list[dict]:
    """One row per variant, over all noise levels."""
    body = load_body(num_betas=10)
    rows = []
    for name, fit_variant in variants().items():
        found = []
        for noise in NOISE:
            people = make_people(folder, body, LAYOUT, Detector(noise=noise))
            found.append(accuracy(fit_variant(**people.as_seen(), body=body), people, body))
        rows.append({"variant": name} | summarize(joined(found)))
    return rows


def curves(folder: Path) -> list[dict]:
    """One row per noise level and subset of keypoints, for the default and `plain`; without gaps, outliers and swaps, as in the paper."""
    body = load_body(num_betas=10)
    cells = [(noise, "all") for noise in CURVE_NOISE] + [(0.01, subset) for subset in SUBSETS if subset != "all"]
    rows = []
    for profile in ("default", "plain"):
        for noise, subset in cells:
            detector = Detector(noise=noise, missing=0.0, outliers=0.0, swaps=0.0, unseen=SUBSETS[subset])
            people = make_people(folder, body, LAYOUT, detector)
            result = fit(**people.as_seen(), body=body, profile=profile)
            rows.append(
                {"profile": profile, "noise": noise, "seen": subset} | summarize(accuracy(result, people, body))
            )
    return rows


def draw(rows: Sequence[dict], folder: Path) -> None:
    """Plot accuracy and shape against noise, and against the visible keypoints, as two pictures."""
    import matplotlib.pyplot as plt  # optional: the tables do not need it

    folder.mkdir(parents=True, exist_ok=True)
    measures = {"pa_mean": "PA-MPJPE [mm]", "shape_mm": "T-pose shape error [mm]"}
    for name in ("noise", "seen"):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        for axis, (measure, label) in zip(axes, measures.items(), strict=True):
            for profile in ("default", "plain"):
                chosen = [row for row in rows if row["profile"] == profile and _is_in(row, name)]
                x = [100 * row["noise"] if name == "noise" else row["seen"] for row in chosen]
                axis.plot(x, [row[measure] for row in chosen], marker="o", label=profile)
            axis.set(
                xlabel="noise of detections [% of height]" if name == "noise" else "keypoints seen",
                ylabel=label,
                ylim=0,
            )
            axis.legend()
        figure.savefig(folder / f"accuracy_by_{name}.png", dpi=90)
        plt.close(figure)


def _is_in(row: dict, curve: str) -> bool:
    return row["seen"] == "all" if curve == "noise" else row["noise"] == 0.01


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    ablation, curve = table(chosen.folder), curves(chosen.folder)
    print_table(ablation)
    print_table(curve)
    if chosen.json is not None:
        write_json(chosen.json, [*ablation, *curve])
    if chosen.plots is not None:
        draw(curve, chosen.plots)
