"""VIBE: bodies of a video, by a recurrent network over the frames' features, and a discriminator that has seen how people move.

    python -m examples.trainers.vibe --motion-folder MOTION_FOLDER --out trained

Compares with the same network frame by frame, and with the fitter. docs/trainers.md has the equations.
Source: Kocabas et al., VIBE: video inference for human body pose and shape estimation, CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax import Array

from examples.trainers import losses
from examples.trainers.adversaries import MotionDiscriminator, looks_real, run_cell, tells_apart
from examples.trainers.bodies import Estimate, TrainedBody, points_of_both, rows_of
from examples.trainers.dataset import Pictures, cached_pictures
from examples.trainers.evaluation import acceleration_error, error_2d, errors_3d, points_of, true_estimate
from examples.trainers.hmr import VARIANTS as HMR_VARIANTS
from examples.trainers.hmr import train as train_on_pictures
from examples.trainers.layers import linear
from examples.trainers.networks import NUM_FEATURES, Encoder, PictureNetwork, Regressor, last_round
from examples.trainers.people import FPS, NUM_FRAMES
from examples.trainers.reports import report, save_bodies
from examples.trainers.setting import TEST_SEED, Data, Options, Trained, load_data, train_all
from examples.trainers.training import batches, compiled, in_parts, make_optimizer, start_state
from examples.trainers.vibe_fits import fit_frames, fit_tracks, predicted_keypoints

SHARE_WITH_3D = 0.5
"""Of the tracks have 3D."""


@dataclass(frozen=True)
class VibeOptions(Options):
    """How to train; `num_steps` are those of the network for single pictures, from which all variants start.

    Attributes:
        num_tracks: videos of NUM_FRAMES frames to train on.
        num_test_tracks: videos of other actors.
        num_track_steps: of every training on tracks.
        track_batch: tracks a step.
        adversarial: weight of the motion discriminator's score.
    """

    num_tracks: int = 100
    num_test_tracks: int = 24
    num_track_steps: int = 500
    track_batch: int = 16
    adversarial: float = 0.01


class TemporalNetwork(eqx.Module):
    """Features of frames to bodies: a recurrent network adds to each frame's features what came before; one shape for the track.

    Without cells it works frame by frame, and betas are each frame's own.
    """

    cells: tuple[eqx.nn.GRUCell, ...]
    added: eqx.nn.Linear
    regressor: Regressor

    def __init__(self, key: Array, regressor: Regressor, *, num_layers: int = 2):
        *keys, last = jax.random.split(key, num_layers + 1)
        self.cells = tuple(eqx.nn.GRUCell(NUM_FEATURES, NUM_FEATURES, key=one) for one in keys)
        layer = eqx.nn.Linear(NUM_FEATURES, NUM_FEATURES, key=last)
        # What is added is small at first, so that training starts from the network for single pictures.
        self.added = eqx.tree_at(lambda one: (one.weight, one.bias), layer, replace_fn=lambda x: 0.1 * x)
        self.regressor = regressor

    def __call__(self, features: Array) -> Estimate:
        """(B, T, F) -> bodies (B T, ...)."""
        states = features
        for cell in self.cells:
            states = run_cell(cell, states)
        used = features + linear(self.added, jax.nn.relu(states)) if self.cells else features
        estimate = last_round(self.regressor(used.reshape(-1, NUM_FEATURES)))
        if not self.cells:
            return estimate
        of_tracks = estimate.betas.reshape(*features.shape[:2], -1)
        betas = jnp.broadcast_to(of_tracks.mean(axis=1, keepdims=True), of_tracks.shape)
        return estimate._replace(betas=betas.reshape(estimate.betas.shape))


def network_loss(
    network: TemporalNetwork,
    discriminator: MotionDiscriminator,
    body: TrainedBody,
    weight: float,
    seen: tuple[Any, ...],
) -> tuple[Array, Array]:
    """Keypoints of all frames; joints and parameters where 3D is known; how real the motion looks. Also the motion (B, T, 24, 3, 3)."""
    features, keypoints, truth, has_3d = seen
    estimate = network(features)
    points, true_points = points_of_both(body, estimate, truth)
    loss = losses.reprojection(points.projected, keypoints) + 1e-3 * losses.shape_size(estimate)
    loss += 10.0 * losses.joints_3d(points, true_points, has_3d) + 0.3 * losses.parameters(estimate, truth, has_3d)
    motion = jnp.asarray(estimate.rotations).reshape(*features.shape[:2], 24, 3, 3)
    if weight:
        loss += weight * looks_real(discriminator(motion))
    return loss, motion


def train(
    network: TemporalNetwork,
    features: np.ndarray,
    tracks: Pictures,
    data: Data,
    options: VibeOptions,
    weight: float,
    seed: int,
) -> tuple[TemporalNetwork, list[float]]:
    """Train on tracks, whose frames have features (N T, F); real motions are unpaired."""
    truth, num_tracks = true_estimate(tracks), len(tracks) // NUM_FRAMES
    discriminator = MotionDiscriminator(jax.random.key(seed + 1))
    optimizers = make_optimizer(3e-4, options.num_track_steps), make_optimizer(1e-3, options.num_track_steps)
    models = network, discriminator
    states = start_state(optimizers[0], network), start_state(optimizers[1], discriminator)
    step = compiled(partial(_step, body=data.trained, weight=weight, optimizers=optimizers))
    has_3d = np.repeat(np.random.default_rng(0).uniform(size=num_tracks) < SHARE_WITH_3D, NUM_FRAMES)
    curve = []
    for frames, others, _ in zip(
        _frames(num_tracks, options, seed),
        _frames(num_tracks, options, seed + 1),
        range(options.num_track_steps),
        strict=False,
    ):
        seen = (
            features[frames].reshape(-1, NUM_FRAMES, NUM_FEATURES),
            tracks.keypoints[frames],
            rows_of(truth, frames),
            has_3d[frames].astype(np.float32),
        )
        models, states, loss = step(models, states, seen, truth.rotations[others].reshape(-1, NUM_FRAMES, 24, 3, 3))
        curve.append(loss)
    return models[0], [float(loss) for loss in curve]


def _frames(num_tracks: int, options: VibeOptions, seed: int) -> Iterator[np.ndarray]:
    """The frames of batches of tracks."""
    for tracks in batches(num_tracks, options.track_batch, seed):
        yield (tracks[:, None] * NUM_FRAMES + np.arange(NUM_FRAMES)).ravel()


def _step(models: Any, states: Any, seen: Any, real: Array, *, body: TrainedBody, weight: float, optimizers: Any):
    """One step of the network, and one of the discriminator on the motions that it predicted."""
    network, discriminator = models
    (loss, motion), slopes = eqx.filter_value_and_grad(network_loss, has_aux=True)(
        network, discriminator, body, weight, seen
    )
    updates, first = optimizers[0].update(slopes, states[0])
    network, second = eqx.apply_updates(network, updates), states[1]
    if weight:
        slopes = eqx.filter_grad(lambda one: tells_apart(one(real), one(jax.lax.stop_gradient(motion))))(discriminator)
        updates, second = optimizers[1].update(slopes, states[1])
        discriminator = eqx.apply_updates(discriminator, updates)
    return (network, discriminator), (first, second), loss


@dataclass
class VideoData:
    """Tracks to train on and to measure on, and the networks for single pictures, by seed."""

    data: Data
    options: VibeOptions
    train: Pictures
    test: Pictures
    pretrained: dict[int, PictureNetwork]

    @property
    def source(self) -> str:
        """Whom the numbers are of, for tables."""
        counts = f"{len(self.train) // NUM_FRAMES} tracks, motions of {self.train.source}"
        test = f"{len(self.test) // NUM_FRAMES}, of {self.test.source}"
        return f"trained on {len(self.data.train)} pictures and {counts}; measured on {test}"

    def network(self, seed: int) -> PictureNetwork:
        """HMR's with 3D and without adversary, trained on the pictures."""
        if seed not in self.pretrained:
            weights = HMR_VARIANTS["2D and 3D"]
            self.pretrained[seed] = train_on_pictures(self.data, self.options, weights, seed).network
        return self.pretrained[seed]

    def measured(self, estimate: Estimate, losses: list[float] | None = None) -> Trained:
        """Bodies of the test tracks with their errors, and the losses of the training that they are from."""
        points, truth = points_of(self.data.trained, estimate), points_of(self.data.trained, true_estimate(self.test))
        acceleration = acceleration_error(points, truth, NUM_FRAMES, FPS)
        errors = errors_3d(points, truth) | {
            "acceleration [m/s²]": acceleration,
            "2D [%]": error_2d(points, self.test.keypoints),
        }
        return Trained(estimate, errors, losses or [])


