"""The training loop of the temporal network, over examples drawn once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.learn.temporal.examples import TrackExample
from smplify_jax.learn.temporal.loss import TrackLossWeights, pose_errors, track_loss
from smplify_jax.proposal.network import NUM_BODY_POSE
from smplify_jax.proposal.temporal import corrected, symmetric_outputs
from smplify_jax.proposal.temporal_network import OUTPUT_SIZE, TemporalBlock, TemporalNetwork, split_corrections
from smplify_jax.proposal.track_features import feature_size

CORRELATION_TRACKS = 512
_MAX_ERROR = 4.0  # standard deviations: a few large errors must not dominate the correlation
_SHRINKAGE = 0.1  # towards independence

STEPS_PER_REPORT = 20

_TIME_OFFSETS = (0.0, 0.0, -0.06, 0.06, -0.2, 0.2, -0.5, 0.5)
_TIME_WIDTHS = (0.06, 0.5, 0.05, 0.05, 0.12, 0.12, 0.3, 0.3)
"""[s] Where the eight heads look before training."""


@dataclass(frozen=True)
class TemporalTraining:
    """How the temporal network is trained.

    Attributes:
        width: of the hidden layers.
        num_blocks: of attention.
        num_frames: of every example.
        num_examples: synthetic videos, drawn once.
        batch_size: videos per step.
        num_steps: number of steps.
        learning_rate: its maximum; it rises over the first steps and falls along a half cosine.
        average: decay of the running mean of the weights, which is the result.
        weights: of the loss.
        seed: of the initial weights, of all videos and of their order.
    """

    width: int = 128
    num_blocks: int = 3
    num_frames: int = 64
    num_examples: int = 12_000
    batch_size: int = 16
    num_steps: int = 4_000
    learning_rate: float = 1e-3
    average: float = 0.998
    weights: TrackLossWeights = field(default_factory=TrackLossWeights)
    seed: int = 0


def train(
    examples: TrackExample,
    body: KeypointBody,
    slots: tuple[str, ...],
    body_name: str,
    training: TemporalTraining,
    report: Callable[[int, dict[str, float]], None],
) -> TemporalNetwork:
    """Train a network.

    Args:
        examples: with a leading axis, in memory.
        body: the body whose proportions and betas it learns.
        slots: of the examples' features.
        body_name: the body's name.
        training: how to train.
        report: called every STEPS_PER_REPORT steps with their number and the mean loss by part.
    """
    schedule = optax.warmup_cosine_decay_schedule(
        0.0,
        training.learning_rate,
        min(200, training.num_steps // 10),
        training.num_steps,
        1e-2 * training.learning_rate,
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-2))
    network = new_network(jax.random.key(training.seed), training, slots, body_name)
    mean_network, state = network, optimizer.init(cast(optax.Params, network))
    step, generator, found = _make_step(training, optimizer), np.random.default_rng([training.seed, 1]), []
    for number in range(training.num_steps):
        rows = generator.integers(len(examples.betas), size=training.batch_size)
        batch = jax.tree.map(lambda leaf, rows=rows: leaf[rows], examples)
        network, mean_network, state, parts = step(network, mean_network, state, body, batch)
        found.append(parts)
        if (number + 1) % STEPS_PER_REPORT == 0:
            report(number + 1, {name: float(np.mean([one[name] for one in found])) for name in parts})
            found = []
    rows = generator.choice(len(examples.betas), min(CORRELATION_TRACKS, len(examples.betas)), replace=False)
    correlation = error_correlation(mean_network, jax.tree.map(lambda leaf: leaf[rows], examples))
    return dataclasses.replace(mean_network, pose_correlation=correlation)


def new_network(key: Array, training: TemporalTraining, slots: tuple[str, ...], body_name: str) -> TemporalNetwork:
    """Untrained weights; whatever is added starts at zero, so that the network begins by changing nothing."""
    width, num_features = training.width, feature_size(len(slots))
    keys = jax.random.split(key, 2 * training.num_blocks + 1)

    def normal(key: Array, rows: int, columns: int) -> Array:
        return jax.random.normal(key, (rows, columns)) / jnp.sqrt(rows)

    blocks = tuple(
        TemporalBlock(
            mixed=normal(keys[2 * i], width, 3 * width),
            joined=jnp.zeros((width, width)),
            time_offset=jnp.array(_TIME_OFFSETS),
            log_time_width=jnp.log(jnp.array(_TIME_WIDTHS)),
            inner=normal(keys[2 * i + 1], width, 2 * width),
            bias=jnp.zeros(2 * width),
            outer=jnp.zeros((2 * width, width)),
        )
        for i in range(training.num_blocks)
    )
    return TemporalNetwork(
        first=normal(keys[-1], num_features, width),
        first_bias=jnp.zeros(width),
        blocks=blocks,
        last=jnp.zeros((width, OUTPUT_SIZE)),
        last_bias=jnp.zeros(OUTPUT_SIZE),
        pose_correlation=jnp.eye(NUM_BODY_POSE),
        slots=slots,
        body_name=body_name,
    )


def _make_step(training: TemporalTraining, optimizer: optax.GradientTransformation) -> Callable[..., tuple]:
    @jax.jit
    def step(
        network: TemporalNetwork,
        mean_network: TemporalNetwork,
        state: optax.OptState,
        body: KeypointBody,
        examples: TrackExample,
    ) -> tuple:
        gradients, parts = jax.grad(batch_loss, has_aux=True)(network, body, examples, training.weights)
        updates, state = optimizer.update(gradients, state, network)
        network = optax.apply_updates(network, updates)
        mean_network = optax.incremental_update(network, mean_network, 1.0 - training.average)
        return network, mean_network, state, parts

    return step


def batch_loss(
    network: TemporalNetwork, body: KeypointBody, examples: TrackExample, weights: TrackLossWeights
) -> tuple[Array, dict]:
    """The mean loss of examples with a leading axis, and its parts by name; a track without any frame seen does not count."""

    def of_one(one: TrackExample) -> tuple[Array, dict]:
        total, parts = track_loss(network(one.given.features, one.given.times, one.given.is_seen), body, one, weights)
        counts = jnp.any(one.given.is_seen).astype(jnp.float32)
        return counts * total, jax.tree.map(lambda part: counts * part, parts)

    losses, parts = jax.vmap(of_one)(jax.tree.map(in_single_precision, examples))
    return jnp.mean(losses), jax.tree.map(jnp.mean, parts)


def in_single_precision(leaf: Array) -> Array:
    """Examples are kept in half precision where that suffices."""
    return leaf.astype(jnp.float32) if leaf.dtype == jnp.float16 else leaf


def error_correlation(network: TemporalNetwork, examples: TrackExample) -> np.ndarray:
    """Correlation (69, 69) of the network's errors in body_pose, each in units of its predicted standard deviation."""

    @jax.jit
    def standardised(network: TemporalNetwork, example: TrackExample) -> Array:
        example = jax.tree.map(in_single_precision, example)
        track = corrected(example.given, split_corrections(symmetric_outputs(network, example.given)))
        errors = pose_errors(track, example) * jnp.exp(-track.log_std_pose)
        return jnp.where(example.given.is_seen[:, None], jnp.clip(errors, -_MAX_ERROR, _MAX_ERROR), 0.0)

    tracks = [jax.tree.map(lambda leaf, i=i: leaf[i], examples) for i in range(len(examples.betas))]
    errors = np.concatenate([np.asarray(standardised(network, one)) for one in tracks]).astype(np.float64)
    correlation = np.asarray(np.corrcoef(errors.T))
    return (1.0 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(NUM_BODY_POSE)
