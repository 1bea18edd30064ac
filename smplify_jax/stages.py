"""Rounds and profiles: which parameters are free, with what weights, in what order; and the loop that runs them for one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.part_pairs import PAPER_PAIRS, PartPair
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.errors import InputError
from smplify_jax.observation import Observation
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.solver.levenberg_marquardt import Solution, SolverOptions, minimize
from smplify_jax.terms.objective import BodyContact, TermWeights, build_terms, linearize


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
        return jnp.concatenate(
            [jnp.broadcast_to(jnp.asarray(frees, jnp.float32), block.shape) for frees, block in blocks]
        )


@dataclass(frozen=True)
class Profile:
    """A recipe: the rounds of a fit.

    Attributes:
        name: what users call it.
        explore: rounds run from every start; the start of least energy goes on.
        refine: rounds run from the best start alone.
        num_starts: how many yaw angles to try.
        focal_length_px: assumed when the caller gives none; None means the picture's diagonal.
        apart_pairs: parts that the interpenetration term keeps apart; NON_ADJACENT_PAIRS has more than the paper's.
    """

    name: str
    explore: tuple[Round, ...]
    refine: tuple[Round, ...]
    num_starts: int = 2
    focal_length_px: float | None = None
    apart_pairs: tuple[PartPair, ...] = PAPER_PAIRS

    @property
    def keeps_parts_apart(self) -> bool:
        """Whether any round has the interpenetration term."""
        return any(_keeps_parts_apart(one) for one in (*self.explore, *self.refine))


DEFAULT = Profile(
    name="default",
    # The trunk is laid over the keypoints first, then the limbs follow: few steps suffice to tell the starts apart.
    explore=(
        Round(
            TermWeights(sigma=50.0, pose_prior=404.0, bend=404.0, shape=100.0, depth=300.0),
            SolverOptions(max_steps=3, relative_gain=1e-3),
        ),
        Round(
            TermWeights(sigma=50.0, pose_prior=20.0, bend=20.0, shape=10.0),
            SolverOptions(max_steps=3, relative_gain=1e-3),
        ),
    ),
    # Against the paper's last round (sigma 100, w_theta 4.78, bend 15.2): its bend term, worth as much as a bent knee when the leg is
    # straight, bends every leg; and its sigma lets gross outliers pull.
    refine=(
        Round(
            TermWeights(sigma=30.0, pose_prior=6.0, bend=5.0, shape=5.0),
            SolverOptions(max_steps=30, relative_gain=1e-3),
        ),
    ),
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
    """Rounds as one pytree with a leading axis, so that changing a weight does not recompile.

    If the interpenetration term has no weight in any of them, it gets None instead: the term is then not even computed.
    """
    if not any(_keeps_parts_apart(one) for one in rounds):
        rounds = [replace(one, weights=replace(one.weights, interpenetration=None)) for one in rounds]
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *rounds)


def _keeps_parts_apart(one: Round) -> bool:
    weight = one.weights.interpenetration
    return weight is not None and bool(np.any(np.asarray(weight)))


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
    """

    body: KeypointBody
    prior: PosePrior
    observation: Observation
    start_depth: Array
    spheres: BodySpheres | None = None

    def terms(self, weights: TermWeights) -> tuple:
        """The objective's terms under the given weights."""
        keypoint_weights = self.body.is_defined.astype(jnp.float32)
        contact = None if self.spheres is None else BodyContact(self.body, self.spheres)
        return build_terms(self.observation, self.prior, self.start_depth, weights, keypoint_weights, contact)


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

    _, solutions = jax.lax.scan(run, start, rounds)
    last = jax.tree.map(lambda leaf: leaf[-1], solutions)
    return replace(last, num_steps=jnp.sum(solutions.num_steps))


def explore_and_refine(problem: Problem, explore: Round | None, refine: Round, starts: BodyParameters) -> Solution:
    """Fit one person: all starts through the exploring rounds, then the best one through the refining rounds.

    Args:
        problem: of one person.
        explore: stacked rounds; None if there is only one start and it needs no exploring.
        refine: stacked rounds.
        starts: leading axis S.
    Returns:
        The last round's solution; `num_steps` counts the winning start's whole way.
    """
    if explore is None:
        return run_rounds(problem, refine, jax.tree.map(lambda leaf: leaf[0], starts))
    explored = jax.vmap(lambda start: run_rounds(problem, explore, start))(starts)
    winner = jnp.argmin(jnp.where(jnp.isfinite(explored.energy), explored.energy, jnp.inf))
    solution = run_rounds(problem, refine, jax.tree.map(lambda leaf: leaf[winner], explored.parameters))
    return replace(solution, num_steps=solution.num_steps + explored.num_steps[winner])