def load_videos(options: VibeOptions) -> VideoData:
    """Render the pictures and tracks, or read them where an earlier run has rendered them."""
    data = load_data(options)
    kind = "recorded" if options.motion_folder else "prior"
    given: dict[str, Any] = {"motion_folder": options.motion_folder, "body": data.body, "tracks": True}
    folder, counts = options.out / "pictures", (options.num_tracks, options.num_test_tracks)
    train_name, test_name = (
        f"{name}-tracks-{kind}-{count}" for name, count in zip(("train", "test"), counts, strict=True)
    )
    tracks = cached_pictures(folder, train_name, split="train", count=counts[0], seed=2, **given)
    test = cached_pictures(folder, test_name, split="val", count=counts[1], seed=TEST_SEED + 2, **given)
    return VideoData(data, options, tracks, test, {})


def train_variant(videos: VideoData, num_layers: int, weight: float, seed: int) -> Trained:
    """Train one network on the frozen features of the tracks."""
    pictures = videos.network(seed)
    features, test = (
        np.asarray(in_parts(partial(_encode, pictures.encoder), tracks.images))
        for tracks in (videos.train, videos.test)
    )
    network = TemporalNetwork(jax.random.key(seed), pictures.regressor, num_layers=num_layers)
    network, curve = train(network, features, videos.train, videos.data, videos.options, weight, seed)
    of_tracks = test.reshape(-1, NUM_FRAMES, NUM_FEATURES)
    estimate = jax.device_get(_follow(network, of_tracks))
    return videos.measured(Estimate(*estimate), curve)


