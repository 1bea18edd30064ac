"""Networks: a small convolutional encoder from scratch, and the iterative regressor of HMR."""

from __future__ import annotations

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from examples.trainers.bodies import NUM_THETA, Estimate, as_estimate, mean_theta
from examples.trainers.rendering import SIZE

NUM_FEATURES, NUM_ROUNDS = 256, 3
_PATCH, _CHANNELS = 4, (32, 64, 128)


class Encoder(eqx.Module):
    """Pictures to features: patches of 4 px, two convolutions with stride 2, and a dense layer. Channels are last, and normalised.

    The first layer takes patches that do not overlap: on CPUs, convolutions of large pictures with few channels take most of the time.
    """

    patches: eqx.nn.Linear
    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]
    dense: eqx.nn.Linear

    def __init__(self, key: Array):
        keys = jax.random.split(key, 4)
        first, *others = _CHANNELS
        self.patches = make_linear(_PATCH * _PATCH * 3, first, keys[0])
        shapes = [(3, 3, a, b) for a, b in pairwise(_CHANNELS)]
        self.kernels = tuple(
            jax.random.normal(k, shape) * jnp.sqrt(2 / (9 * shape[2]))
            for k, shape in zip(keys[1:3], shapes, strict=True)
        )
        self.biases = tuple(jnp.zeros(channels) for channels in others)
        last = SIZE // _PATCH // 2 ** len(others)
        self.dense = make_linear(last * last * _CHANNELS[-1], NUM_FEATURES, keys[3])

    def __call__(self, images: Array) -> Array:
        """(B, SIZE, SIZE, 3) from 0 to 255 -> (B, NUM_FEATURES)."""
        count, per_side = len(images), SIZE // _PATCH
        scaled = _normalized(images.astype(jnp.float32), axis=(1, 2, 3))
        cut = scaled.reshape(count, per_side, _PATCH, per_side, _PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
        maps = jax.nn.relu(_normalized(linear(self.patches, cut.reshape(count, per_side, per_side, -1))))
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            convolved = jax.lax.conv_general_dilated(
                maps, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            maps = jax.nn.relu(_normalized(convolved) + bias)
        return jax.nn.relu(linear(self.dense, maps.reshape(count, -1)))


class Regressor(eqx.Module):
    """Features to bodies in rounds, each of which corrects the last: theta <- theta + f(features, theta).

    Source: Kanazawa et al., End-to-end recovery of human shape and pose, CVPR 2018, section 3.2.
    """

    layers: tuple[eqx.nn.Linear, ...]
    mean: Array

    def __init__(self, key: Array, num_features: int = NUM_FEATURES):
        sizes = (num_features + NUM_THETA, 256, 256, NUM_THETA)
        keys = jax.random.split(key, len(sizes) - 1)
        layers = [make_linear(a, b, k) for (a, b), k in zip(pairwise(sizes), keys, strict=True)]
        # Small first corrections: training starts from the mean body.
        layers[-1] = eqx.tree_at(lambda layer: (layer.weight, layer.bias), layers[-1], replace_fn=lambda x: 0.05 * x)
        self.layers, self.mean = tuple(layers), jnp.asarray(mean_theta())

    def __call__(self, features: Array) -> Estimate:
        """(B, F) -> bodies (NUM_ROUNDS B, ...): those of the first round, then of the second, and so on; the last are the best."""
        theta = jnp.broadcast_to(jax.lax.stop_gradient(self.mean), (len(features), NUM_THETA))
        thetas = []
        for _ in range(NUM_ROUNDS):
            hidden = jnp.concatenate([features, theta], axis=1)
            for layer in self.layers[:-1]:
                hidden = jax.nn.relu(linear(layer, hidden))
            theta = theta + linear(self.layers[-1], hidden)
            thetas.append(theta)
        return as_estimate(jnp.concatenate(thetas))


class PictureNetwork(eqx.Module):
    """Pictures to bodies."""

    encoder: Encoder
    regressor: Regressor

    def __call__(self, images: Array) -> Estimate:
        """(B, SIZE, SIZE, 3) from 0 to 255 -> bodies (NUM_ROUNDS B, ...), see `Regressor`."""
        return self.regressor(self.encoder(images))


def last_round(rounds: Estimate) -> Estimate:
    """The best bodies (B, ...) of those of all rounds."""
    count = len(rounds.betas) // NUM_ROUNDS
    return Estimate(*(array[-count:] for array in rounds))


def make_linear(num_inputs: int, num_outputs: int, key: Array) -> eqx.nn.Linear:
    """A layer whose random weights keep the size of what passes through it and a rectifier (He et al. 2015)."""
    layer = eqx.nn.Linear(num_inputs, num_outputs, key=key)
    return eqx.tree_at(lambda one: one.weight, layer, 6**0.5 * layer.weight)


def _normalized(values: Array, axis: int | tuple[int, ...] = -1) -> Array:
    mean = values.mean(axis=axis, keepdims=True)
    return (values - mean) / jnp.sqrt(((values - mean) ** 2).mean(axis=axis, keepdims=True) + 1e-3)


def linear(layer: eqx.nn.Linear, rows: Array) -> Array:
    """The layer on the last axis; a product of matrices, where vmap over `layer` would be many."""
    return rows @ layer.weight.T + (0 if layer.bias is None else layer.bias)
