"""Bodies of single moments, each with a shape of its own: many are fitted side by side by one program.

A track of one frame has the same objective; this is the same fit without the machinery that links frames.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.camera.observation import Observed
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.described import describe
from smplify_jax.fitting.finished import finished
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.search import Problem, fit_from_starts
from smplify_jax.fitting.stages import Phases, Round
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.tracks import SOLVER
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.quality.posterior import joints_and_jacobian, posterior, shape_covariance
from smplify_jax.solver.solution import Solution
from smplify_jax.terms.measured import KnownMeasurements, known_precision


def body_phases(layout: Layout) -> Phases:
    """One round from one start, with the weights of a track of one frame."""
    weights = dataclasses.replace(DEFAULT.refine[-1].weights, depth=None)
    return dataclasses.replace(DEFAULT, refine=(Round(weights=weights, solver=SOLVER),)).phases(layout, True)


def fit_bodies(setup: TrackSetup, layout: Layout, bodies: Frames) -> dict[str, Any]:
    """Fit bodies, each by itself.

    Args:
        setup: of the fit.
        layout: of what was observed.
        bodies: not linked in time; those that are no frames are not fitted.
    Returns:
        The fields of a result but its body and layout, with a leading axis B.
    """
    own = dataclasses.replace(setup.network, phases=body_phases(layout))
    fields = jax.device_get(run_in_batches(fit_apart, own, bodies, setup.devices))
    search = {name: np.asarray(fields.pop(name)) for name in ("num_steps", "is_converged", "is_finite")}
    return finished(bodies, {**fields, "velocities": np.full_like(fields["joints"], np.nan)}, **search)


def fit_apart(setup: Setup, bodies: Frames) -> dict[str, Any]:
    """Fit each body and describe it; every array has a leading axis B. Traced by JAX."""
    is_active = jnp.asarray(bodies.is_frame)
    # The depth anchor has no weight for bodies that are not before a camera.
    problems = Problem(is_active, bodies.observed, jnp.ones(len(bodies)), bodies.anchor, bodies.known)
    starts = jax.tree.map(lambda leaf: leaf[:, None], bodies.start)
    solutions, _, _ = fit_from_starts(setup.scene, problems, setup.phases, starts)
    weight = jnp.asarray(setup.phases.refine.weights.pose_prior)[-1]

    def described(
        given: Observed, known: KnownMeasurements | None, solution: Solution, is_needed: Array
    ) -> dict[str, Any]:
        model, parameters = solution.model, solution.parameters
        joints, jacobian = joints_and_jacobian(setup.joints_body, parameters)
        joints_std, betas_covariance = posterior(model.hessian, weight, jacobian, parameters.columns(), is_needed)
        prior = 2.0 * (jnp.asarray(setup.phases.refine.weights.shape)[-1] / weight) ** 2
        of_known = known_precision(setup.scene.measures, known, parameters.betas)
        return {
            **describe(setup.scene.body, given, model.keypoints_cam, parameters),
            **parameters.blocks(),
            "joints": joints,
            "joints_std": joints_std,
            "betas_covariance": shape_covariance(betas_covariance, prior, of_known, is_needed),
            # The names of a track's energies, so that results of both kinds have the same fields.
            "cost_by_term": model.energy_by_term | {"motion": jnp.zeros_like(model.energy)},
            "num_steps": solution.num_steps,
            "is_converged": solution.is_converged,
            "is_finite": solution.is_finite,
        }

    return jax.vmap(described)(bodies.as_given, bodies.known, solutions, is_active)
