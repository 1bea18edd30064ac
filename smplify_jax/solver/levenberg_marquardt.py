"""Levenberg-Marquardt for a sum of squares.

Under vmap every problem has its own damping and its own end: a finished problem keeps its values while the others continue.
Source: Madsen, Nielsen & Tingleff, Methods for non-linear least squares problems, 2004, algorithm 3.16, with Marquardt's scaling of the
damping by the Hessian's diagonal (the unknowns are radians, metres and standard deviations).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.solver.cholesky import solve_damped
from smplify_jax.solver.loop import Objective, Solver
from smplify_jax.solver.solution import Solution

# Relative damping. It starts small because Gauss-Newton steps are good wherever the prior is on. At the lower bound a step is a plain
# Gauss-Newton step in effect, and past the upper bound it is too short to matter in float32.
_INITIAL_DAMPING = 1e-3
_MIN_DAMPING = 1e-7
_MAX_DAMPING = 1e7

_MAX_REMAINING_GAINS = 10.0


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SolverOptions:
    """When to stop.

    Attributes:
        max_steps: Gauss-Newton systems to solve at most, rejected steps included.
        relative_gain: stop when all further steps together are expected to lower the energy by less than this fraction.
    """

    max_steps: int | Array
    relative_gain: float | Array = 1e-4


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _State:
    """The state between two steps: the best parameters with their quadratic model, and the next candidate."""

    parameters: Any
    model: Any
    candidate: Any
    predicted_gain: Array
    last_gain: Array
    damping: Array
    growth: Array
    num_steps: Array
    is_converged: Array


def begin(objective: Objective, start: Any, is_active: Array) -> _State:
    """The state before the first step. The start is the first candidate, so that `linearize`, most of the program, compiles only once."""
    shapes = jax.eval_shape(objective.linearize, start)
    empty_model = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    zero = jnp.zeros_like(empty_model.energy)
    return _State(
        parameters=start,
        model=empty_model,
        candidate=start,
        predicted_gain=zero,
        last_gain=zero,
        damping=zero + _INITIAL_DAMPING,
        growth=zero + 2.0,
        num_steps=jnp.where(is_active, -1, 0),
        is_converged=~is_active,
    )


def is_running(state: _State, options: SolverOptions) -> Array:
    """True until the search converges or reaches a limit."""
    is_within_limits = (state.num_steps < options.max_steps) & (state.damping < _MAX_DAMPING)
    return (state.num_steps < 0) | (jnp.isfinite(state.model.energy) & is_within_limits & ~state.is_converged)


def advance(objective: Objective, free: Array, options: SolverOptions, state: _State) -> _State:
    """Evaluate the candidate, accept it only if it lowers the true energy, and compute the next one."""
    model = objective.linearize(state.candidate)
    is_first, continues = state.num_steps < 0, is_running(state, options)
    gain = state.model.energy - model.energy
    is_better = is_first | (jnp.isfinite(model.energy) & (gain > 0))
    shrink = jnp.maximum(1.0 / 3.0, 1.0 - (2.0 * gain / jnp.maximum(state.predicted_gain, 1e-30) - 1.0) ** 3)
    factor = jnp.where(is_first, 1.0, jnp.where(is_better, shrink, state.growth))
    damping = jnp.maximum(state.damping * factor, _MIN_DAMPING)

    # The Hessian is large, so one select covers both: finished problems and rejected candidates keep the old one.
    is_accepted = continues & is_better
    with jax.named_scope("choice"):
        parameters, kept = jax.tree.map(
            lambda new, old: jnp.where(is_accepted, new, old), (state.candidate, model), (state.parameters, state.model)
        )
    is_converged = ~is_first & _is_converged(state, gain, is_better, options.relative_gain * kept.energy)
    damped_step = objective.damped_step or _damped_step
    with jax.named_scope("step"):
        step, predicted_gain = damped_step(kept, damping, free, continues & ~is_converged)
    after = _State(
        parameters=parameters,
        model=None,
        candidate=objective.retract(parameters, step),
        predicted_gain=predicted_gain,
        last_gain=jnp.where(is_better & ~is_first, gain, state.last_gain),
        damping=damping,
        growth=jnp.where(is_better, 2.0, 2.0 * state.growth),
        num_steps=state.num_steps + 1,
        is_converged=is_converged,
    )
    before = dataclasses.replace(state, model=None)
    after = jax.tree.map(lambda new, old: jnp.where(continues, new, old), after, before)
    return dataclasses.replace(after, model=kept)


def finish(state: _State) -> Solution:
    """The best parameters found."""
    is_finite = jnp.isfinite(state.model.energy)
    return Solution(
        parameters=state.parameters,
        model=state.model,
        num_steps=state.num_steps,
        # A step too short for float32 to resolve counts as convergence too.
        is_converged=is_finite & (state.is_converged | (state.damping >= _MAX_DAMPING)),
        is_finite=is_finite,
    )


LEVENBERG_MARQUARDT = Solver(begin, is_running, advance, finish)


def _is_converged(state: _State, gain: Array, is_accepted: Array, threshold: Array) -> Array:
    """Whether all further steps together are expected to gain less than the threshold.

    Gains of accepted steps shrink at least geometrically near a minimum, so the last two predict the sum of all further ones; if they
    hardly shrink, or there was only one, the sum is taken as _MAX_REMAINING_GAINS times the last. A rejected step whose predicted gain was
    almost zero means that float32 cannot resolve a further descent.
    """
    shrinkage = jnp.where(state.last_gain > 0, jnp.minimum(gain / jnp.maximum(state.last_gain, 1e-30), 1.0), 1.0)
    remaining_gain = gain * jnp.minimum(shrinkage / jnp.maximum(1.0 - shrinkage, 1e-6), _MAX_REMAINING_GAINS)
    return jnp.where(is_accepted, remaining_gain < threshold, state.predicted_gain < 0.1 * threshold)


def _damped_step(model: Any, damping: Array, free: Array, is_needed: Array) -> tuple[Array, Array]:
    """Solve (H + damping diag H) step = -g over the free unknowns; also return the gain that the quadratic model predicts."""
    added = damping_of_diagonal(jnp.diagonal(model.hessian), damping)
    step = -solve_damped(is_needed, model.hessian, added, model.gradient, free)
    # E(0) - E(step) = -2 g.step - step.H step, with H step = -g - added * step for the free unknowns; the step is zero elsewhere.
    return step, jnp.dot(step, added * step - model.gradient)


def damping_of_diagonal(diagonal: Array, damping: Array) -> Array:
    """What is added to the diagonal of a Hessian."""
    # The floor keeps an unknown that nothing observes (a zero row) from making the system singular.
    return damping * jnp.maximum(diagonal, 1e-6 * jnp.max(diagonal))
