"""Bend prior: elbows and knees do not bend backwards, E_a in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.posed_keypoints import PosedKeypoints
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.terms.term import Linearization

_X, _Y = 0, 1
# Joint, axis, and the sign of the unnatural direction. In the T-pose the left forearm points along +x and flexes forward by a negative
# turn about y; shanks point down and flex backward by a positive turn about x.
UNNATURAL_BENDS = (
    ("left_elbow", _Y, 1.0),
    ("right_elbow", _Y, -1.0),
    ("left_knee", _X, -1.0),
    ("right_knee", _X, -1.0),
)
_COLUMNS = np.array([3 * (SMPL_JOINT_NAMES.index(joint) - 1) + axis for joint, axis, _ in UNNATURAL_BENDS])
_SIGNS = np.array([sign for _, _, sign in UNNATURAL_BENDS], np.float32)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BendTerm:
    """E = weight^2 sum_i exp(2 s_i theta_i), s_i theta_i > 0 being hyperextension.

    Attributes:
        weight: 3.17 w_theta in the paper's code.
    """

    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(4, ...) weight exp(s_i theta_i)."""
        bends = [sign * posed.parameters.body_pose[column] for column, sign in zip(_COLUMNS, _SIGNS, strict=True)]
        return self.weight * jnp.exp(jnp.stack(bends))

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """Diagonal: d r_i / d theta_i = s_i r_i."""
        columns = posed.columns
        residuals = self.residuals(posed)
        squares = batch_first(residuals**2, 1)[..., None]
        of_bends = np.zeros((len(_COLUMNS), columns.size), np.float32)
        of_bends[np.arange(len(_COLUMNS)), columns.body_pose.start + _COLUMNS] = 1.0
        # Written out, so that XLA fuses it with the other terms' sums; so small a matrix product takes longer than both.
        by_bend = [squares[..., i, :] * of_bend for i, of_bend in enumerate(of_bends)]
        return Linearization(
            energy=jnp.sum(residuals**2, axis=0),
            gradient=sum((sign * one for sign, one in zip(_SIGNS, by_bend, strict=True)), jnp.zeros(())),
            diagonal=sum(by_bend, jnp.zeros(())),
        )
