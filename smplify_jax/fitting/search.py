"""The search for each person's best body: run the rounds of a profile from every start, and choose the best.

Starts are batched like people: all of them run side by side in one loop.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observed
from smplify_jax.execution.batching import search_chunk_size
from smplify_jax.fitting.stages import Phases, Round
from smplify_jax.fitting.starts import turned_around
from smplify_jax.solver.adam import ADAM, AdamOptions
from smplify_jax.solver.levenberg_marquardt import LEVENBERG_MARQUARDT, SolverOptions
from smplify_jax.solver.loop import Objective, Solver, minimize_batch
from smplify_jax.solver.solution import Solution
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.measured import KnownMeasurements
from smplify_jax.terms.objective import TERM_NAMES, RoundInputs, Scene, linearize

_Tree = TypeVar("_Tree")

MIN_SUBSET_KEYPOINTS = 3
"""A round uses all keypoints of a person if fewer than this many of its subset were observed: two points do not fix a rigid body."""

_SOLVERS: dict[type, Solver] = {SolverOptions: LEVENBERG_MARQUARDT, AdamOptions: ADAM}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Problem:
    """What stays constant during one person's fit (or many people's, with a leading axis).

    Attributes:
        is_active: whether to search at all; if not, the solution is meaningless.
        observation: of any kind, such as keypoints and camera.
        start_depth: [m], for the depth anchor.
        anchor: what to stay close to; None leaves the term out.
        known: the person's measurements; None leaves the term out.
    """

    is_active: Array
    observation: Observed
    start_depth: Array
    anchor: Anchor | None = None
    known: KnownMeasurements | None = None

    def round_inputs(self, scene: Scene, one: Round) -> RoundInputs:
        """The inputs of the objective for one person in a round whose keypoints are (K,) weights."""
        observation: Any = self.observation  # some dataclass: a protocol cannot say so
        is_seen = (observation.confidence > 0).astype(observation.confidence.dtype)
        confidence = jnp.where(jnp.asarray(one.uses_confidence) > 0, observation.confidence, is_seen)
        subset = jnp.asarray(one.keypoints)
        is_enough = jnp.sum((subset > 0) * is_seen) >= MIN_SUBSET_KEYPOINTS
        keypoint_weights = jnp.where(is_enough, subset, 1.0) * scene.body.is_defined
        observation = dataclasses.replace(observation, confidence=confidence)
        return RoundInputs(observation, keypoint_weights, self.start_depth, self.anchor, self.known)


def run_rounds(scene: Scene, problems: Problem, rounds: Round, starts: BodyParameters) -> tuple[Solution, Array]:
    """Run stacked rounds one after the other, each from where the last ended; per-person arrays have a leading axis.

    Returns:
        The last round's solution, with `num_steps` summed over the rounds and `is_converged`, `is_finite` of the last one; and the energies
        (..., R, terms) at the end of each round.
    """
    solver = _SOLVERS[type(rounds.solver)]
    num_people = len(starts.transl)

    def objective_of(one: Round, inputs: RoundInputs) -> Objective:
        shared = (scene, one.weights)
        return Objective(
            lambda candidate: linearize(shared, (inputs, candidate)), lambda candidate, step: candidate.retract(step)
        )

    def run(before: Solution, one: Round) -> tuple[Solution, Array]:
        free = one.free_mask(jax.tree.map(lambda leaf: leaf[0], before.parameters))
        inputs = jax.vmap(lambda problem: problem.round_inputs(scene, one))(problems)
        solution = minimize_batch(
            solver,
            partial(objective_of, one),
            inputs,
            before.parameters,
            problems.is_active,
            free,
            one.solver,
            search_chunk_size(num_people),
        )
        return dataclasses.replace(solution, num_steps=before.num_steps + solution.num_steps), solution.model.energies

    def unsolved(problem: Problem, start: BodyParameters) -> Solution:
        one = jax.tree.map(lambda leaf: leaf[0], rounds)
        begun = solver.finish(
            solver.begin(objective_of(one, problem.round_inputs(scene, one)), start, problem.is_active)
        )
        return dataclasses.replace(begun, num_steps=jnp.zeros_like(begun.num_steps))

    solution, energies = jax.lax.scan(run, jax.vmap(unsolved)(problems, starts), rounds)
    return solution, jnp.swapaxes(energies, 0, 1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Candidates:
    """Candidates for each person's best body; every array has leading axes of people and candidates.

    Attributes:
        parameters: of each candidate.
        num_steps: taken so far.
        is_admitted: whether the candidate may be chosen.
        energies: (..., R, terms) at the end of each round so far, in the order of TERM_NAMES.
    """

    parameters: BodyParameters
    num_steps: Array
    is_admitted: Array
    energies: Array


def fit_from_starts(
    scene: Scene,
    problems: Problem,
    phases: Phases,
    starts: BodyParameters,
    *,
    is_side_view: Array | None = None,
    compared_terms: tuple[str, ...] = TERM_NAMES,
) -> tuple[Solution, Array, Array]:
    """Fit N people: the camera rounds from every start, then the exploring rounds, then the refining rounds.

    After the exploring rounds only the best start continues; without exploring rounds all are refined and the best is returned.

    Args:
        scene: the inputs of the objective that all people share.
        problems: leading axis N.
        phases: the rounds.
        starts: leading axes N, S.
        is_side_view: (N,) whether twins, turned by half a turn after the camera rounds, may be chosen; None if none are to be tried.
        compared_terms: the terms whose energy ranks the starts.
    Returns:
        The last round's solution, with `num_steps` summed over all rounds of the best start; and by how much the second-best start's energy
        was higher where the best was chosen, NaN if there was no other; and the energies (R, terms) at the end of each round of the best
        start. All with leading axis N.
    """
    size = starts.transl.shape[:2]
    none = jnp.zeros((*size, 0, len(TERM_NAMES)), starts.transl.dtype)
    candidates = _Candidates(starts, jnp.zeros(size, jnp.int32), jnp.ones(size, bool), none)
    if phases.camera is not None:
        placed, energies = _run_each(scene, problems, phases.camera, candidates)
        candidates = _Candidates(placed.parameters, placed.num_steps, candidates.is_admitted, energies)
    if is_side_view is not None:
        candidates = _with_twins(candidates, is_side_view)
    if phases.explore is not None:
        explored = _run_each(scene, problems, phases.explore, candidates)
        (best, energies), margin = _best(explored, candidates.is_admitted, compared_terms)
        best_alone = _Candidates(best.parameters, best.num_steps, jnp.ones(size[0], bool), energies)
        best_alone = jax.tree.map(lambda leaf: leaf[:, None], best_alone)
        refined = _run_each(scene, problems, phases.refine, best_alone)
        solution, energies = jax.tree.map(lambda leaf: leaf[:, 0], refined)
        return solution, margin, energies
    refined = _run_each(scene, problems, phases.refine, candidates)
    (solution, energies), margin = _best(refined, candidates.is_admitted, compared_terms)
    return solution, margin, energies


def _with_twins(candidates: _Candidates, is_side_view: Array) -> _Candidates:
    """The candidates, followed by their twins that face the other way and may be chosen in a side view."""
    turned = turned_around(candidates.parameters)
    twins = _Candidates(
        turned, candidates.num_steps, candidates.is_admitted & is_side_view[:, None], candidates.energies
    )
    return jax.tree.map(lambda *pair: jnp.concatenate(pair, axis=1), candidates, twins)


def _run_each(scene: Scene, problems: Problem, rounds: Round, candidates: _Candidates) -> tuple[Solution, Array]:
    """`run_rounds` from every candidate, with steps and energies added to those so far; leading axes N, C."""
    num_people, num_candidates = candidates.num_steps.shape
    repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_candidates, axis=0), problems)
    starts = _flat(candidates.parameters)
    found = run_rounds(scene, repeated, rounds, starts)
    solutions, energies = jax.tree.map(lambda leaf: leaf.reshape(num_people, num_candidates, *leaf.shape[1:]), found)
    solutions = dataclasses.replace(solutions, num_steps=candidates.num_steps + solutions.num_steps)
    return solutions, jnp.concatenate([candidates.energies, energies], axis=2)


def _flat(tree: _Tree) -> _Tree:
    """Merge the two leading axes."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)


def _best(
    found: tuple[Solution, Array], is_admitted: Array, compared_terms: tuple[str, ...]
) -> tuple[tuple[Solution, Array], Array]:
    """Each person's admitted solution with the lowest energy and what belongs to it, and by how much the second-best energy is higher."""
    solutions, _ = found
    num_people, num_candidates = is_admitted.shape
    if num_candidates == 1:
        return jax.tree.map(lambda leaf: leaf[:, 0], found), jnp.full(num_people, jnp.nan)
    by_name = solutions.model.energy_by_term
    energies = sum((by_name[name] for name in compared_terms), jnp.zeros(()))
    energies = jnp.where(jnp.isfinite(energies) & is_admitted, energies, jnp.inf)
    winner = jnp.argmin(energies, axis=1)
    others = jnp.where(jnp.arange(num_candidates) == winner[:, None], jnp.inf, energies)
    margin = jnp.min(others, axis=1) - jnp.min(energies, axis=1)
    margin = jnp.where(jnp.isfinite(margin), margin, jnp.nan)
    people = jnp.arange(num_people)
    return jax.tree.map(lambda leaf: leaf[people, winner], found), margin
