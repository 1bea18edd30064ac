"""SPIN: a network and the fitter teach each other. Fits start from what the network predicts, and it learns from the best of them.

    python -m examples.trainers.spin --motion-folder MOTION_FOLDER --real-folder KEYPOINT_FOLDER --out trained

Compares (a) keypoints alone, (b) fits made once, before training, and (c) fits in the loop. No 3D is ever used. The fitter is the
one that SPIN's first fits came from, unless another is chosen. docs/trainers.md has the equations.
Source: Kolotouros et al., Learning to reconstruct 3D human pose and shape via model-fitting in the loop, ICCV 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import numpy as np
import tyro
from jax import Array

from examples.trainers import losses
from examples.trainers.backbone import Sights, backbone_of
from examples.trainers.bodies import Estimate, TrainedBody, estimate_of, points_of_both
from examples.trainers.dataset import LAYOUT
from examples.trainers.evaluation import errors_3d, evaluate, points_of, predict
from examples.trainers.networks import PictureNetwork, Regressor, last_round
from examples.trainers.rendering import FOCAL_SIDES
from examples.trainers.reports import report, save_curves, save_sheet
from examples.trainers.setting import Data, Options, Trained, load_data, train_all
from examples.trainers.training import batches, make_optimizer, make_step, start_state
from smplify_jax import PredictedBodies, fit
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import store_from_arrays
from smplify_jax.result import FitResult
from smplify_jax.rotations import axis_angle_to_matrix

SIDE = 224
"""[px] In which keypoints are fitted, as SPIN's crops have it."""

MAX_LOSS = 49 * 100.0 * (256 / SIDE) ** 2
"""Fits are trusted below: SPIN's 100 px^2 a keypoint in crops of 224 px; the store adds up over 49, in crops of 256."""

Source = Literal["keypoints", "static", "loop"]
VARIANTS: dict[str, Source] = {
    "(a) keypoints alone": "keypoints",
    "(b) static fits": "static",
    "(c) fits in the loop": "loop",
}


@dataclass(frozen=True)
class SpinOptions(Options):
    """How to train.

    Attributes:
        rounds: of fitting in the loop: all pictures are predicted and fitted at once, which takes a call and some seconds. SPIN fits the
            pictures of every batch.
        profile: of all fits; those that SPIN began with were SMPLify's, without a network that proposes bodies.
        init_error: how far the fits in the loop may go from the prediction: its expected PA-MPJPE [mm], see docs/starts.md. Only the
            profile "default" stays close to predictions.
    """

    rounds: int = 3
    profile: str = "smplify2016"
    init_error: float = 90.0


def network_loss(regressor: Regressor, body: TrainedBody, seen: Sights, target: Estimate, is_valid: Array) -> Array:
    """Keypoints of all, and joints, surface and parameters of those with a fit to trust."""
    estimate, target = last_round(regressor(seen.features)), seen.change.of_bodies(target)
    points, fitted = points_of_both(body, estimate, target)
    return (
        losses.reprojection(points.projected, seen.keypoints)
        + 1e-3 * losses.shape_size(estimate)
        + 10.0 * losses.joints_3d(points, fitted, is_valid)
        + 1.0 * losses.surface(points, fitted, is_valid)
        + 0.3 * losses.parameters(estimate, target, is_valid)
    )


def make_store(data: Data, options: SpinOptions, fits: FitResult, name: str) -> FitStore:
    """A store that starts with fits of all training pictures."""
    return store_from_arrays(
        options.out / f"{name}.store",
        data.body,
        pose=np.concatenate([fits.global_orient, fits.body_pose], axis=1),
        betas=fits.betas,
        transl=fits.transl,
        keypoints=in_pixels(data.train.keypoints),
        crop_center=np.full((len(data.train), 2), SIDE / 2),
        crop_side=np.full(len(data.train), SIDE),
        focal_length=FOCAL_SIDES,
        layout=LAYOUT,
    )


def fit_all(data: Data, profile: str, predicted: Estimate | None = None, init_error: float | None = None) -> FitResult:
    """Fit all training pictures, from the network's predictions where they are given."""
    init = None
    if predicted is not None:
        init = PredictedBodies.of(pose=predicted.rotations, betas=predicted.betas).in_pictures(predicted.transl)
    return fit(
        in_pixels(data.train.keypoints),
        layout=LAYOUT,
        image_size=(SIDE, SIDE),
        camera=FOCAL_SIDES * SIDE,
        profile=profile,
        init=init,
        init_error=init_error,
    )


