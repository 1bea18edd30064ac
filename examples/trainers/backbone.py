"""The encoder that all systems build on: trained once, on keypoints and outlines, then frozen.

HMR and SPIN start from a network that has learned to classify photographs, and VIBE never trains its encoder. Here training the encoder
takes most of the time, so what it says of every picture is kept, and variants train on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax import Array

from examples.trainers import losses
from examples.trainers.augmentation import Batch, Change, augment
from examples.trainers.layers import linear, make_linear
from examples.trainers.networks import NUM_FEATURES, Encoder
from examples.trainers.rendering import SIZE
from examples.trainers.setting import Data, Options
from examples.trainers.training import batches, compiled, make_optimizer, make_step, start_state

_CELL = 4  # [px] of the outline
_BATCH, _LEARNING_RATE = 64, 2e-3


class OutlineNetwork(eqx.Module):
    """Pictures to keypoints and the person's outline, which is what people annotate in photographs."""

    encoder: Encoder
    outline: eqx.nn.Linear

    def __init__(self, key: Array):
        first, second = jax.random.split(key)
        self.encoder = Encoder(first)
        self.outline = make_linear(NUM_FEATURES, (SIZE // _CELL) ** 2, second)


class Sights(NamedTuple):
    """What the frozen encoder says of R augmented pictures; NumPy arrays, but within a step.

    Attributes:
        features: (R, NUM_FEATURES).
        keypoints: (R, 17, 3) as the augmented pictures show them.
        change: from the pictures to the augmented ones.
        rows: (R,) of the pictures in the data set.
    """

    features: Array
    keypoints: Array
    change: Change
    rows: np.ndarray

    def of_rows(self, rows: np.ndarray) -> Sights:
        """Some of them."""
        return jax.tree.map(lambda array: array[rows], self)


@dataclass(frozen=True)
class Backbone:
    """A frozen encoder, and what it says of the training pictures."""

    encoder: Encoder
    sights: Sights


def backbone_of(data: Data, options: Options, seed: int) -> Backbone:
    """The encoder of a repeat: of an earlier call, of an earlier run, or trained now."""
    seed %= options.num_encoders
    if seed not in data.backbones:
        encoder = _trained_encoder(data, options, seed)
        data.backbones[seed] = Backbone(encoder, _see_all(encoder, data, options, seed))
    return data.backbones[seed]


def _trained_encoder(data: Data, options: Options, seed: int) -> Encoder:
    network = OutlineNetwork(jax.random.key(seed))
    path = options.out / "encoders" / f"{data.name}-{options.num_encoder_steps}-{seed}.eqx"
    if path.is_file():
        return eqx.tree_deserialise_leaves(path, network.encoder)
    optimizer = make_optimizer(_LEARNING_RATE, options.num_encoder_steps)
    state, step, curve = start_state(optimizer, network), make_step(_outline_loss, optimizer), []
    rows_of_steps = batches(len(data.train), _BATCH, seed)
    for number, rows in zip(range(options.num_encoder_steps), rows_of_steps, strict=False):
        network, state, loss = step(network, state, jax.random.key(number), Batch.of(data.train, rows, number))
        curve.append(loss)
    first, last = (np.mean([float(loss) for loss in part]) for part in (curve[:50], curve[-50:]))
    print(f"seed {seed}, encoder: loss {first:.2f} in the first steps, {last:.2f} in the last", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    eqx.tree_serialise_leaves(path, network.encoder)
    return network.encoder


def _outline_loss(network: OutlineNetwork, key: Array, batch: Batch) -> Array:
    """L1 on visible keypoints, and cross-entropies of their maps and of the outline in cells of 4 px."""
    seen = augment(key, batch)
    features, keypoints, maps = network.encoder(seen.images)
    cells = (
        seen.alpha.reshape(-1, SIZE // _CELL, _CELL, SIZE // _CELL, _CELL).mean(axis=(2, 4)).reshape(len(features), -1)
    )
    logits = linear(network.outline, features)
    entropy = (jax.nn.softplus(logits) - cells * logits).mean()
    return losses.reprojection(keypoints, seen.keypoints) + 0.2 * losses.on_maps(maps, seen.keypoints) + entropy


def _see_all(encoder: Encoder, data: Data, options: Options, seed: int) -> Sights:
    """Every training picture in `options.versions` augmented versions."""
    count, found = options.versions * len(data.train), []
    for number, first in enumerate(range(0, count, _BATCH)):
        rows = np.minimum(np.arange(first, first + _BATCH), count - 1) % len(data.train)
        key = jax.random.fold_in(jax.random.key(seed), 10**6 + number)
        found.append((*jax.device_get(_see(encoder, key, Batch.of(data.train, rows, number))), rows))
    features, keypoints, change, rows = jax.tree.map(lambda *arrays: np.concatenate(arrays)[:count], *found)
    return Sights(features, keypoints, change, rows)


@compiled
def _see(encoder: Encoder, key: Array, batch: Batch) -> tuple[Array, Array, Change]:
    seen = augment(key, batch)
    return encoder(seen.images).features, seen.keypoints, seen.change
