"""One person's fit: the rounds of a profile from every start, and the choice of the best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.observation import Observation
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.solver import adam, levenberg_marquardt
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.solver.solution import Solution
from smplify_jax.stages import Phases, Round
from smplify_jax.start import turned_around
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.objective import TERM_NAMES, BodyContact, build_terms, energies_by_name, linearize
from smplify_jax.terms.term import PosedKeypoints, Term

MIN_SUBSET_KEYPOINTS = 3
"""A round looks at all keypoints of a person of whose subset fewer than this many were observed: two points fix no rigid body."""

_MINIMIZERS: dict[type, Callable[..., Solution]] = {
    SolverOptions: levenberg_marquardt.minimize,
    AdamOptions: adam.minimize,
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Problem:
    """All that stays the same during one person's fit.

    Attributes:
        body: the keypoints' part of the body.
        prior: pose prior over the body's moving joints.
        observation: of one person.
        start_depth: [m], for the depth anchor.
        spheres: for the interpenetration term; None leaves it out.
        anchor: what to stay close to; None leaves the term out.
    """

    body: KeypointBody
    prior: PosePrior
    observation: Observation
    start_depth: Array
    spheres: BodySpheres | None = None
    anchor: Anchor | None = None

    def terms(self, one: Round) -> tuple[Term, ...]:
        """The objective's terms in a round whose keypoints are (K,) weights."""
        seen = self.observation
        is_seen = (seen.confidence > 0).astype(seen.confidence.dtype)
        confidence = jnp.where(jnp.asarray(one.uses_confidence) > 0, seen.confidence, is_seen)
        chosen = jnp.asarray(one.keypoints)
        is_enough = jnp.sum((chosen > 0) * is_seen) >= MIN_SUBSET_KEYPOINTS
        keypoint_weights = jnp.where(is_enough, chosen, 1.0) * self.body.is_defined
        observation = dataclasses.replace(seen, confidence=confidence)
        contact = None if self.spheres is None else BodyContact(self.body, self.spheres)
        return build_terms(
            observation, self.prior, self.start_depth, one.weights, keypoint_weights, contact, self.anchor
        )


def run_rounds(problem: Problem, rounds: Round, start: BodyParameters) -> Solution:
    """Run stacked rounds one after the other, each from where the last ended.

    Returns:
        The last round's solution, with `num_steps` summed over the rounds and `is_converged`, `is_finite` of the last one.
    """
    minimize = _MINIMIZERS[type(rounds.solver)]

    def run(before: Solution, one: Round) -> tuple[Solution, None]:
        terms = problem.terms(one)
        solution = minimize(
            lambda candidate: linearize(terms, problem.body, candidate),
            lambda candidate, step: candidate.retract(step),
            before.parameters,
            one.free_mask(before.parameters),
            one.solver,
        )
        return dataclasses.replace(solution, num_steps=before.num_steps + solution.num_steps), None

    one = jax.tree.map(lambda leaf: leaf[0], rounds)
    shapes = jax.eval_shape(lambda: run(Solution(start, *[jnp.zeros((), jnp.int32)] * 4), one)[0])
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    solution, _ = jax.lax.scan(run, dataclasses.replace(nothing, parameters=start), rounds)
    return solution


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Candidates:
    """Where a person's fit may go on from; every array has a leading axis of candidates.

    Attributes:
        parameters: of each.
        num_steps: taken so far.
        is_admitted: whether it may win.
    """

    parameters: BodyParameters
    num_steps: Array
    is_admitted: Array


