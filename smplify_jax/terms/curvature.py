"""The true Hessian of the objective: with the curvature of the robust function and of the body's kinematics, which J^T J leaves out.

It is the derivative of J^T r with respect to a step of `BodyParameters.retract`, for one body. Quadratic terms give it in closed form,
and the others by differentiating their J^T r; except that the data term's keypoints are many. With E(p) its energy, p the keypoints,
and f = dE/dp / 2 what pulls at them,

    d(J^T r) / dx = J_p^T (df / dp) J_p + d^2 (f . p(x)) / dx^2, f held constant in the second part.

f . p(x) is the sum of three combined keypoints, whose levers are sums of those of all keypoints (`KeypointBody.combined`). So the part that
needs a derivative of a derivative is of three keypoints instead of all. Measured on CPU for 17 keypoints: three times as fast as
differentiating J^T r of all, and equal to it up to rounding.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_rows import keypoint_rows, keypoints_and_jacobian
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody, PosedKeypoints, pose_keypoints
from smplify_jax.terms.anchor import AnchorTerm
from smplify_jax.terms.data import DataTerm
from smplify_jax.terms.interpenetration import InterpenetrationTerm
from smplify_jax.terms.objective import RoundInputs, Scene, TermWeights, build_terms
from smplify_jax.terms.pose_prior import PosePriorTerm
from smplify_jax.terms.shape import ShapeTerm
from smplify_jax.terms.term import Term

_QUADRATIC = (PosePriorTerm, ShapeTerm, AnchorTerm)
"""Terms whose J^T J is their true Hessian: the pose prior's too, except where its nearest component changes."""


def gradient(shared: tuple[Scene, TermWeights], inputs: RoundInputs, parameters: BodyParameters) -> Array:
    """(P,) one body's J^T r alone; JAX can differentiate it with respect to all its arguments but the scene."""
    posed = pose_keypoints(shared[0].body, parameters)
    return sum((_gradient(term, posed) for term in build_terms(*shared, inputs)), jnp.zeros(()))


def true_hessian(shared: tuple[Scene, TermWeights], inputs: RoundInputs, parameters: BodyParameters) -> Array:
    """(P, P) the derivative of one body's J^T r with respect to a step.

    Its lower triangle, mirrored, is the Hessian of the energy with the shape of the interpenetration term's spheres held: that term's J^T r
    leaves the shape alone, but changes with it, which the upper triangle contains. So a body is at a minimum of what a fit minimises if
    that symmetric matrix is positive definite, and moves with its inputs by the inverse of the whole one.
    """
    scene, weights = shared
    terms = build_terms(scene, weights, inputs)
    columns, dtype = parameters.columns(), jnp.asarray(parameters.transl).dtype
    hessian = jnp.zeros((columns.size, columns.size), dtype)
    pulled = scene.body
    for term in terms:
        if isinstance(term, DataTerm):
            points, jacobian = keypoints_and_jacobian(scene.body, parameters)
            pulls, by_point = _pulls(term, points)
            hessian += jnp.einsum("kap,kab,kbq->pq", jacobian, by_point, jacobian)
            pulled = scene.body.combined(pulls.T)
    posed = pose_keypoints(pulled, parameters)
    pose = columns.body_pose
    for term in terms:
        if isinstance(term, _QUADRATIC):
            exact = term.linearize(posed)
            hessian += 0.0 if exact.diagonal is None else jnp.diag(exact.diagonal)
            hessian = hessian if exact.pose_hessian is None else hessian.at[pose, pose].add(exact.pose_hessian)

    others = [term for term in terms if not isinstance(term, (DataTerm, *_QUADRATIC))]

    def gradient_after(step: Array) -> Array:
        posed = pose_keypoints(pulled, parameters.retract(step))
        return sum((_gradient(term, posed) for term in others), _gradient_of_pull(pulled, posed))

    _, along = jax.linearize(gradient_after, jnp.zeros(columns.size, dtype))
    return hessian + jax.vmap(along, out_axes=1)(jnp.eye(columns.size, dtype=dtype))


def _pulls(term: DataTerm, points: Array) -> tuple[Array, Array]:
    """Half the derivative of the data term's energy with respect to each keypoint, (K, 3), and its own derivative (K, 3, 3)."""
    pulls, along = jax.linearize(jax.grad(lambda points: 0.5 * term.energy_at(points)), points)
    axes = jnp.eye(3, dtype=points.dtype)
    return pulls, jax.vmap(lambda axis: along(jnp.broadcast_to(axis, points.shape)), out_axes=-1)(axes)


def _gradient(term: Term, posed: PosedKeypoints) -> Array:
    """J^T r (P,) alone: J^T J would be differentiated too, only to be thrown away."""
    return term.gradient(posed) if isinstance(term, InterpenetrationTerm) else term.linearize(posed).gradient


def _gradient_of_pull(combined: KeypointBody, posed: PosedKeypoints) -> Array:
    """(P,) derivative of x of the first, y of the second and z of the third keypoint, summed."""
    axes = jnp.eye(3, dtype=posed.keypoints_cam.dtype)[:, None]
    return jnp.sum(keypoint_rows(combined, posed, axes), axis=(0, 1))
