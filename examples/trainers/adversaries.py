"""Discriminators: what bodies and motions look real."""

from __future__ import annotations

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from examples.trainers.bodies import Estimate
from examples.trainers.layers import linear, make_linear

NUM_POSED = 23
_EMBEDDED, _HIDDEN = 32, 256


class BodyDiscriminators(eqx.Module):
    """One discriminator for each joint, one for the whole pose, one for the shape.

    Rotation matrices of all joints pass through the same two layers; then each joint has a layer of its own, and the whole pose three on
    all of them together. The shape has two layers with 10 and 5 numbers.
    Source: Kanazawa et al. 2018, section 3.3; the whole pose's hidden layers are narrower here.
    """

    shared: tuple[eqx.nn.Linear, eqx.nn.Linear]
    joint_weights: Array
    joint_biases: Array
    whole: tuple[eqx.nn.Linear, ...]
    shape: tuple[eqx.nn.Linear, ...]

    def __init__(self, key: Array):
        keys = iter(jax.random.split(key, 8))
        self.shared = (make_linear(9, _EMBEDDED, next(keys)), make_linear(_EMBEDDED, _EMBEDDED, next(keys)))
        self.joint_weights = jax.random.normal(next(keys), (NUM_POSED, _EMBEDDED)) * _EMBEDDED**-0.5
        self.joint_biases = jnp.zeros(NUM_POSED)
        sizes = (NUM_POSED * _EMBEDDED, _HIDDEN, _HIDDEN, 1)
        self.whole = tuple(eqx.nn.Linear(a, b, key=next(keys)) for a, b in pairwise(sizes))
        self.shape = tuple(eqx.nn.Linear(a, b, key=next(keys)) for a, b in ((10, 5), (5, 1)))

    def __call__(self, bodies: Estimate) -> Array:
        """Bodies (B, ...) -> (B, 25) scores, 1 for real: of 23 joints, the whole pose, the shape. The root has none."""
        embedded = jnp.asarray(bodies.rotations)[:, 1:].reshape(-1, NUM_POSED, 9)
        for layer in self.shared:
            embedded = jax.nn.relu(linear(layer, embedded))
        by_joint = jnp.einsum("bje,je->bj", embedded, self.joint_weights) + self.joint_biases
        whole = _dense(self.whole, embedded.reshape(len(embedded), -1))
        return jnp.concatenate([by_joint, whole, _dense(self.shape, jnp.asarray(bodies.betas))], axis=1)


class MotionDiscriminator(eqx.Module):
    """A recurrent network over the poses of a motion; self-attention weighs its states. Two layers of it here are one.

    Source: Kocabas et al., VIBE, CVPR 2020, section 3.2: a_i = softmax(phi(h_i)), r = sum_i a_i h_i.
    """

    embed: eqx.nn.Linear
    cell: eqx.nn.GRUCell
    attention: tuple[eqx.nn.Linear, eqx.nn.Linear]
    score: eqx.nn.Linear

    def __init__(self, key: Array, size: int = 96):
        keys = jax.random.split(key, 5)
        self.embed, self.cell = eqx.nn.Linear(24 * 6, size, key=keys[0]), eqx.nn.GRUCell(size, size, key=keys[1])
        self.attention = (eqx.nn.Linear(size, size, key=keys[2]), eqx.nn.Linear(size, 1, key=keys[3]))
        self.score = eqx.nn.Linear(size, 1, key=keys[4])

    def __call__(self, rotations: Array) -> Array:
        """(B, T, 24, 3, 3) -> (B, 1) score, 1 for real."""
        six = rotations[..., :2].reshape(*rotations.shape[:2], -1)
        states = run_cell(self.cell, jax.nn.relu(linear(self.embed, six)))
        first, second = self.attention
        weights = jax.nn.softmax(linear(second, jnp.tanh(linear(first, states))), axis=1)
        return linear(self.score, (weights * states).sum(axis=1))


def looks_real(scores: Array) -> Array:
    """What the predicting network minimises: sum_i mean (D_i - 1)^2."""
    return ((scores - 1) ** 2).mean(axis=0).sum()


def tells_apart(real: Array, predicted: Array) -> Array:
    """What discriminators minimise: sum_i mean (D_i(real) - 1)^2 + mean D_i(predicted)^2."""
    return looks_real(real) + (predicted**2).mean(axis=0).sum()


def run_cell(cell: eqx.nn.GRUCell, inputs: Array) -> Array:
    """States (B, T, H) of a recurrent cell over inputs (B, T, F)."""
    start = jnp.zeros((len(inputs), cell.hidden_size))

    def advance(state: Array, frame: Array) -> tuple[Array, Array]:
        state = jax.vmap(cell)(frame, state)
        return state, state

    _, states = jax.lax.scan(advance, start, inputs.swapaxes(0, 1))
    return states.swapaxes(0, 1)


def _dense(layers: tuple[eqx.nn.Linear, ...], rows: Array) -> Array:
    for layer in layers[:-1]:
        rows = jax.nn.relu(linear(layer, rows))
    return linear(layers[-1], rows)
