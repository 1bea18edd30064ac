"""What a term of the objective offers.

A term is a vector of residuals r; its energy is the sum of their squares (a weight multiplies a residual, so the energy carries the
weight squared). A Gauss-Newton solver needs J^T r and J^T J, which each term gives in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PosedKeypoints:
    """One body's parameters with the keypoints that follow from them.

    Attributes:
        parameters: of one body.
        keypoints_cam: (K, 3) [m].
        jacobian: (K, 3, P) derivative of the keypoints by the step of `BodyParameters.retract`.
    """

    parameters: BodyParameters
    keypoints_cam: Array
    jacobian: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NormalEquations:
    """Second-order model of an energy: E(step) = energy + 2 gradient . step + step . hessian step.

    Attributes:
        energy: sum of the squared residuals r.
        gradient: (P,) J^T r, half the derivative of the energy.
        hessian: (P, P) J^T J.
    """

    energy: Array
    gradient: Array
    hessian: Array


class Term(Protocol):
    """One term of the objective."""

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(R,) residuals; reads only the parameters and keypoints."""
        ...

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """J^T r (P,) and J^T J (P, P), J being the derivative of the residuals by the step."""
        ...


def place_block(gradient: Array | np.ndarray, hessian: Array, columns: slice, size: int) -> tuple[Array, Array]:
    """Normal equations over all P = `size` unknowns from those over a block of columns: zeros around them."""
    around = (columns.start, size - columns.stop)
    return jnp.pad(gradient, around), jnp.pad(hessian, around)
