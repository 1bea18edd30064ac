"""What every solver returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Solution:
    """The result of a search.

    Attributes:
        parameters: the final ones. Levenberg-Marquardt never ends above the start's energy; Adam may.
        model: the quadratic model of the objective at those parameters, as `linearize` gives it.
        num_steps: steps taken; each costs one evaluation of the energy with its derivatives.
        is_converged: False where the step limit came first.
        is_finite: False where the start's energy was not finite; the parameters are then the start's.
    """

    parameters: Any
    model: Any
    num_steps: Array
    is_converged: Array
    is_finite: Array

    @property
    def energy(self) -> Array:
        """The energy at those parameters."""
        return self.model.energy
