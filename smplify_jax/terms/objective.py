"""The objective: the terms by name, their sum, and the sum's normal equations."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.keypoint_jacobian import keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.observation import Observation
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.anchor import Anchor, AnchorTerm
from smplify_jax.terms.bend import BendTerm
from smplify_jax.terms.data import DataTerm
from smplify_jax.terms.depth import DepthTerm
from smplify_jax.terms.interpenetration import InterpenetrationTerm
from smplify_jax.terms.pose_prior import PosePriorTerm
from smplify_jax.terms.shape import ShapeTerm
from smplify_jax.terms.term import NormalEquations, PosedKeypoints, Term


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TermWeights:
    """The numbers of one round of the objective. A weight multiplies a residual; the energy carries its square.

    Attributes:
        sigma: Geman-McClure scale of the data term [px of a person 300 px tall].
        pose_prior: w_theta of the mixture prior; zero switches it off.
        bend: of the elbows and knees; the paper's code has 3.17 w_theta.
        shape: w_beta.
        depth: of the depth anchor, per unit of log depth.
        interpenetration: of the spheres inside the body; 1000 in the paper's code. None leaves it out.
        anchor: of the pull towards a proposed body, on the scale of `pose_prior`. None leaves it out.
    """

    sigma: float | Array
    pose_prior: float | Array
    bend: float | Array
    shape: float | Array
    depth: float | Array = 0.0
    interpenetration: float | Array | None = 0.0
    anchor: float | Array | None = 0.0


TERM_TYPES: dict[str, type[Term]] = {
    "data": DataTerm,
    "pose_prior": PosePriorTerm,
    "bend": BendTerm,
    "shape": ShapeTerm,
    "depth": DepthTerm,
    "interpenetration": InterpenetrationTerm,
    "anchor": AnchorTerm,
}
TERM_NAMES = tuple(TERM_TYPES)
"""Order of the terms wherever energies are reported one by one."""

OPTIONAL_TERMS = ("interpenetration", "anchor")
"""Terms that cost time even where they have no weight."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BodyContact:
    """What the interpenetration term needs to know of the body.

    Attributes:
        body: for its joints.
        spheres: of its capsules.
    """

    body: KeypointBody
    spheres: BodySpheres


def build_terms(
    observation: Observation,
    prior: PosePrior,
    start_depth: Array,
    weights: TermWeights,
    keypoint_weights: Array,
    contact: BodyContact | None = None,
    anchor: Anchor | None = None,
) -> tuple[Term, ...]:
    """The terms of one person in one round, in the order of TERM_NAMES; without a contact or an anchor, or their weight, without theirs."""
    prior = jax.tree.map(jnp.asarray, prior)  # priors come as NumPy arrays, which a traced index cannot look up
    terms: list[Term] = [
        DataTerm(observation, jnp.asarray(weights.sigma), keypoint_weights),
        PosePriorTerm(prior, jnp.asarray(weights.pose_prior)),
        BendTerm(jnp.asarray(weights.bend)),
        ShapeTerm(jnp.asarray(weights.shape)),
        DepthTerm(start_depth, jnp.asarray(weights.depth)),
    ]
    if contact is not None and weights.interpenetration is not None:
        terms.append(InterpenetrationTerm(contact.body, contact.spheres, jnp.asarray(weights.interpenetration)))
    if anchor is not None and weights.anchor is not None:
        terms.append(AnchorTerm(anchor, jnp.asarray(weights.anchor)))
    return tuple(terms)


def term_energies(terms: tuple[Term, ...], posed: PosedKeypoints) -> Array:
    """(T,) energy of each term."""
    return jnp.stack([jnp.sum(term.residuals(posed) ** 2) for term in terms])


def energies_by_name(terms: tuple[Term, ...], posed: PosedKeypoints) -> dict[str, Array]:
    """Energy of each term by its name; zero for a term that was not built."""
    energies = term_energies(terms, posed)
    by_type = {type(term): energies[index] for index, term in enumerate(terms)}
    return {name: by_type.get(kind, jnp.zeros_like(energies[0])) for name, kind in TERM_TYPES.items()}


def linearize(terms: tuple[Term, ...], body: KeypointBody, parameters: BodyParameters) -> NormalEquations:
    """The sum of the terms' normal equations at the given parameters of one body."""
    posed = PosedKeypoints(parameters, *keypoints_and_jacobian(body, parameters))
    blocks = [term.normal_equations(posed) for term in terms]
    return NormalEquations(
        energy=jnp.sum(term_energies(terms, posed)),
        gradient=sum((gradient for gradient, _ in blocks), jnp.zeros(())),
        hessian=sum((hessian for _, hessian in blocks), jnp.zeros(())),
    )
