"""Rounds and profiles: which parameters are free, with what weights, in what order; and the loop that runs them for one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.keypoint_jacobian import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.observation import Observation
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.solver.levenberg_marquardt import Solution, SolverOptions, minimize
from smplify_jax.terms.objective import TermWeights, build_terms, linearize, term_energies
from smplify_jax.terms.term import PosedKeypoints


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Round:
    """One search: from where the round before ended to the least energy under these weights.

    Attributes:
        weights: of the terms.
        solver: when to stop.
        frees_transl: 1.0 if the translation may change, 0.0 if it is held (likewise below).
        frees_global_orient: the root's rotation.
        frees_body_pose: all other rotations.
        frees_betas: the shape.
    """

    weights: TermWeights
    solver: SolverOptions
    frees_transl: float | Array = 1.0
    frees_global_orient: float | Array = 1.0
    frees_body_pose: float | Array = 1.0
    frees_betas: float | Array = 1.0

    def free_mask(self, parameters: BodyParameters) -> Array:
        """(P,) 1.0 for the entries of the step vector that this round may change."""
        blocks = (
            (self.frees_global_orient, parameters.global_orient),
            (self.frees_body_pose, parameters.body_pose),
            (self.frees_betas, parameters.betas),
            (self.frees_transl, parameters.transl),
        )
        return jnp.concatenate([jnp.broadcast_to(jnp.asarray(frees, jnp.float32), block.shape) for frees, block in blocks])


@dataclass(frozen=True)
class Profile:
    """A recipe: the rounds of a fit.

    Attributes:
        name: what users call it.
        explore: rounds run from every start; the start of least energy goes on.
        refine: rounds run from the best start alone.
        num_starts: how many yaw angles to try.
        focal_length_px: assumed when the caller gives none; None means the picture's diagonal.
    """

    name: str
    explore: tuple[Round, ...]
    refine: tuple[Round, ...]
    num_starts: int = 4
    focal_length_px: float | None = None


def _paper_round(w_pose: float, w_shape: float, max_steps: int, *, depth: float = 0.0) -> Round:
    """Weights in the paper's proportions: the bend term moves with the pose prior."""
    weights = TermWeights(sigma=100.0, pose_prior=w_pose, bend=3.17 * w_pose, shape=w_shape, depth=depth)
    return Round(weights, SolverOptions(max_steps=max_steps))


DEFAULT = Profile(
    name="default",
    explore=(_paper_round(404.0, 100.0, 5, depth=300.0), _paper_round(57.4, 10.0, 5)),
    refine=(_paper_round(4.78, 5.0, 30),),
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (DEFAULT,)}
"""Every named profile."""


def get_profile(profile: str | Profile) -> Profile:
    """The profile of that name; a `Profile` gives itself.

    Raises:
        InputError: no profile has that name; the message lists the known ones.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise InputError(f"there is no profile '{profile}'; use one of {', '.join(PROFILES)}")
    return PROFILES[profile]


def stack_rounds(rounds: Sequence[Round]) -> Round:
    """Rounds as one pytree with a leading axis, so that changing a weight does not recompile."""
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *rounds)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Problem:
    """All that stays the same during one person's fit.

    Attributes:
        body: the keypoints' part of the body.
        prior: pose prior over the body's moving joints.
        observation: of one person.
        start_depth: [m], for the depth anchor.
    """

    body: KeypointBody
    prior: PosePrior
    observation: Observation
    start_depth: Array

    def terms(self, weights: TermWeights) -> tuple:
        """The objective's terms under the given weights."""
        keypoint_weights = self.body.is_defined.astype(jnp.float32)
        return build_terms(self.observation, self.prior, self.start_depth, weights, keypoint_weights)


def run_rounds(problem: Problem, rounds: Round, start: BodyParameters) -> Solution:
    """Run stacked rounds one after the other, each from where the last ended.

    Returns:
        The last round's solution, with `num_steps` summed over the rounds and `is_converged`, `is_finite` of the last one.
    """

    def run(parameters: BodyParameters, one: Round) -> tuple[BodyParameters, Solution]:
        terms = problem.terms(one.weights)
        solution = minimize(
            lambda candidate: linearize(terms, problem.body, candidate),
            lambda candidate, step: candidate.retract(step),
            parameters,
            one.free_mask(parameters),
            one.solver,
        )
        return solution.parameters, solution

    parameters, solutions = jax.lax.scan(run, start, rounds)
    last = jax.tree.map(lambda leaf: leaf[-1], solutions)
    return Solution(
        parameters=parameters,
        energy=last.energy,
        num_steps=jnp.sum(solutions.num_steps),
        is_converged=last.is_converged,
        is_finite=last.is_finite,
    )


def explore_and_refine(
    problem: Problem, explore: Round | None, refine: Round, starts: BodyParameters
) -> tuple[Solution, Array]:
    """Fit one person: all starts through the exploring rounds, then the best one through the refining rounds.

    Args:
        problem: of one person.
        explore: stacked rounds; None if there is only one start and it needs no exploring.
        refine: stacked rounds.
        starts: leading axis S.
    Returns:
        The solution, and the energy of each term (T,) under the last refining round's weights.
    """
    num_explored = jnp.asarray(0)
    best = jax.tree.map(lambda leaf: leaf[0], starts)
    if explore is not None:
        explored = jax.vmap(lambda start: run_rounds(problem, explore, start))(starts)
        winner = jnp.argmin(jnp.where(jnp.isfinite(explored.energy), explored.energy, jnp.inf))
        best = jax.tree.map(lambda leaf: leaf[winner], explored.parameters)
        num_explored = explored.num_steps[winner]
    solution = run_rounds(problem, refine, best)
    last_weights = jax.tree.map(lambda leaf: leaf[-1], refine.weights)
    posed = PosedKeypoints(solution.parameters, *keypoints_and_jacobian(problem.body, solution.parameters))
    by_term = term_energies(problem.terms(last_weights), posed)
    total = Solution(
        parameters=solution.parameters,
        energy=solution.energy,
        num_steps=solution.num_steps + num_explored,
        is_converged=solution.is_converged,
        is_finite=solution.is_finite,
    )
    return total, by_term