def fit_from_starts(
    problem: Problem,
    phases: Phases,
    starts: BodyParameters,
    *,
    is_side_view: Array | None = None,
    compared_terms: tuple[str, ...] = TERM_NAMES,
) -> tuple[Solution, Array]:
    """Fit one person: the camera rounds from every start, then the exploring rounds, then the refining rounds.

    The best goes on after the exploring rounds; without exploring rounds all are refined and the best is returned.

    Args:
        problem: of one person.
        phases: the rounds.
        starts: leading axis S.
        is_side_view: whether twins may win that are turned by half a turn after the camera rounds; None if none are to be tried.
        compared_terms: whose energy tells which is best.
    Returns:
        The last round's solution, `num_steps` counting the winner's whole way; and by how much the second-best start's energy was higher
        where the best was chosen, NaN if there was no other.
    """
    num_starts = starts.transl.shape[0]
    candidates = _Candidates(starts, jnp.zeros(num_starts, jnp.int32), jnp.ones(num_starts, bool))
    if phases.camera is not None:
        placed = _run_each(problem, phases.camera, candidates)
        candidates = dataclasses.replace(candidates, parameters=placed.parameters, num_steps=placed.num_steps)
    if is_side_view is not None:
        candidates = _with_twins(candidates, is_side_view)
    if phases.explore is not None:
        explored = _run_each(problem, phases.explore, candidates)
        best, margin = _best(problem, phases.explore, explored, candidates.is_admitted, compared_terms)
        candidates = jax.tree.map(
            lambda leaf: leaf[None], _Candidates(best.parameters, best.num_steps, jnp.asarray(True))
        )
        refined = _run_each(problem, phases.refine, candidates)
        return jax.tree.map(lambda leaf: leaf[0], refined), margin
    refined = _run_each(problem, phases.refine, candidates)
    return _best(problem, phases.refine, refined, candidates.is_admitted, compared_terms)


def _with_twins(candidates: _Candidates, is_side_view: Array) -> _Candidates:
    """The candidates followed by each of them facing the other way, which may win in a side view."""
    turned = turned_around(candidates.parameters)
    twins = _Candidates(turned, candidates.num_steps, candidates.is_admitted & is_side_view)
    return jax.tree.map(lambda *pair: jnp.concatenate(pair), candidates, twins)


def _run_each(problem: Problem, rounds: Round, candidates: _Candidates) -> Solution:
    """`run_rounds` from every candidate, with steps counted on."""
    if len(candidates.num_steps) == 1:  # no axis for one candidate: every product of the inner loop would carry it
        alone = run_rounds(problem, rounds, jax.tree.map(lambda leaf: leaf[0], candidates.parameters))
        solutions = jax.tree.map(lambda leaf: leaf[None], alone)
    else:
        solutions = jax.vmap(lambda start: run_rounds(problem, rounds, start))(candidates.parameters)
    return dataclasses.replace(solutions, num_steps=candidates.num_steps + solutions.num_steps)


def _best(
    problem: Problem, rounds: Round, solutions: Solution, is_admitted: Array, compared_terms: tuple[str, ...]
) -> tuple[Solution, Array]:
    """The admitted solution of least energy in the last of the rounds, and the second-best's energy over its own."""
    if compared_terms == TERM_NAMES or len(is_admitted) == 1:
        energies = solutions.energy
    else:
        terms = problem.terms(jax.tree.map(lambda leaf: leaf[-1], rounds))
        energies = jax.vmap(lambda one: _energy_of(problem.body, terms, one, compared_terms))(solutions.parameters)
    energies = jnp.where(jnp.isfinite(energies) & is_admitted, energies, jnp.inf)
    winner = jnp.argmin(energies)
    others = jnp.where(jnp.arange(len(energies)) == winner, jnp.inf, energies)
    margin = jnp.min(others) - energies[winner]
    margin = jnp.where(jnp.isfinite(margin), margin, jnp.nan)
    return jax.tree.map(lambda leaf: leaf[winner], solutions), margin


def _energy_of(body: KeypointBody, terms: tuple[Term, ...], at: BodyParameters, names: tuple[str, ...]) -> Array:
    """Energy of the named terms at the parameters of one body."""
    points = jnp.where(body.is_defined[:, None], body.keypoints(**at.blocks()), 0.0)
    energies = energies_by_name(terms, PosedKeypoints(at, points, jacobian=jnp.zeros(())))
    return sum((energies[name] for name in names), jnp.zeros(()))
