"""Networks: a small convolutional encoder from scratch, and the iterative regressor of HMR."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from examples.trainers.bodies import NUM_THETA, Estimate, as_estimate, mean_theta
from examples.trainers.layers import convolved, linear, make_kernel, make_linear, normalized
from examples.trainers.rendering import SIZE

NUM_ROUNDS, NUM_KEYPOINTS, NUM_FEATURES = 3, 17, 256
_PATCH, _FINE, _MIDDLE, _COARSE = 4, 32, 64, 128


class Sight(NamedTuple):
    """What the encoder says of B pictures.

    Attributes:
        features: (B, NUM_FEATURES); the keypoints are the first of them.
        keypoints: (B, 17, 2) in the crop from -1 to 1.
        maps: (B, P, 17) logits of where each keypoint is among P cells, row by row.
    """

    features: Array
    keypoints: Array
    maps: Array


class Encoder(eqx.Module):
    """Pictures to features, by convolutions at three scales and back to the finest, which has a map for each keypoint.

    A keypoint is the mean place under the softmax of its map, which needs far fewer pictures to learn than a dense layer that must find it
    anywhere. The first layer takes patches of 4 px that do not overlap: on CPUs, convolutions of large pictures take most of the time.
    Channels are last.
    """

    patches: eqx.nn.Linear
    kernels: tuple[Array, ...]
    back: tuple[eqx.nn.Linear, eqx.nn.Linear]
    maps: eqx.nn.Linear
    dense: eqx.nn.Linear

    def __init__(self, key: Array):
        keys = jax.random.split(key, 10)
        self.patches = make_linear(_PATCH * _PATCH * 3, _FINE, keys[0])
        sizes = (_FINE, _FINE, _MIDDLE, _MIDDLE, _COARSE, _COARSE)
        self.kernels = tuple(make_kernel(a, b, k) for (a, b), k in zip(pairwise(sizes), keys[1:6], strict=True))
        self.back = make_linear(_COARSE + _MIDDLE, _MIDDLE, keys[6]), make_linear(_MIDDLE + _FINE, _MIDDLE, keys[7])
        self.maps = eqx.nn.Linear(_MIDDLE, NUM_KEYPOINTS, key=keys[8])
        coarse_side = SIZE // _PATCH // 4
        self.dense = make_linear(coarse_side**2 * _COARSE, NUM_FEATURES - 3 * NUM_KEYPOINTS, keys[9])

    def __call__(self, images: Array) -> Sight:
        """(B, SIZE, SIZE, 3) from 0 to 255 -> features and keypoints."""
        count, side = len(images), SIZE // _PATCH
        scaled = normalized(images.astype(jnp.float32), axis=(1, 2, 3))
        cut = scaled.reshape(count, side, _PATCH, side, _PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
        patches = jax.nn.relu(normalized(linear(self.patches, cut.reshape(count, side, side, -1))))
        fine = convolved(patches, self.kernels[0], 1)
        middle = convolved(fine, self.kernels[1], 2)
        middle += convolved(middle, self.kernels[2], 1)
        coarse = convolved(middle, self.kernels[3], 2)
        coarse += convolved(coarse, self.kernels[4], 1)
        joined = coarse
        for layer, beside in zip(self.back, (middle, fine), strict=True):
            joined = jnp.concatenate([joined.repeat(2, axis=1).repeat(2, axis=2), beside], axis=-1)
            joined = jax.nn.relu(normalized(linear(layer, joined)))
        maps = linear(self.maps, joined).reshape(count, side * side, NUM_KEYPOINTS)
        shares = jax.nn.softmax(maps, axis=1)
        keypoints = jnp.einsum("npk,pc->nkc", shares, _cell_centers(side))
        # How sure a map is of its place: from 0, anywhere, to 1. Features of other sizes make the regressor diverge.
        sureness = 1 + jnp.log((shares**2).sum(axis=1)) / np.log(side * side)
        whole = jax.nn.relu(linear(self.dense, coarse.reshape(count, -1)))
        return Sight(jnp.concatenate([keypoints.reshape(count, -1), sureness, whole], axis=1), keypoints, maps)


def _cell_centers(side: int) -> Array:
    """(side^2, 2) x and y, row by row, from -1 to 1."""
    at = (2 * jnp.arange(side) + 1) / side - 1
    return jnp.stack([jnp.tile(at, side), jnp.repeat(at, side)], axis=-1)


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
        layers[-1] = eqx.tree_at(lambda layer: (layer.weight, layer.bias), layers[-1], replace_fn=lambda x: 0.01 * x)
        self.layers, self.mean = tuple(layers), jnp.asarray(mean_theta())

    def __call__(self, features: Array) -> Estimate:
        """(B, F) -> bodies (NUM_ROUNDS B, ...): those of the first round, then of the second, and so on; the last are the best."""
        theta = jnp.broadcast_to(jax.lax.stop_gradient(self.mean), (len(features), NUM_THETA))
        thetas = []
        for _ in range(NUM_ROUNDS):
            hidden = jnp.concatenate([features, theta], axis=1)
            for layer in self.layers[:-1]:
                hidden = jax.nn.relu(normalized(linear(layer, hidden)))
            theta = theta + linear(self.layers[-1], hidden)
            thetas.append(theta)
        return as_estimate(jnp.concatenate(thetas))


class PictureNetwork(eqx.Module):
    """Pictures to bodies."""

    encoder: Encoder
    regressor: Regressor

    def __call__(self, images: Array) -> Estimate:
        """(B, SIZE, SIZE, 3) from 0 to 255 -> bodies (NUM_ROUNDS B, ...), see `Regressor`."""
        return self.regressor(self.encoder(images).features)


def last_round(rounds: Estimate) -> Estimate:
    """The best bodies (B, ...) of those of all rounds."""
    count = len(rounds.betas) // NUM_ROUNDS
    return Estimate(*(array[-count:] for array in rounds))
