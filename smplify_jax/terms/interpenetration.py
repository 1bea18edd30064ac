"""Interpenetration: spheres inside the body's parts keep apart, E_sp in Bogo et al. 2016.

As printed in the paper the exponent lacks its minus sign; with it missing, the term would draw parts together.

**Least squares.** The residual of a pair is the square root of its energy, r = weight exp(-d^2 / 2 s), s = sigma_i^2 + sigma_j^2. Its slope
vanishes where two centres coincide, but Gauss-Newton's J^T J vanishes there twice as fast: steps grow like s / d, and the damping
bounds them.

**Closed form.** With the centres c_i and c_j, delta = c_i - c_j, and a joint with rotation axis a at P that moves only c_i,

    d r / d theta = -(r / s) delta . (a x (c_i - P)) = -(r / s) (a, P x a) . (c_i x delta, delta),

the product of the joint's screw and the line through both centres; a joint that moves only c_j gives its negative, one that moves both, zero.
Spheres of one part move together, so a pair of parts gathers the outer products of its lines in one 6x6 matrix, however many spheres it has,
and J^T J needs one such matrix for each two joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.keypoint_jacobian import rotation_axes
from smplify_jax.body.kinematics import ancestors_or_self, global_rotations, joint_positions, matmul3
from smplify_jax.body.spheres import BodySpheres
from smplify_jax.rotations import exp_and_left_jacobian
from smplify_jax.terms.term import PosedKeypoints, place_block

SIGMA_PER_RADIUS = 0.3
"""Width of a sphere's Gaussian by its radius: as in the paper's code; its text has a third."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class InterpenetrationTerm:
    """E = weight^2 sum_pairs exp(-d_ij^2 / (sigma_i^2 + sigma_j^2)).

    Only the pose feels it: a gradient to the betas would make bodies thin, and place and orientation of the whole change nothing.

    Attributes:
        body: for its joints.
        spheres: and which of their parts may not meet.
        weight: 1000 in the paper's code.
    """

    body: KeypointBody
    spheres: BodySpheres
    weight: Array

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(R,) weight exp(-d^2 / (2 (sigma_i^2 + sigma_j^2))), a number for each pair of spheres."""
        return self._meetings(posed).residuals

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """Sums over pairs of spheres, then of parts, then of joints: R = 200 rows of a Jacobian are never formed."""
        columns = posed.parameters.columns()
        meetings = self._meetings(posed)
        sums = _sums(self.spheres.parts, self.spheres.pairs, self.spheres.joints, self.body.parents)
        lines = meetings.lines
        products = jnp.stack([lines[a] * lines[b] for a, b in _SYMMETRIC])
        weighted = jnp.concatenate([products, meetings.residuals * lines])  # (21 + 6, R)
        by_part_pair = weighted @ sums.of_spheres
        screws = meetings.screws  # (6, 3, J)
        by_joint = by_part_pair[21:] @ sums.of_joints  # (6, J)
        gradient = jnp.sum(screws * by_joint[:, None, :], axis=0)
        by_joint_pair = (by_part_pair[:21] @ sums.of_joint_pairs)[_FULL]  # (6, 6, U)
        right = jnp.sum(by_joint_pair[:, :, None] * screws[None, :, :, sums.second], axis=1)  # (6, 3, U)
        blocks = jnp.sum(screws[:, :, None, sums.first] * right[:, None], axis=0)  # (3, 3, U)
        blocks = jnp.pad(blocks, ((0, 0), (0, 0), (0, 1)))[:, :, sums.where]  # (3, 3, J - 1, J - 1)
        num_pose = columns.num_pose
        hessian = blocks.transpose(2, 0, 3, 1).reshape(num_pose, num_pose)
        return place_block(gradient.T.ravel()[3:], hessian, columns.body_pose, columns.size)

    def _meetings(self, posed: PosedKeypoints) -> _Meetings:
        body, parents, parameters = self.body, self.body.parents, posed.parameters
        betas = jax.lax.stop_gradient(parameters.betas)
        # Word for word as for the keypoints, so that the compiler finds that both want the same and computes it once.
        pose = jnp.concatenate([parameters.global_orient, parameters.body_pose]).reshape(body.num_joints, 3)
        local, left_jacobian = exp_and_left_jacobian(pose)
        rotations = global_rotations(local, parents)
        rest_joints = body.joint_template + body.joint_shapedirs @ betas
        joints = joint_positions(rotations, rest_joints, parents)

        offsets, radii = self.spheres.shaped(betas)
        rides_on = np.array(self.spheres.joints)
        centers = (matmul3(rotations[rides_on], offsets[..., None])[..., 0] + joints[rides_on]).T
        first, second = sphere_pairs(self.spheres.parts, self.spheres.pairs)
        one, delta = centers[:, first], centers[:, first] - centers[:, second]
        variance = (SIGMA_PER_RADIUS**2) * (radii[first] ** 2 + radii[second] ** 2)
        residuals = self.weight * jnp.exp(-0.5 * jnp.sum(delta**2, axis=0) / variance)
        lines = jnp.concatenate([_cross(one, delta), delta]) * (-residuals / variance)
        axes = rotation_axes(rotations, left_jacobian, parents).transpose(1, 2, 0)
        screws = jnp.concatenate([axes, _cross(joints.T[:, None], axes)])
        return _Meetings(residuals, lines, screws)


class _Meetings(NamedTuple):
    """What R pairs of spheres and J joints have to do with each other; the long axis comes last, which makes vector loops of everything.

    Attributes:
        residuals: (R,).
        lines: (6, R) d r / d delta, as a line through both centres.
        screws: (6, 3, J) of each number of a joint's step.
    """

    residuals: Array
    lines: Array
    screws: Array


class _Sums(NamedTuple):
    """Constant matrices that add up what belongs together; U is the number of ordered pairs of joints that any pair of parts couples.

    Attributes:
        of_spheres: (R, Q) from pairs of spheres to pairs of parts.
        of_joints: (Q, J) from pairs of parts to the joints that move one of them: 1 if the first, -1 if the second.
        of_joint_pairs: (Q, U) the same for two joints: the product of their signs.
        first, second: (U,) the joints of each pair.
        where: (J - 1, J - 1) index of the pair, U where two joints are not coupled.
    """

    of_spheres: np.ndarray
    of_joints: np.ndarray
    of_joint_pairs: np.ndarray
    first: np.ndarray
    second: np.ndarray
    where: np.ndarray


_SYMMETRIC = [(a, b) for a in range(6) for b in range(a, 6)]
_FULL = np.array([[_SYMMETRIC.index((min(a, b), max(a, b))) for b in range(6)] for a in range(6)])


@lru_cache(maxsize=16)
def sphere_pairs(parts: tuple[int, ...], pairs: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Both spheres (R,), (R,) of every pair, pair of parts after pair of parts."""
    of_part = np.array(parts)
    found = [np.meshgrid(*(np.flatnonzero(of_part == part) for part in pair), indexing="ij") for pair in pairs]
    return np.concatenate([a.ravel() for a, _ in found]), np.concatenate([b.ravel() for _, b in found])


@lru_cache(maxsize=16)
def _sums(
    parts: tuple[int, ...], pairs: tuple[tuple[int, int], ...], joints: tuple[int, ...], parents: tuple[int, ...]
) -> _Sums:
    first, second = sphere_pairs(parts, pairs)
    of_part = np.array(parts)
    of_spheres = (of_part[first][:, None] == [p for p, _ in pairs]) & (of_part[second][:, None] == [q for _, q in pairs])
    rides_on = dict(zip(parts, joints, strict=True))
    moves = ancestors_or_self(parents)
    signs = np.array([moves[rides_on[p]] - moves[rides_on[q]] for p, q in pairs])
    coupled = (np.abs(signs).T @ np.abs(signs)) > 0
    one, other = np.nonzero(coupled)
    where = np.full(coupled.shape, len(one))
    where[one, other] = np.arange(len(one))
    products = signs[:, one] * signs[:, other]
    return _Sums(
        of_spheres.astype(np.float32), signs, products.astype(np.float32), one, other, where[1:, 1:].astype(np.int32)
    )


def _cross(a: Array, b: Array) -> Array:
    """Cross product along the first axis."""
    return jnp.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
