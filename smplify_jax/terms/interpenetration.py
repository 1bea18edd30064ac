"""Interpenetration: keeps spheres inside the body's parts apart, E_sp in Bogo et al. 2016.

As printed in the paper, the exponent lacks its minus sign; without the sign the term would pull parts together.

**Least squares.** The residual of a pair is the square root of its energy, r = weight exp(-d^2 / 2 s), s = sigma_i^2 + sigma_j^2. Its
derivative vanishes where two centres coincide, but Gauss-Newton's J^T J vanishes there twice as fast: steps grow like s / d, and the
damping bounds them.

**Closed form.** With the centres c_i and c_j, delta = c_i - c_j, and a joint with rotation axis a at P that moves only c_i,

    d r / d theta = -(r / s) delta . (a x (c_i - P)) = -(r / s) (a, P x a) . (c_i x delta, delta),

the product of the joint's screw and the line through both centres. A joint that moves only c_j gives the negative of this, and a joint
that moves both gives zero. So J^T r is a product with constant signs. J^T J uses the MAX_ROWS steepest rows only: of hundreds of pairs
few overlap at a time, and the derivatives of the others are practically zero. Measured on CPU with 64 people at once, a step then costs 20
microseconds per person, against over 50 with all rows and 75 with exact 6x6 sums over pairs of parts; with all non-adjacent pairs it costs
75, against 500 with such sums.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.kinematics import ancestors_or_self, joint_positions, sum_over_axes, turned
from smplify_jax.body.posed_keypoints import KeypointBody, PosedKeypoints, with_batch_axis
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.execution.batch_axis import batch_first, concatenate_blocks
from smplify_jax.terms.term import Linearization, embed_block

SIGMA_PER_RADIUS = 0.3
"""Sigma of a sphere's Gaussian per unit of its radius, as in the paper's code; the paper's text has a third."""

MAX_ROWS = 16
"""Pairs of spheres in J^T J. With twice as many, the same people end within 0.005 mm of the same result (99 of 100; at most 0.5 mm) after
as many steps; with half as many, within 0.8 mm."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class InterpenetrationTerm:
    """E = weight^2 sum_pairs exp(-d_ij^2 / (sigma_i^2 + sigma_j^2)).

    It acts on the pose only: a gradient on the betas would make bodies thin, and global orientation and translation do not change it.

    Attributes:
        body: provides the joints.
        spheres: with the pairs of parts that must not overlap.
        weight: 1000 in the paper's code.
    """

    body: KeypointBody
    spheres: BodySpheres
    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(R, ...) weight exp(-d^2 / (2 (sigma_i^2 + sigma_j^2))), one for each pair of spheres, without a derivative by the betas."""
        betas = jax.lax.stop_gradient(jnp.asarray(posed.parameters.betas))
        held = dataclasses.replace(posed, parameters=dataclasses.replace(posed.parameters, betas=betas))
        return self._pair_geometry(held).residuals

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """J^T r over all pairs of spheres, J^T J over the MAX_ROWS pairs with the steepest residuals."""
        # This is the most expensive term, so rounds that give it no weight skip it.
        return jax.lax.cond(self.weight > 0, self._linearize, _zero_linearization, posed)

    def gradient(self, posed: PosedKeypoints) -> Array:
        """J^T r (..., P) alone."""
        return self._gradient(posed, self._pair_geometry(posed))

    def _gradient(self, posed: PosedKeypoints, pairs: _PairGeometry) -> Array:
        signs, screws = _signs(self.spheres, self.body.parents), pairs.screws  # (6, J, 3, ...)
        by_joint = jnp.einsum("sr...,rj->sj...", pairs.residuals * pairs.lines, signs)
        gradient = sum_over_axes(lambda i: by_joint[i, :, None] * screws[i] + by_joint[i + 3, :, None] * screws[i + 3])
        gradient = batch_first(gradient[1:].reshape(-1, *gradient.shape[2:]), 1)
        return embed_block(gradient, posed.columns.body_pose, posed.columns)

    def _linearize(self, posed: PosedKeypoints) -> Linearization:
        pairs = self._pair_geometry(posed)
        gradient, signs, screws = self._gradient(posed, pairs), _signs(self.spheres, self.body.parents), pairs.screws
        squared_derivatives = batch_first(sum_over_axes(lambda i: pairs.lines[3 + i] ** 2), 1)
        _, steepest = jax.lax.top_k(squared_derivatives, min(MAX_ROWS, squared_derivatives.shape[-1]))
        lines = jnp.take_along_axis(batch_first(pairs.lines, 2), steepest[..., None, :], axis=-1)
        # Every sphere turns with the root, so the root's columns are zero.
        screws = batch_first(screws[:, 1:].reshape(6, -1, *screws.shape[3:]), 2)
        moved = jnp.repeat(jnp.asarray(signs.T)[1:, steepest], 3, axis=0)
        products = (screws[..., i, :, None] * lines[..., i, None, :] for i in range(6))
        jacobian_t = jnp.moveaxis(moved, 0, -2) * sum(products, jnp.zeros(()))
        return Linearization(
            energy=jnp.sum(pairs.residuals**2, axis=0),
            gradient=gradient,
            pose_hessian=jnp.einsum("...pr,...qr->...pq", jacobian_t, jacobian_t),
        )

    def _pair_geometry(self, posed: PosedKeypoints) -> _PairGeometry:
        body, parents = self.body, self.body.parents
        betas = jnp.asarray(posed.parameters.betas)
        rest_joints = with_batch_axis(body.joint_template, betas) + jnp.tensordot(body.joint_shapedirs, betas, axes=1)
        joints = joint_positions(posed.parent_rotations, rest_joints, parents)

        offsets, radii = self.spheres.shaped(betas)
        to_joint, ends = _sphere_to_joint(self.spheres, body.num_joints), _pair_ends(self.spheres)
        rotations = jnp.einsum("sj,jab...->sab...", to_joint, posed.rotations)
        centers = turned(rotations, offsets) + jnp.einsum("sj,ja...->sa...", to_joint, joints)  # (S, 3, ...)
        one = jnp.einsum("rs,sc...->cr...", ends[0], centers)
        delta = jnp.einsum("rs,sc...->cr...", ends[0] - ends[1], centers)
        variance = SIGMA_PER_RADIUS**2 * jnp.einsum("rs,s...->r...", ends[0] + ends[1], radii**2)
        residuals = self.weight * jnp.exp(-0.5 * sum_over_axes(lambda i: delta[i] ** 2) / variance)
        lines = concatenate_blocks([_cross(one, delta), delta], axis=0) * (-residuals / variance)
        axes = jnp.moveaxis(posed.axes, 1, 0)  # (3, J, 3, ...)
        screws = concatenate_blocks([axes, _cross(jnp.moveaxis(joints, 1, 0)[:, :, None], axes)], axis=0)
        return _PairGeometry(residuals, lines, screws)


