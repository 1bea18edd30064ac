"""Learn the pose prior from motion capture: `python -m smplify_jax.learn.pose_prior FOLDER --out FILE`.

Prints a table of how well the prior, one Gaussian and mixtures without correlations predict poses of held-out actors.
Source of the idea: Bogo et al., Keep it SMPL, ECCV 2016, section 3.2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.mirror import mirror_map
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.balance import Balance
from smplify_jax.learn.command import run
from smplify_jax.learn.mixture_em import Mirror, Mixture, MixtureShape, fit_mixture
from smplify_jax.learn.mocap.poses import PoseSet, load_poses

NUM_POSE = 3 * (len(SMPL_JOINT_NAMES) - 1)

TRAINING_SOURCES = ("cmu", "cmu_amc", "cmu_daz", "deepmimic", "cc0", "animated_drawings")
"""Collections whose terms allow distributing a model learned from them; those of hdm05 do not (share-alike)."""

UNRECORDED = ("knee", "elbow", "collar", "foot", "hand")
"""Joints that are hinges about one axis in the capture skeletons, or are missing from them."""

DIAGONAL_SIZES = (8, 16, 32, 64)
"""Numbers of components of the mixtures without correlations, which the prior is compared with."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines the learned prior, except the recordings.

    Attributes:
        num_pairs: pairs of a component and its mirror image.
        num_symmetric: components that are their own mirror image.
        shrinkage: weight of the common covariance, relative to a total weight of one for all poses.
        added_std: [rad] standard deviation added to every number, because bodies, skeletons and conventions differ.
        unrecorded_std: [rad] further standard deviation of the joints that recordings lack entirely or partly.
        max_frames_per_clip: number of poses drawn from one recording, at most.
        balance: limits on the weights of actions and of walking.
        num_starts: number of fits from different centres; the likeliest mixture is kept.
        seed: of the drawn poses and of the starts.
    """

    num_pairs: int = 2
    num_symmetric: int = 4
    shrinkage: float = 0.15
    added_std: float = 0.03
    unrecorded_std: float = 0.1
    max_frames_per_clip: int = 30
    balance: Balance = field(default_factory=Balance)
    num_starts: int = 4
    seed: int = 0

    @property
    def shape(self) -> MixtureShape:
        """Number and kind of components."""
        return MixtureShape(self.num_pairs, self.num_symmetric, self.shrinkage)

    def variances(self) -> np.ndarray:
        """Variance (69,) added to every component."""
        is_unrecorded = [name.endswith(UNRECORDED) for name in SMPL_JOINT_NAMES[1:]]
        return self.added_std**2 + self.unrecorded_std**2 * np.repeat(np.array(is_unrecorded, float), 3)


def learn(poses: PoseSet, recipe: Recipe, shape: MixtureShape | None = None) -> Mixture:
    """Fit a mixture to balanced poses.

    Args:
        poses: to learn from.
        recipe: how to learn.
        shape: number and kind of components, if not those of the recipe, for comparison.
    """
    weights, mirror = recipe.balance.weights(poses), Mirror(*mirror_map(NUM_POSE))
    found = [
        fit_mixture(poses.body_poses, weights, shape or recipe.shape, mirror, recipe.variances(), recipe.seed + start)
        for start in range(recipe.num_starts)
    ]
    mixture, _ = max(found, key=lambda fitted: fitted[1])
    return mixture


def compare(
    train: PoseSet,
    held_out: dict[str, PoseSet],
    recipe: Recipe,
    prior: Mixture,
    diagonal_sizes: Sequence[int] = DIAGONAL_SIZES,
) -> dict[str, dict[str, float]]:
    """Mean log likelihood [nats per pose] of held-out poses under the prior and under plainer models of the given sizes.

    Returns:
        Model name to {set: all poses, set/walking, set/other}; actions are weighted as in training, but walking is not limited.
    """
    once = replace(recipe, num_starts=1)
    models = {"prior": prior, "one Gaussian": learn(train, once, MixtureShape(0, 1))}
    for size in diagonal_sizes:
        models[f"diagonal, {size} components"] = learn(train, once, MixtureShape(size // 2, 0, is_diagonal=True))
    return {name: scores(model, held_out, recipe) for name, model in models.items()}


def scores(model: Mixture, held_out: dict[str, PoseSet], recipe: Recipe) -> dict[str, float]:
    """Mean log likelihood of each held-out set, in total and by part."""
    found = {}
    for name, poses in held_out.items():
        log_density = model.log_density(poses.body_poses)
        weights = replace(recipe.balance, walking_share=1.0).weights(poses)
        for part, mask in (
            ("", np.ones(len(poses), bool)),
            ("/walking", poses.is_walking),
            ("/other", ~poses.is_walking),
        ):
            if mask.any():
                found[name + part] = round(float(np.average(log_density[mask], weights=weights[mask])), 2)
    return found


def load_training(folder: Path, recipe: Recipe) -> tuple[PoseSet, dict[str, PoseSet]]:
    """Load the poses to learn from, and the sets to measure on, "val" and "hdm05", if the folder has them."""
    load = partial(load_poses, folder, max_frames_per_clip=recipe.max_frames_per_clip, seed=recipe.seed)
    train = load(split="train", sources=TRAINING_SOURCES)
    held_out = {}
    for split in ("val", "hdm05"):
        with suppress(InputError):  # a folder need not have them
            held_out[split] = load(split=split)
    return train, held_out


def save_mixture(path: Path, mixture: Mixture) -> None:
    """Write means, covars and weights under gmm_08.pkl's names, float32."""
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            means=mixture.means.astype(np.float32),
            covars=mixture.covars.astype(np.float32),
            weights=mixture.weights.astype(np.float32),
        )


def main(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    report: Path | None = None,
    recipe: Recipe = Recipe(),
    plainer_models: bool = True,
) -> None:
    """Learn the pose prior from a folder of BVH or AMC/ASF clips.

    Args:
        folder: Clips and their manifest.csv.
        out: The .npz to write.
        report: Write the table of log likelihoods there too, as JSON.
        recipe: How to learn it.
        plainer_models: Compare with one Gaussian and mixtures without correlations, which takes longer than learning.
    """
    train, held_out = load_training(folder, recipe)
    print(f"{len(train)} poses of {len(set(train.subjects))} actors", file=sys.stderr)
    prior = learn(train, recipe)
    save_mixture(out, prior)
    table = compare(train, held_out, recipe, prior) if plainer_models else {"prior": scores(prior, held_out, recipe)}
    text = json.dumps({"num_train": len(train), "log_likelihood": table}, indent=2)
    print(text)
    if report is not None:
        report.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
