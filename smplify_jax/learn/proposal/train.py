"""The training loop: stochastic gradient descent on new random people at every step."""

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

from smplify_jax.body.keypoint_body import KeypointBody, keypoint_body
from smplify_jax.body.model import BodyModel
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.learn.proposal.detections import DetectionTables, detection_tables
from smplify_jax.learn.proposal.loss import LossWeights, loss
from smplify_jax.learn.proposal.people import Example, draw_examples
from smplify_jax.learn.proposal.pose_bank import PoseBank
from smplify_jax.proposal import correction
from smplify_jax.proposal.correction import corrected, corrected_symmetrically
from smplify_jax.proposal.mirror import propose_symmetrically
from smplify_jax.proposal.network import (
    NUM_BETAS,
    NUM_BODY_POSE,
    Block,
    ProposalNetwork,
    ResidualNetwork,
    feature_size,
    make_features,
    output_size,
    split_outputs,
)
from smplify_jax.proposal.slots import all_slots, slot_layout

CORRELATION_BATCH, CORRELATION_BATCHES = 512, 40
_MAX_ERROR = 4.0  # standard deviations: a few large errors must not dominate the correlation
_SHRINKAGE = 0.1  # towards independence

STEPS_PER_CALL = 50
"""Steps of one compiled call, between two reports of the loss."""


@dataclass(frozen=True)
class Training:
    """How the network is trained.

    Attributes:
        width: of the first network's hidden layers.
        num_blocks: the first network's residual blocks.
        correction_width, correction_blocks: of the second network.
        batch_size: people per step.
        num_steps: number of steps.
        learning_rate: its maximum; it rises over the first steps and falls along a half cosine.
        average: decay of the running mean of the weights, which is the result.
        weights: of the loss.
        seed: of the initial weights and of all people.
    """

    width: int = 640
    num_blocks: int = 3
    correction_width: int = 448
    correction_blocks: int = 2
    batch_size: int = 512
    num_steps: int = 24_000
    learning_rate: float = 1e-3
    average: float = 0.999
    weights: LossWeights = field(default_factory=LossWeights)
    seed: int = 0


