"""The interface of a term of the objective.

A term is a vector of residuals r; its energy is the sum of their squares (a weight multiplies a residual, so the energy contains the
weight squared). A Gauss-Newton solver needs J^T r and J^T J, which each term gives in closed form.

Terms work on one person or on many at once: shapes are written (R, ...), the dots being the batch axis (see `execution.batch_axis`).
The solver's matrices have the batch axis first instead: (..., P, P).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import ParameterColumns
from smplify_jax.body.posed_keypoints import PosedKeypoints


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearization:
    """A term linearised at a body: its energy and its part of the normal equations.

    J is the Jacobian of its residuals with respect to the step. J^T J is the sum of those parts below that are not None.

    Attributes:
        energy: (...) r^T r.
        gradient: (..., P) J^T r.
        jacobian_t: (..., P, R) J^T, or those of its columns that matter; products of J^T in this layout are twice as fast as of J.
        diagonal: (..., P) diagonal of a diagonal J^T J; zero for the root's orientation.
        pose_hessian: (..., n, n) J^T J over body_pose.
    """

    energy: Array
    gradient: Array
    jacobian_t: Array | None = None
    diagonal: Array | None = None
    pose_hessian: Array | None = None


class Term(Protocol):
    """One term of the objective."""

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(R, ...) residuals."""
        ...

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """r^T r, J^T r and J^T J."""
        ...


def sum_normal_equations(linearizations: Sequence[Linearization], columns: ParameterColumns) -> tuple[Array, Array]:
    """J^T r (..., P) and J^T J (..., P, P) summed over all terms; a single product serves all terms that give J."""
    gradient = sum((one.gradient for one in linearizations), jnp.zeros(()))
    stacked = jnp.concatenate([one.jacobian_t for one in linearizations if one.jacobian_t is not None], axis=-1)
    blocks = [one.pose_hessian for one in linearizations if one.pose_hessian is not None]
    diagonal = sum((one.diagonal for one in linearizations if one.diagonal is not None), jnp.zeros(()))
    hessian = jnp.einsum("...pr,...qr->...pq", stacked, stacked)
    unit = np.eye(columns.size, dtype=np.float32)
    diagonal = (
        diagonal @ unit
    )  # forces XLA to compute the sum once: otherwise it would be recomputed for every entry of the Hessian
    pose, rest = columns.body_pose, slice(columns.betas.start, columns.size)
    # In place: adding a block padded with zeros tests for every entry whether it lies in the block, and takes five times as long.
    for block, more in ((pose, sum(blocks, jnp.zeros(()))), (rest, jnp.zeros(()))):
        entries = hessian[..., block, block] + diagonal[..., block, None] * unit[block, block] + more
        corner = (0,) * (hessian.ndim - 2) + (block.start, block.start)
        hessian = jax.lax.dynamic_update_slice(hessian, entries, corner)
    return gradient, hessian


def embed_block(values: Array, block: slice, columns: ParameterColumns) -> Array:
    """A block of parameters (..., n) embedded in a step vector (..., P) that is zero elsewhere."""
    return jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(block.start, columns.size - block.stop)])