def in_pixels(keypoints: np.ndarray) -> np.ndarray:
    """Keypoints (M, 17, 3) of crops from -1 to 1, in those of SIDE px."""
    return np.concatenate([SIDE / 2 * (keypoints[..., :2] + 1), keypoints[..., 2:]], axis=-1)


def train(data: Data, options: SpinOptions, static: FitResult, source: Source, seed: int) -> Trained:
    """Train one regressor; with "loop" its predictions are fitted `rounds` times, and the store keeps what is better."""
    backbone, regressor = backbone_of(data, options, seed), Regressor(jax.random.key(seed))
    store = make_store(data, options, static, f"spin-{source}-{seed}")
    optimizer = make_optimizer(options.learning_rate, options.num_steps)
    state, step = start_state(optimizer, regressor), make_step(network_loss, optimizer)
    refits = set(np.linspace(0, options.num_steps, options.rounds + 2).astype(int)[1:-1]) if source == "loop" else set()
    improved, fitted, curve = [], [], []
    rows_of_sights = batches(len(backbone.sights.rows), options.batch_size, seed)
    for number, chosen in zip(range(options.num_steps), rows_of_sights, strict=False):
        if number in refits:
            share, fits = refit(PictureNetwork(backbone.encoder, regressor), store, data, options)
            improved.append(share)
            fitted.append(_error(data, fits))
        sights = backbone.sights.of_rows(chosen)
        target, is_valid = targets(store, sights.rows)
        weight = is_valid.astype(np.float32) * (source != "keypoints")
        regressor, state, loss = step(regressor, state, data.trained, sights, target, weight)
        curve.append(loss)
    network = PictureNetwork(backbone.encoder, regressor)
    best, is_valid = targets(store, np.arange(len(data.train)))
    own = predict(network, data.train.images)
    extras = {
        "share of rows improved": improved,
        "share of rows with a fit to trust": float(is_valid.mean()),
        "on the training pictures, PA-MPJPE [mm]": {
            "network": _error(data, own),
            "static fits": _error(data, estimate_of(static)),
            "fits from the network, by round": fitted,
            "stored fits": _error(data, best),
            "network, from its stored fits": _error(data, own, best),
        },
    }
    errors = evaluate(network, data.trained, data.test, data.real)
    return Trained(network, errors, [float(loss) for loss in curve], extras=extras)


def _error(data: Data, estimate: Estimate, reference: Estimate | None = None) -> float:
    """PA-MPJPE [mm] of the training pictures' bodies, from the truth if from no others."""
    points = (points_of(data.trained, one) for one in (estimate, reference or data.truth))
    return errors_3d(*points)["PA-MPJPE [mm]"]


def refit(network: PictureNetwork, store: FitStore, data: Data, options: SpinOptions) -> tuple[float, Estimate]:
    """Fit from what the network predicts now, and offer the fits to the store; the share that it takes, and the fits."""
    predicted = predict(network, data.train.images)
    fits = fit_all(data, options.profile, predicted, options.init_error)
    pose = np.concatenate([fits.global_orient, fits.body_pose], axis=1)
    is_better = store.update_if_better(np.arange(len(pose)), pose=pose, betas=fits.betas, transl=fits.transl)
    return float(is_better.mean()), estimate_of(fits)


def targets(store: FitStore, rows: np.ndarray) -> tuple[Estimate, np.ndarray]:
    """The best fits of rows, and which of them to trust."""
    best = store.get(rows)
    rotations = np.asarray(axis_angle_to_matrix(best.pose.reshape(-1, 24, 3)))
    return Estimate(rotations, best.betas, best.transl), best.loss < MAX_LOSS


def main(options: SpinOptions) -> None:
    """Train all variants, and report."""
    data = load_data(options)
    static = fit_all(data, options.profile)
    variants = {name: partial(train, data, options, static, source) for name, source in VARIANTS.items()}
    runs = train_all(variants, options.repeats)
    report("spin", runs, data.source, options)
    for name, ones in runs.items():
        print(f"{name}, first training: {ones[0].extras}")
    loops = [one.extras["share of rows improved"] for one in runs["(c) fits in the loop"]]
    save_curves(
        options.out / "spin_improved.png", {"improved": loops}, xlabel="round", ylabel="share of rows with a better fit"
    )
    save_sheet(options.out / "spin_sheet.png", {name: ones[0].network for name, ones in runs.items()}, data)


if __name__ == "__main__":
    main(tyro.cli(SpinOptions))