def train(
    bank: PoseBank,
    body: BodyModel,
    training: Training,
    report: Callable[[int, dict[str, float]], None],
    start: ProposalNetwork | None = None,
) -> ProposalNetwork:
    """Train both networks for a body, the second behind the first.

    Args:
        bank: the poses.
        body: the body whose proportions and betas they learn.
        training: how to train.
        report: called every STEPS_PER_CALL steps with the number of steps so far and the mean loss by part; the first network's parts
            are named "first ...".
        start: weights to go on from, in place of random ones.
    """
    slots = all_slots()
    keypoints = seen_body(body, slots)
    tables = detection_tables(slots)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0,
        training.learning_rate,
        min(500, training.num_steps // 10),
        training.num_steps,
        1e-2 * training.learning_rate,
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-3))
    weights_key, key = jax.random.split(jax.random.key(training.seed))
    network = new_network(weights_key, training, slots, body.name) if start is None else start
    network = jax.tree.map(jnp.asarray, network)
    mean_network, state = network, optimizer.init(cast(optax.Params, network))
    run = _make_run(tables, training, optimizer)
    for number in range(max(1, training.num_steps // STEPS_PER_CALL)):
        network, mean_network, state, parts = run(
            network, mean_network, state, bank, keypoints, jax.random.fold_in(key, number)
        )
        report((number + 1) * STEPS_PER_CALL, {name: float(np.mean(value)) for name, value in parts.items()})
    correlation = error_correlation(mean_network, keypoints, tables, bank, jax.random.fold_in(key, training.num_steps))
    return dataclasses.replace(mean_network, pose_correlation=correlation)


def seen_body(body: BodyModel, slots: tuple[str, ...]) -> KeypointBody:
    """The slots of a body as its keypoints."""
    return keypoint_body(body, slot_layout(slots), num_betas=NUM_BETAS)


def new_network(key: Array, training: Training, slots: tuple[str, ...], body_name: str) -> ProposalNetwork:
    """Untrained weights; the second network changes nothing yet."""
    first_key, second_key = jax.random.split(key)
    num_slots = len(slots)
    outputs = output_size(num_slots)
    sizes = feature_size(num_slots), training.width, training.num_blocks, outputs
    correction_sizes = (
        correction.feature_size(num_slots),
        training.correction_width,
        training.correction_blocks,
        outputs,
    )
    return ProposalNetwork(
        proposing=_new_part(first_key, *sizes),
        correcting=_new_part(second_key, *correction_sizes, scale=0.0),
        pose_correlation=jnp.eye(NUM_BODY_POSE),
        slots=slots,
        body_name=body_name,
    )


def _new_part(
    key: Array, num_features: int, width: int, num_blocks: int, outputs: int, scale: float = 0.01
) -> ResidualNetwork:
    """Random weights; blocks start at zero, so that every layer begins as the identity, and outputs are small."""
    keys = jax.random.split(key, num_blocks + 2)

    def normal(key: Array, rows: int, columns: int) -> Array:
        return jax.random.normal(key, (rows, columns)) / jnp.sqrt(columns)

    return ResidualNetwork(
        first=normal(keys[0], width, num_features),
        first_bias=jnp.zeros(width),
        blocks=tuple(Block(normal(k, width, width), jnp.zeros(width), jnp.zeros((width, width))) for k in keys[2:]),
        last=scale * normal(keys[1], outputs, width),
        last_bias=jnp.zeros(outputs),
    )


def _make_run(
    tables: DetectionTables, training: Training, optimizer: optax.GradientTransformation
) -> Callable[..., tuple]:
    """Compile STEPS_PER_CALL steps into one program."""

    @jax.jit
    def run(
        network: ProposalNetwork,
        mean_network: ProposalNetwork,
        state: optax.OptState,
        bank: PoseBank,
        body: KeypointBody,
        key: Array,
    ) -> tuple:
        def step(carry: tuple, key: Array) -> tuple[tuple, dict]:
            network, mean_network, state = carry
            examples = draw_examples(bank, body, tables, key, training.batch_size)

            def batch_loss(network: ProposalNetwork) -> tuple[Array, dict]:
                losses, parts = jax.vmap(lambda one: _losses(network, body, one, training.weights))(examples)
                return jnp.mean(losses), jax.tree.map(jnp.mean, parts)

            gradients, parts = jax.grad(batch_loss, has_aux=True)(network)
            updates, state = optimizer.update(gradients, state, network)
            network = optax.apply_updates(network, updates)
            mean_network = optax.incremental_update(network, mean_network, 1.0 - training.average)
            return (network, mean_network, state), parts

        carry, parts = jax.lax.scan(step, (network, mean_network, state), jax.random.split(key, STEPS_PER_CALL))
        return *carry, parts

    return run


def _losses(
    network: ProposalNetwork, body: KeypointBody, example: Example, weights: LossWeights
) -> tuple[Array, dict[str, Array]]:
    """The sum of both networks' losses for one person; the second's does not reach the first."""
    slots = jnp.eye(len(network.slots))
    first = split_outputs(network.proposing.outputs(make_features(example.seen, slots)))
    second = corrected(network, body, slots, example.seen, jax.lax.stop_gradient(first))
    first_loss, first_parts = loss(first, body, example, weights)
    second_loss, parts = loss(second, body, example, weights)
    return first_loss + second_loss, parts | {f"first {name}": part for name, part in first_parts.items()}


def error_correlation(
    network: ProposalNetwork, body: KeypointBody, tables: DetectionTables, bank: PoseBank, key: Array
) -> np.ndarray:
    """Correlation (69, 69) of the errors in body_pose, each in units of its predicted standard deviation."""

    @jax.jit
    def standardised(network: ProposalNetwork, bank: PoseBank, body: KeypointBody, key: Array) -> Array:
        def of_one(example: Example) -> Array:
            slots = jnp.eye(len(network.slots))
            first = propose_symmetrically(network, slots, example.seen)
            raw = corrected_symmetrically(network, body, slots, example.seen, first)
            error = matrix_to_axis_angle(raw.rotations[1:]).ravel() - example.body_pose
            return jnp.clip(error * jnp.exp(-raw.log_std_pose), -_MAX_ERROR, _MAX_ERROR)

        return jax.vmap(of_one)(draw_examples(bank, body, tables, key, CORRELATION_BATCH))

    errors = np.concatenate(
        [np.asarray(standardised(network, bank, body, k)) for k in jax.random.split(key, CORRELATION_BATCHES)]
    )
    correlation = np.asarray(np.corrcoef(errors.astype(np.float64).T))
    return (1.0 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(NUM_BODY_POSE)
