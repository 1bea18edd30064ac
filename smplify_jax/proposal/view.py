"""The network's view of a person: through a camera turned towards them, in units of their own height.

How a person looks depends on where they stand in the picture (perspective turns people at the edge) and on how large they are.
Both effects are removed before the network and restored after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.depth import PERSON_HEIGHT
from smplify_jax.camera.observation import Observation

_HEIGHTS_PER_SPREAD = 4.0  # a standing person's height over the median distance of their keypoints from the middle
_OUTLIER_DISTANCE = 2.0  # in units of that median distance
_MIN_SPREAD = 1e-5
_NUM_REWEIGHTINGS = 3


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class View:
    """A camera turned towards the person.

    Attributes:
        rotation: (3, 3) from the picture's camera frame to the view's frame, whose z axis points at the person.
        depth: () distance along that axis at which a standing person's keypoints would have the same spread [m].
    """

    rotation: Array
    depth: Array

    def points(self, observation: Observation) -> Array:
        """(K, 2) keypoints in the view, in units of the person's height, with the middle of the view at zero."""
        in_view = _rays(observation) @ self.rotation.T
        # Keypoints far outside a wide-angle picture could lie behind the view; they are outliers anyway.
        return in_view[:, :2] / jnp.maximum(in_view[:, 2:], 0.1) * (self.depth / PERSON_HEIGHT)


def person_view(observation: Observation) -> View:
    """Turn the camera towards the middle of the observed keypoints by the shortest rotation; the distance follows from their spread.

    The spread is a median and the middle a reweighted mean, so outliers hardly change either.
    """
    rays = _rays(observation)
    is_seen = observation.confidence > 0

    def reweighted(_: int, middle_and_spread: tuple[Array, Array]) -> tuple[Array, Array]:
        distances = jnp.sqrt(jnp.sum((rays[:, :2] - middle_and_spread[0]) ** 2, axis=-1))
        spread = jnp.maximum(lower_median(distances, is_seen), _MIN_SPREAD)
        return _mean(rays[:, :2], is_seen / (1.0 + (distances / (_OUTLIER_DISTANCE * spread)) ** 2) ** 2), spread

    # A loop, so that it is compiled once.
    start = _mean(rays[:, :2], is_seen.astype(rays.dtype)), jnp.ones(())
    middle, spread = jax.lax.fori_loop(0, _NUM_REWEIGHTINGS, reweighted, start)
    axis = jnp.append(middle, 1.0)
    return View(_shortest_turn(axis / jnp.linalg.norm(axis)), PERSON_HEIGHT / (_HEIGHTS_PER_SPREAD * spread))


def lower_median(values: Array, is_counted: Array) -> Array:
    """Lower median of the counted values (K,); 1 if there are none.

    Computed from ranks: XLA sorts row by row with a call for each comparison, which takes longer than comparing all pairs.
    """
    order = np.arange(len(values))
    is_before = (values[:, None] < values) | ((values[:, None] == values) & (order[:, None] < order))
    rank = jnp.sum(is_before & is_counted[:, None], axis=0)
    is_middle = is_counted & (rank == (jnp.sum(is_counted) - 1) // 2)
    return jnp.where(jnp.any(is_counted), jnp.sum(jnp.where(is_middle, values, 0.0)), 1.0)


def _mean(values: Array, weight: Array) -> Array:
    return jnp.sum(weight[:, None] * values, axis=0) / jnp.maximum(jnp.sum(weight), 1e-12)


def _rays(observation: Observation) -> Array:
    """(K, 3) directions (x/z, y/z, 1)."""
    camera = observation.camera
    rays = (observation.keypoints_px - camera.camera_center) / camera.focal_length
    return jnp.concatenate([rays, jnp.ones_like(rays[:, :1])], axis=-1)


def _shortest_turn(direction: Array) -> Array:
    """(3, 3) rotation that takes a unit vector with z > 0 to (0, 0, 1)."""
    x, y, z = direction
    a = 1.0 / (1.0 + z)
    return jnp.array([[1.0 - a * x * x, -a * x * y, -x], [-a * x * y, 1.0 - a * y * y, -y], [x, y, z]])
