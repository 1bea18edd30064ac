"""People's fits, brought to where their objective is stationary: the part of `solve` that is not differentiated. Traced by JAX."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.execution.batching import search_chunk_size
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.person import Person, Setup
from smplify_jax.fitting.program import SearchedPeople, search_people
from smplify_jax.fitting.report import report
from smplify_jax.fitting.search import run_rounds
from smplify_jax.fitting.stages import Round
from smplify_jax.fitting.stationarity import gradient_norm, polish
from smplify_jax.proposal.propose import Proposal
from smplify_jax.result import FitStatus
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.solver.solution import Solution

_SOLVER = SolverOptions(max_steps=30, relative_gain=1e-6)
"""Of the Gauss-Newton steps that go on where the fit would stop: they converge from farther away than Newton's, and cost much less."""

_RESTING_DEPTH = 10.0  # [m] of the body that people get who cannot be fitted: anywhere before the camera


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Settled:
    """One person's optimum and how it was reached; every number of it is held constant by derivatives.

    Attributes:
        parameters: at the optimum; a body at rest for people who cannot be fitted, so that no NaN gets into a caller's loss.
        energies: (T,) of the terms, in the order of TERM_NAMES; NaN for people who cannot be fitted.
        status: of `FitStatus`.
        num_steps: of all rounds, without Newton's steps.
        gradient_norm: see `stationarity.gradient_norm`; NaN for people who cannot be fitted.
        is_usable: whether there is a body.
        inverse_hessian: (P, P) over the free unknowns, see `stationarity.inverse_hessian`.
        proposal: the network's; None if the profile does not use the network.
        is_exchanged: (K,) keypoints that the network took for those of the other side.
        pixel_scale: reference pixels per pixel.
    """

    parameters: BodyParameters
    energies: Array
    status: Array
    num_steps: Array
    gradient_norm: Array
    is_usable: Array
    inverse_hessian: Array
    proposal: Proposal | None
    is_exchanged: Array
    pixel_scale: Array


def last_round(setup: Setup) -> Round:
    """The round whose optimum is the fit."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[-1], setup.phases.refine)


def free_unknowns(setup: Setup) -> Array:
    """(P,) 1.0 for the unknowns that the last round frees."""
    body = setup.scene.body
    blank = BodyParameters(jnp.zeros(3), jnp.zeros(3 * (body.num_joints - 1)), jnp.zeros(body.num_betas), jnp.zeros(3))
    return last_round(setup).free_mask(blank)


@custom_vmap
@exact_products
def settle(setup: Setup, person: Person) -> Settled:
    """Fit one person and polish the fit. Under `vmap` over people it is one program of a batch, like `fit`."""
    alone = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], person)
    return jax.tree.map(lambda leaf: leaf[0], settle_people(setup, alone))


@settle.def_vmap
def _settle_batch(num_people: int, is_batched: Any, setup: Setup, people: Person) -> tuple[Settled, Any]:
    is_setup_batched, is_person_batched = is_batched
    if any(jax.tree.leaves(is_setup_batched)):  # people with weights of their own share no program
        axes = jax.tree.map(lambda is_many: 0 if is_many else None, (is_setup_batched, is_person_batched))
        found = jax.vmap(settle.fun, in_axes=axes, axis_size=num_people)(setup, people)
    else:
        whole = jax.tree.map(
            lambda leaf, is_many: leaf if is_many else jnp.broadcast_to(leaf, (num_people, *jnp.shape(leaf))),
            people,
            is_person_batched,
        )
        found = exact_products(settle_people)(setup, whole)
    return found, jax.tree.map(lambda _: True, found)


def settle_people(setup: Setup, people: Person) -> Settled:
    """Fit people and polish their fits; all arrays have a leading axis."""
    found, free = search_people(_going_on(setup), people), free_unknowns(setup)
    last, problems, solutions = last_round(setup), found.prepared.problem, found.solutions
    if not isinstance(last.solver, SolverOptions):
        rounds = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], dataclasses.replace(last, solver=_SOLVER))
        further, _ = run_rounds(setup.scene, problems, rounds, solutions.parameters)
        solutions = dataclasses.replace(further, num_steps=solutions.num_steps + further.num_steps)
    inputs = jax.vmap(lambda problem: problem.round_inputs(setup.scene, last))(problems)
    is_needed = found.proposed.checked.is_fittable & solutions.is_finite
    polished = polish((setup.scene, last.weights), inputs, solutions.parameters, is_needed, free)
    models = polished.models
    solutions = dataclasses.replace(
        solutions,
        parameters=polished.parameters,
        model=models,
        is_finite=solutions.is_finite & jnp.isfinite(models.energy),
    )
    fields = _report(setup, found, solutions)
    is_usable = _is_usable(fields["status"])
    observations = problems.observation
    assert isinstance(observations, Observation)
    names = [field.name for field in dataclasses.fields(BodyParameters)]
    fitted = BodyParameters(**{name: fields[name] for name in names})
    norms = jax.vmap(lambda model: gradient_norm(model, free))(models)
    return Settled(
        parameters=jax.vmap(_or_at_rest)(is_usable, fitted),
        energies=jnp.where(is_usable[:, None], models.energies, jnp.nan),
        status=fields["status"],
        num_steps=fields["num_steps"],
        gradient_norm=jnp.where(is_usable, norms, jnp.nan),
        is_usable=is_usable,
        inverse_hessian=jnp.where(is_usable[:, None, None], polished.inverse, 0.0),
        proposal=found.proposed.proposals,
        is_exchanged=_is_exchanged(found),
        pixel_scale=observations.pixel_scale,
    )


def _going_on(setup: Setup) -> Setup:
    """The setup whose last round goes on to where Newton's steps can begin, if its solver has a tolerance."""
    rounds = setup.phases.refine
    if not isinstance(rounds.solver, SolverOptions):
        return setup
    steps, gains = jnp.asarray(rounds.solver.max_steps), jnp.asarray(rounds.solver.relative_gain)
    solver = SolverOptions(
        steps.at[-1].add(_SOLVER.max_steps), gains.at[-1].min(jnp.asarray(_SOLVER.relative_gain, gains.dtype))
    )
    phases = dataclasses.replace(setup.phases, refine=dataclasses.replace(rounds, solver=solver))
    return dataclasses.replace(setup, phases=phases)


def _report(setup: Setup, found: SearchedPeople, solutions: Solution) -> dict:
    return jax.lax.map(
        lambda one: report(setup, *one),
        (found.proposed.checked, found.prepared, solutions, found.margins, found.energies),
        batch_size=search_chunk_size(len(found.margins)),
    )


def _is_usable(status: Array) -> Array:
    return jnp.isin(status, jnp.array([one for one in FitStatus if one.is_usable]))


def _or_at_rest(is_usable: Array, parameters: BodyParameters) -> BodyParameters:
    at_rest = jax.tree.map(jnp.zeros_like, parameters)
    at_rest = dataclasses.replace(at_rest, transl=jnp.zeros_like(parameters.transl).at[2].set(_RESTING_DEPTH))
    return jax.tree.map(partial(jnp.where, is_usable), parameters, at_rest)


def _is_exchanged(found: SearchedPeople) -> Array:
    """(N, K) where the observation is not the one that was given."""
    given, used = found.proposed.checked.observation, found.proposed.observations
    is_moved = jnp.any(given.keypoints_px != used.keypoints_px, axis=-1)
    return is_moved | (given.confidence != used.confidence)