def _zero_linearization(posed: PosedKeypoints) -> Linearization:
    columns, people = posed.columns, posed.keypoints_cam.shape[2:]
    return Linearization(
        energy=jnp.zeros(people),
        gradient=jnp.zeros((*people, columns.size)),
        pose_hessian=jnp.zeros((*people, columns.num_pose, columns.num_pose)),
    )


class _PairGeometry(NamedTuple):
    """R pairs of spheres, and how J joints move each pair's centres relative to each other.

    Attributes:
        residuals: (R, ...).
        lines: (6, R, ...) d r / d delta, as a line through both centres.
        screws: (6, J, 3, ...) screw of each of the three numbers of a joint's step.
    """

    residuals: Array
    lines: Array
    screws: Array


def _sphere_to_joint(spheres: BodySpheres, num_joints: int) -> np.ndarray:
    """(S, J) float32: which joint each sphere rides on. A product with it is faster than a gather, and one kernel where slices are many."""
    return np.eye(num_joints, dtype=np.float32)[list(spheres.joints)]


def _pair_ends(spheres: BodySpheres) -> np.ndarray:
    """(2, R, S) float32: which sphere is the first of each pair, and which the second."""
    return np.eye(spheres.num_spheres, dtype=np.float32)[np.stack(sphere_pairs(spheres.parts, spheres.pairs))]


@lru_cache(maxsize=16)
def sphere_pairs(parts: tuple[int, ...], pairs: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Indices (R,), (R,) of the first and the second sphere of every pair, ordered by pair of parts."""
    of_part = np.array(parts)
    found = [np.meshgrid(*(np.flatnonzero(of_part == part) for part in pair), indexing="ij") for pair in pairs]
    return np.concatenate([a.ravel() for a, _ in found]), np.concatenate([b.ravel() for _, b in found])


def _signs(spheres: BodySpheres, parents: tuple[int, ...]) -> np.ndarray:
    """(R, J) how joints move a pair's centres relative to each other: 1 if a joint carries only the first, -1 only the second, else 0."""
    first, second = sphere_pairs(spheres.parts, spheres.pairs)
    carried = ancestors_or_self(parents)[np.array(spheres.joints)]
    return carried[first] - carried[second]


def _cross(a: Array, b: Array) -> Array:
    """Cross product along the first axis."""
    return jnp.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
