"""The objective: the terms by name, their sum, and the sum's normal equations."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody, pose_keypoints
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.camera.observation import Observed
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.measurements.shape_measures import ShapeMeasures
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.anchor import Anchor, AnchorTerm
from smplify_jax.terms.bend import BendTerm
from smplify_jax.terms.data import DataTerm
from smplify_jax.terms.depth import DepthTerm
from smplify_jax.terms.interpenetration import InterpenetrationTerm
from smplify_jax.terms.measured import KnownMeasurements, MeasurementTerm
from smplify_jax.terms.pose_prior import PosePriorTerm
from smplify_jax.terms.shape import ShapeTerm
from smplify_jax.terms.term import Term, sum_normal_equations


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TermWeights:
    """The weights of one round of the objective. A weight multiplies a residual; the energy contains its square.

    Attributes:
        sigma: Geman-McClure scale of the data term [px of a person 300 px tall].
        pose_prior: w_theta of the mixture prior; zero switches it off.
        bend: of the elbows and knees; the paper's code has 3.17 w_theta.
        shape: w_beta.
        depth: of the depth anchor, per unit of log depth. None leaves it out, as it must be for bodies that are not before a camera.
        interpenetration: of the spheres inside the body; 1000 in the paper's code. None leaves it out.
        anchor: of the pull towards a proposed body, on the scale of `pose_prior`. None leaves it out.
        measurements: of known measurements, on the scale of `pose_prior`. None leaves it out.
    """

    sigma: float | Array
    pose_prior: float | Array
    bend: float | Array
    shape: float | Array
    depth: float | Array | None = 0.0
    interpenetration: float | Array | None = 0.0
    anchor: float | Array | None = 0.0
    measurements: float | Array | None = None


TERM_TYPES: dict[str, type[Term]] = {
    "data": DataTerm,
    "pose_prior": PosePriorTerm,
    "bend": BendTerm,
    "shape": ShapeTerm,
    "depth": DepthTerm,
    "interpenetration": InterpenetrationTerm,
    "anchor": AnchorTerm,
    "measurements": MeasurementTerm,
}
TERM_NAMES = tuple(TERM_TYPES)
"""Order of the terms wherever energies are reported one by one."""

OPTIONAL_TERMS = ("interpenetration", "anchor", "measurements")
"""Terms that cost time even at weight zero, so a weight of None leaves them out."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scene:
    """The inputs of the objective that all people share.

    Attributes:
        body: the body, cut to the keypoints.
        prior: pose prior over the body's moving joints.
        inverse_correlation: (n, n) of the errors around an anchor, see `AnchorTerm`.
        spheres: for the interpenetration term; None leaves it out.
        measures: the measurements that are known of people; None if none are.
    """

    body: KeypointBody
    prior: PosePrior
    inverse_correlation: Array | np.ndarray
    spheres: BodySpheres | None = None
    measures: ShapeMeasures | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RoundInputs:
    """The inputs of the objective for one person in one round, or for many people (..., batch).

    Attributes:
        observation: of any kind, such as keypoints and camera.
        keypoint_weights: (K,) how much the round weights each keypoint; zero leaves it out.
        start_depth: [m], for the depth anchor.
        anchor: what to stay close to; None leaves the term out.
        known: the person's measurements; None leaves the term out.
    """

    observation: Observed
    keypoint_weights: Array
    start_depth: Array
    anchor: Anchor | None = None
    known: KnownMeasurements | None = None


def build_terms(scene: Scene, weights: TermWeights, inputs: RoundInputs) -> tuple[Term, ...]:
    """The terms in the order of TERM_NAMES; a term whose spheres, anchor, measurements or weight is None is left out."""
    terms: list[Term] = [
        DataTerm(scene.body, inputs.observation, jnp.asarray(weights.sigma), inputs.keypoint_weights),
        PosePriorTerm(scene.prior, jnp.asarray(weights.pose_prior)),
        BendTerm(jnp.asarray(weights.bend)),
        ShapeTerm(jnp.asarray(weights.shape)),
    ]
    if weights.depth is not None:
        terms.append(DepthTerm(inputs.start_depth, jnp.asarray(weights.depth)))
    if scene.spheres is not None and weights.interpenetration is not None:
        terms.append(InterpenetrationTerm(scene.body, scene.spheres, jnp.asarray(weights.interpenetration)))
    if inputs.anchor is not None and weights.anchor is not None:
        terms.append(AnchorTerm(inputs.anchor, scene.inverse_correlation, jnp.asarray(weights.anchor)))
    if scene.measures is not None and inputs.known is not None and weights.measurements is not None:
        terms.append(MeasurementTerm(scene.measures, inputs.known, jnp.asarray(weights.measurements)))
    return tuple(terms)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class QuadraticModel:
    """The quadratic model of the objective around one body: E(step) = energy + 2 gradient . step + step . hessian step.

    Attributes:
        energies: (..., T) of the terms, in the order of TERM_NAMES; zero for a term that was not built.
        gradient: (..., P) J^T r, half the derivative of the energy.
        hessian: (..., P, P) J^T J.
        keypoints_cam: (..., K, 3) [m]; undefined ones lie at the origin.
    """

    energies: Array
    gradient: Array
    hessian: Array
    keypoints_cam: Array

    @property
    def energy(self) -> Array:
        """(...,) sum of the squared residuals r."""
        return jnp.sum(self.energies, axis=-1)

    @property
    def energy_by_term(self) -> dict[str, Array]:
        """(...,) by the terms' names."""
        return {name: self.energies[..., index] for index, name in enumerate(TERM_NAMES)}


def quadratic_model(shared: tuple[Scene, TermWeights], at: tuple[RoundInputs, BodyParameters]) -> QuadraticModel:
    """The quadratic model of one person's objective, or of many people's with the batch axis last; JAX can differentiate it."""
    (scene, weights), (inputs, parameters) = shared, at
    with jax.named_scope("keypoints"):
        posed = pose_keypoints(scene.body, parameters)
    terms, linearizations = build_terms(scene, weights, inputs), []
    for term in terms:
        with jax.named_scope(type(term).__name__):
            linearizations.append(term.linearize(posed))
    energies = {type(term): one.energy for term, one in zip(terms, linearizations, strict=True)}
    by_name = [energies.get(kind, jnp.zeros_like(energies[DataTerm])) for kind in TERM_TYPES.values()]
    with jax.named_scope("normal equations"):
        gradient, hessian = sum_normal_equations(linearizations, posed.columns)
    return QuadraticModel(batch_first(jnp.stack(by_name), 1), gradient, hessian, batch_first(posed.keypoints_cam, 2))


linearize = jax.jit(
    batch_last(quadratic_model)
)  # as one function, so that it is traced once, not by every loop and round that calls it
"""`quadratic_model` of one person, or of many under `vmap`."""
