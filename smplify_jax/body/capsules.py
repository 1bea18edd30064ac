"""Capsules: the 20 parts of a body as cylinders with round ends, to find where the body penetrates itself.

A capsule rides rigidly on one joint. In the rest pose its axis has a fixed direction; its middle (relative to the joint), its length and
its radius are linear in the betas. So everything that follows from the betas is a matrix product.
Source: Bogo et al., Keep it SMPL, ECCV 2016, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.execution.precision import exact_products

PART_JOINTS: dict[str, str] = {
    "pelvis": "pelvis",
    "left_thigh": "left_hip",
    "right_thigh": "right_hip",
    "spine1": "spine1",
    "left_calf": "left_knee",
    "right_calf": "right_knee",
    "spine2": "spine2",
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
    "spine3": "spine3",
    "neck": "neck",
    "left_shoulder": "left_collar",
    "right_shoulder": "right_collar",
    "head": "head",
    "left_upper_arm": "left_shoulder",
    "right_upper_arm": "right_shoulder",
    "left_forearm": "left_elbow",
    "right_forearm": "right_elbow",
    "left_hand": "left_wrist",
    "right_hand": "right_wrist",
}
"""Part to the joint it rides on, in the order of every array over parts: that of SMPL's joints, without toes and knuckles."""

PARTS = tuple(PART_JOINTS)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Capsules:
    """The C = 20 capsules of a body with B betas. A row per beta and, last, the constant: value = [betas, 1] @ rows.

    Attributes:
        axes: (C, 3) unit vectors along the axes, rest pose.
        betas2centers: (B + 1, C, 3) middle of each axis relative to the joint it rides on, rest pose [m].
        betas2lens: (B + 1, C) length of each axis, between the centres of the two round ends [m].
        betas2rads: (B + 1, C) radius [m].
    """

    axes: Array | np.ndarray
    betas2centers: Array | np.ndarray
    betas2lens: Array | np.ndarray
    betas2rads: Array | np.ndarray

    @property
    def num_betas(self) -> int:
        """Number of betas that change the capsules."""
        return self.betas2lens.shape[0] - 1

    def with_num_betas(self, num_betas: int) -> Capsules:
        """The same capsules for the first betas only, or for more betas, of which the added ones have no effect."""

        def resize(rows: Array | np.ndarray) -> np.ndarray:
            rows = np.asarray(rows)
            kept = rows[:-1][:num_betas]
            added = np.zeros((num_betas - len(kept), *rows.shape[1:]), rows.dtype)
            return np.concatenate([kept, added, rows[-1:]])

        names = ("betas2centers", "betas2lens", "betas2rads")
        return replace(self, **{name: resize(getattr(self, name)) for name in names})

    def lengths(self, betas: Array | np.ndarray) -> Array:
        """Length of each axis, never negative. (..., n) betas, n at most B -> (..., C) [m]."""
        return jnp.maximum(self._linear(self.betas2lens, betas), 0.0)

    def radii(self, betas: Array | np.ndarray) -> Array:
        """Radius of each capsule. (..., n) betas, n at most B -> (..., C) [m]; at least a millimetre."""
        return jnp.maximum(self._linear(self.betas2rads, betas), 1e-3)

    def ends(self, betas: Array | np.ndarray) -> Array:
        """Both ends of each axis relative to its joint, rest pose. (..., n) betas, n at most B -> (..., C, 2, 3) [m]."""
        half = 0.5 * self.lengths(betas)[..., None, None] * self.axes[:, None, :]
        centers = self._linear(self.betas2centers, betas)
        return centers[..., None, :] + half * np.array([[-1.0], [1.0]], np.float32)

    @exact_products
    def _linear(self, rows: Array | np.ndarray, betas: Array | np.ndarray) -> Array:
        betas = jnp.asarray(betas)
        return jnp.tensordot(betas, rows[: betas.shape[-1]], axes=1) + rows[-1]
