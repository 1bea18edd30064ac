"""HMR: pictures to bodies in three rounds of regression, trained on keypoints and on a discriminator's opinion of the bodies.

    python -m examples.trainers.hmr --motion-folder MOTION_FOLDER --real-folder KEYPOINT_FOLDER --out trained

Compares with and without the adversarial prior, and with and without 3D. docs/trainers.md has the equations.
Source: Kanazawa et al., End-to-end recovery of human shape and pose, CVPR 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
import tyro
from jax import Array

from examples.trainers import losses
from examples.trainers.adversaries import BodyDiscriminators, looks_real, tells_apart
from examples.trainers.backbone import Sights, backbone_of
from examples.trainers.bodies import Estimate, TrainedBody, points_of_both, rows_of
from examples.trainers.evaluation import evaluate
from examples.trainers.networks import NUM_ROUNDS, PictureNetwork, Regressor, last_round
from examples.trainers.reports import report, save_sheet
from examples.trainers.setting import Data, Options, Trained, load_data, train_all
from examples.trainers.training import batches, compiled, make_optimizer, start_state


@dataclass(frozen=True)
class Weights:
    """Of the terms of L = L_2D + L_3D + L_adv; zero leaves a term out.

    Attributes:
        joints: of 3D joints, where 3D is known.
        parameters: of rotations and betas, where 3D is known.
        adversarial: of each round's score.
        shape_size: of the squared betas.
    """

    joints: float = 0.0
    parameters: float = 0.0
    adversarial: float = 0.0
    shape_size: float = 1e-3


WITH_3D = {"joints": 10.0, "parameters": 0.3}
ADVERSARIAL = 0.005
VARIANTS = {
    "2D": Weights(),
    "2D, adversarial prior": Weights(adversarial=ADVERSARIAL),
    "2D and 3D": Weights(**WITH_3D),
    "2D and 3D, adversarial prior": Weights(**WITH_3D, adversarial=ADVERSARIAL),
}
SHARE_WITH_3D = 0.5
"""Of the pictures have 3D, as in HMR some data sets do."""

_TIMES_FASTER = 10.0
"""Discriminators learn than the regressor, as in HMR: against slower ones it finds bodies that fool them and nobody else."""


def network_loss(
    regressor: Regressor,
    discriminators: BodyDiscriminators,
    body: TrainedBody,
    weights: Weights,
    seen: Sights,
    truth: Estimate,
    has_3d: Array,
) -> tuple[Array, Estimate]:
    """The last round answers for keypoints and 3D, every round for looking real."""
    rounds, truth = regressor(seen.features), seen.change.of_bodies(truth)
    estimate = last_round(rounds)
    points, true_points = points_of_both(body, estimate, truth)
    loss = losses.reprojection(points.projected, seen.keypoints) + weights.shape_size * losses.shape_size(estimate)
    if weights.joints:
        loss += weights.joints * losses.joints_3d(points, true_points, has_3d)
        loss += weights.parameters * losses.parameters(estimate, truth, has_3d)
    if weights.adversarial:
        loss += weights.adversarial * NUM_ROUNDS * looks_real(discriminators(rounds))
    return loss, rounds


def discriminator_loss(discriminators: BodyDiscriminators, real: Estimate, rounds: Estimate) -> Array:
    """Real bodies are 1, those of every round 0."""
    scores = (discriminators(one) for one in (real, rounds))
    return tells_apart(*scores)


def train(data: Data, options: Options, weights: Weights, seed: int) -> Trained:
    """Train one regressor on keypoints; 3D and real bodies come in where their weights are not zero."""
    backbone = backbone_of(data, options, seed)
    first, second = jax.random.split(jax.random.key(seed))
    models = Regressor(first), BodyDiscriminators(second)
    rates = options.learning_rate, _TIMES_FASTER * options.learning_rate
    optimizers = tuple(make_optimizer(rate, options.num_steps) for rate in rates)
    states = start_state(optimizers[0], models[0]), start_state(optimizers[1], models[1])
    step = compiled(partial(_step, body=data.trained, weights=weights, optimizers=optimizers))
    has_3d = np.random.default_rng(0).uniform(size=len(data.train)) < SHARE_WITH_3D
    # Real bodies are unpaired: an order of their own.
    rows_of_real = batches(len(data.train), options.batch_size, seed + 1)
    rows_of_sights, curve = batches(len(backbone.sights.rows), options.batch_size, seed), []
    for chosen, others, _ in zip(rows_of_sights, rows_of_real, range(options.num_steps), strict=False):
        sights = backbone.sights.of_rows(chosen)
        known = rows_of(data.truth, sights.rows), has_3d[sights.rows].astype(np.float32)
        models, states, loss = step(models, states, (sights, *known), rows_of(data.truth, others))
        curve.append(loss)
    network = PictureNetwork(backbone.encoder, models[0])
    return Trained(network, evaluate(network, data.trained, data.test, data.real), [float(loss) for loss in curve])


def _step(
    models: Any, states: Any, given: Any, real: Estimate, *, body: TrainedBody, weights: Weights, optimizers: Any
):
    """One step of the regressor, and one of the discriminators on what it predicted."""
    regressor, discriminators = models
    (loss, rounds), slopes = eqx.filter_value_and_grad(network_loss, has_aux=True)(
        regressor, discriminators, body, weights, *given
    )
    updates, first = optimizers[0].update(slopes, states[0])
    regressor, second = eqx.apply_updates(regressor, updates), states[1]
    if weights.adversarial:
        slopes = eqx.filter_grad(discriminator_loss)(discriminators, real, jax.lax.stop_gradient(rounds))
        updates, second = optimizers[1].update(slopes, states[1])
        discriminators = eqx.apply_updates(discriminators, updates)
    return (regressor, discriminators), (first, second), loss


def main(options: Options) -> None:
    """Train all variants, and report."""
    data = load_data(options)
    variants = {name: partial(train, data, options, weights) for name, weights in VARIANTS.items()}
    runs = train_all(variants, options.repeats)
    report("hmr", runs, data.source, options)
    save_sheet(options.out / "hmr_sheet.png", {name: ones[0].network for name, ones in runs.items()}, data)


if __name__ == "__main__":
    main(tyro.cli(Options))