@compiled
def _encode(encoder: Encoder, images: Array) -> Array:
    return encoder(images).features


@compiled
def _follow(network: TemporalNetwork, features: Array) -> Estimate:
    return network(features)


def main(options: VibeOptions) -> None:
    """Train all variants, and report."""
    videos = load_videos(options)
    variants: dict[str, Any] = {
        "frame by frame": partial(train_variant, videos, 0, 0.0),
        "recurrent": partial(train_variant, videos, 2, 0.0),
        "recurrent, motion discriminator (VIBE)": partial(train_variant, videos, 2, options.adversarial),
    }
    runs = train_all(variants, options.repeats)
    starts = runs["recurrent, motion discriminator (VIBE)"]
    seen, body = videos.test.keypoints, videos.data.trained
    fits: dict[str, Callable[[Trained], Estimate]] = {
        "`fit_sequence` on VIBE's keypoints": lambda start: fit_tracks(predicted_keypoints(body, start.network)),
        "`fit` of each frame's detections, from VIBE": lambda start: fit_frames(seen, start.network, start.error_mm),
        "`fit_sequence` of the detections, from VIBE": lambda start: fit_tracks(seen, start.network, start.error_mm),
    }
    for name, fitted in fits.items():
        runs[name] = [videos.measured(fitted(start)) for start in starts]
    runs["`fit_sequence` on the detections, without a network"] = [videos.measured(fit_tracks(seen))]
    report("vibe", runs, videos.source, options)
    frames = np.arange(0, NUM_FRAMES, 2) + NUM_FRAMES * (len(videos.test) // NUM_FRAMES // 2)
    shown = [rows_of(ones[0].network, frames) for ones in runs.values()]
    save_bodies(options.out / "vibe_sheet.png", videos.test.images[frames], shown, videos.data.body)


if __name__ == "__main__":
    main(tyro.cli(VibeOptions))
