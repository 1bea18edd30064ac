"""Augmentation in compiled steps: other backgrounds, colours, places and mirror images, with all that is known of the people."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from examples.trainers.bodies import Estimate
from examples.trainers.dataset import LAYOUT, Pictures
from examples.trainers.rendering import FOCAL_SIDES, SIZE
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.keypoints.layouts import get_layout

_MAX_SHIFT = 5  # [px]
_PARTNERS = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES])
_MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


class Batch(NamedTuple):
    """Rows of `Pictures`.

    Attributes:
        people: (B, SIZE, SIZE, 4) uint8 RGBA.
        backgrounds: (B, SIZE, SIZE, 3) uint8, of any pictures.
        keypoints: (B, 17, 3).
    """

    people: Array | np.ndarray
    backgrounds: Array | np.ndarray
    keypoints: Array | np.ndarray

    @classmethod
    def of(cls, pictures: Pictures, rows: np.ndarray, number: int) -> Batch:
        """Rows of the pictures, before backgrounds of others that change with the number of the step."""
        behind = (rows + 7919 * (number + 1)) % len(pictures)
        return cls(pictures.people[rows], pictures.backgrounds[behind], pictures.keypoints[rows])


class Change(NamedTuple):
    """From pictures to augmented ones.

    Attributes:
        is_mirrored: (B,) whether left and right are exchanged, first.
        moved: (B, 2) how far people move then, in the crop from -1 to 1.
    """

    is_mirrored: Array | np.ndarray
    moved: Array | np.ndarray

    def of_bodies(self, known: Estimate) -> Estimate:
        """Bodies as the augmented pictures show them. Moved bodies turn a little before the camera, which is left out."""
        is_mirrored, transl = self.is_mirrored, jnp.asarray(known.transl)
        mirrored = _MIRROR @ jnp.asarray(known.rotations)[:, _PARTNERS] @ _MIRROR
        rotations = jnp.where(is_mirrored[:, None, None, None], mirrored, known.rotations)
        transl = jnp.where(is_mirrored[:, None], transl * jnp.array([-1.0, 1.0, 1.0]), transl)
        return Estimate(rotations, known.betas, transl.at[:, :2].add(self.moved * transl[:, 2:] / (2 * FOCAL_SIDES)))

    def of_keypoints(self, keypoints: Array | np.ndarray) -> Array:
        """Keypoints (B, 17, 3), without those that leave the crop."""
        mirrored = jnp.asarray(keypoints)[:, np.array(get_layout(LAYOUT).flip)] * jnp.array([-1.0, 1.0, 1.0])
        placed = jnp.where(self.is_mirrored[:, None, None], mirrored, keypoints)
        points = placed[..., :2] + self.moved[:, None]
        is_inside = (jnp.abs(points) <= 1).all(axis=-1, keepdims=True)
        return jnp.concatenate([points, placed[..., 2:]], axis=-1) * is_inside


class Augmented(NamedTuple):
    """Augmented pictures.

    Attributes:
        images: (B, SIZE, SIZE, 3) from 0 to 255.
        alpha: (B, SIZE, SIZE) how much of a pixel is the person's.
        keypoints: (B, 17, 3).
        change: from the pictures to these.
    """

    images: Array
    alpha: Array
    keypoints: Array
    change: Change


def augment(key: Array, batch: Batch) -> Augmented:
    """Pictures before other backgrounds, in other colours, mirrored or not, and moved."""
    keys = jax.random.split(key, 6)
    count = len(batch.people)
    is_mirrored = jax.random.bernoulli(keys[0], shape=(count,))
    shift = jax.random.randint(keys[1], (count, 2), -_MAX_SHIFT, _MAX_SHIFT + 1)
    people = jnp.where(is_mirrored[:, None, None, None], batch.people[:, :, ::-1], batch.people)
    people = _shifted(people, shift).astype(jnp.float32)
    alpha = people[..., 3:] / 255
    images = alpha * people[..., :3] + (1 - alpha) * batch.backgrounds
    gain = jax.random.uniform(keys[2], (count, 1, 1, 1), minval=0.7, maxval=1.2)
    gain *= jax.random.uniform(keys[3], (count, 1, 1, 3), minval=0.85, maxval=1.15)
    offset, noise = jnp.split(jax.random.uniform(keys[4], (2 * count, 1, 1, 1)), 2)
    # One picture of noise for all, more or less of it: random numbers for every pixel would take half as long as the network.
    grain = jax.random.normal(keys[5], images.shape[1:])
    images = gain * (images - 128) + 128 + 50 * (offset - 0.5) + 8 * noise * grain
    change = Change(is_mirrored, 2.0 * shift / SIZE)
    return Augmented(jnp.clip(images, 0, 255), alpha[..., 0], change.of_keypoints(batch.keypoints), change)


def _shifted(people: Array, shift: Array) -> Array:
    around = jnp.pad(people, ((0, 0), (_MAX_SHIFT, _MAX_SHIFT), (_MAX_SHIFT, _MAX_SHIFT), (0, 0)))

    def cut(one: Array, by: Array) -> Array:
        return jax.lax.dynamic_slice(one, (_MAX_SHIFT - by[1], _MAX_SHIFT - by[0], 0), (SIZE, SIZE, 4))

    return jax.vmap(cut)(around, shift)
