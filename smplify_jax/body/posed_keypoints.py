"""Keypoints of a posed body: p_k = sum_j R_j c_kj + (weight of k) (J_root + transl), with the levers of `keypoint_body`.

Shapes are written (K, 3, ...): the dots are the batch axis, if there is one (see `execution.batch_axis`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.kinematics import (
    ancestors_or_self,
    full_joint_pose,
    global_rotations,
    matmul3,
    rows,
    sum_over_axes,
)
from smplify_jax.body.parameters import BodyParameters, ParameterColumns
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.execution.precision import exact_products
from smplify_jax.geometry.rotations import exp_and_left_jacobian


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KeypointBody:
    """K keypoints on J joints; V of their skinned vertices bulge with the pose of D joints.

    Attributes:
        joint_template: (J, 3) rest joints of the mean shape [m].
        joint_shapedirs: (J, 3, B) their change per unit of each beta [m].
        lever_template: (K, J, 3) c_kj of the mean shape at rest [m].
        lever_shapedirs: (K, J, 3, B) its change per unit of each beta [m].
        bulge_weights: (K, J, V) weight of each vertex's displacement in c_kj.
        bulge_dirs: (V, 3, D, 9) the displacement of the vertices per entry of (R - I) of each bulging joint [m].
        weights: (K,) sum of each keypoint's weights, one if it is defined.
        is_defined: (K,) whether this body has that keypoint at all; if not, its weights are zero.
        reach: (K, K) the longest distance between two keypoints that the joints allow [m]; infinite for undefined ones.
        parents: the parent of each joint, -1 for the root.
        bulging_joints: the D joints.
        bulging_keypoints: those that have a bulging vertex.
        carrying_joints: those that carry such a vertex, by its skinning weights.
    """

    joint_template: Array
    joint_shapedirs: Array
    lever_template: Array
    lever_shapedirs: Array
    bulge_weights: Array
    bulge_dirs: Array
    weights: Array
    is_defined: Array
    reach: Array
    parents: tuple[int, ...] = field(metadata={"static": True})
    bulging_joints: tuple[int, ...] = field(metadata={"static": True})
    bulging_keypoints: tuple[int, ...] = field(metadata={"static": True})
    carrying_joints: tuple[int, ...] = field(metadata={"static": True})

    @property
    def num_joints(self) -> int:
        """Number of joints, the root included."""
        return len(self.parents)

    @property
    def num_betas(self) -> int:
        """Number of shape directions."""
        return self.joint_shapedirs.shape[-1]

    def combined(self, weights: Array) -> KeypointBody:
        """The body with M keypoints that are weighted sums of these; weights (M, K) of any sign and sum."""

        def sums(values: Array) -> Array:
            return jnp.tensordot(weights, values, axes=1)

        return dataclasses.replace(
            self,
            lever_template=sums(self.lever_template),
            lever_shapedirs=sums(self.lever_shapedirs),
            bulge_weights=sums(self.bulge_weights),
            weights=sums(self.weights),
            is_defined=jnp.ones(len(weights), bool),
            reach=jnp.full((len(weights),) * 2, jnp.inf, self.reach.dtype),
            bulging_keypoints=tuple(range(len(weights))) if self.bulging_keypoints else (),
        )

    def keypoints(
        self, *, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
    ) -> Array:
        """Posed keypoints, without derivatives.

        Args:
            betas: (..., n) shape coefficients, n at most B.
            global_orient: (..., 3) axis-angle of the root [rad].
            body_pose: (..., 3 m) axis-angle of the joints 1..m [rad]; joints after m are at rest.
            transl: (..., 3) [m].
        Returns:
            (..., K, 3) [m]; NaN where the body does not define the keypoint.
        """
        return _keypoints(self, betas, global_orient, body_pose, transl)


@jax.jit  # as a whole: operation by operation, the first call would compile a few dozen small programs
@exact_products
def _keypoints(
    body: KeypointBody, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
) -> Array:
    betas, transl = jnp.asarray(betas), jnp.asarray(transl)
    pose = jnp.concatenate([jnp.asarray(global_orient), jnp.asarray(body_pose)], axis=-1)
    joint_pose = full_joint_pose(pose, body.num_joints)
    batch = jnp.broadcast_shapes(betas.shape[:-1], joint_pose.shape[:-2], transl.shape[:-1])
    missing = body.num_betas - betas.shape[-1]
    blocks = (
        joint_pose[..., 0, :],
        joint_pose[..., 1:, :].reshape(*joint_pose.shape[:-2], -1),
        jnp.pad(betas, [(0, 0)] * (betas.ndim - 1) + [(0, missing)]),
        transl,
    )
    people = [jnp.broadcast_to(block, (*batch, block.shape[-1])).reshape(-1, block.shape[-1]) for block in blocks]
    points = jax.vmap(lambda one: place_keypoints(body, one))(BodyParameters(*people))
    return jnp.where(body.is_defined[:, None], points.reshape(*batch, *points.shape[1:]), jnp.nan)


@batch_last
def place_keypoints(body: KeypointBody, parameters: BodyParameters) -> Array:
    """(K, 3) [m] of one person, or of many under `vmap`; undefined ones lie at the origin."""
    return batch_first(pose_keypoints(body, parameters).keypoints_cam, 2)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PosedKeypoints:
    """Parameters, and the pose and keypoints that follow from them.

    Attributes:
        parameters: blocks (P, ...).
        keypoints_cam: (K, 3, ...) [m]; undefined ones lie at the origin.
        local: (J, 3, 3, ...) each joint's rotation relative to its parent.
        rotations: (J, 3, 3, ...) each joint's rotation relative to the world.
        parent_rotations: (J, 3, 3, ...) of each joint's parent, the identity for the root.
        axes: (J, 3, 3, ...), columns: the rotation vector, in the camera frame, that each number of a joint's step causes.
        levers: (J, K, 3, ...) the part of a keypoint's position that hangs on a joint, relative to the joint [m].
    """

    parameters: BodyParameters
    keypoints_cam: Array
    local: Array
    rotations: Array
    parent_rotations: Array
    axes: Array
    levers: Array

    @property
    def columns(self) -> ParameterColumns:
        """Where each block lies in a step vector."""
        return ParameterColumns(len(self.parameters.body_pose), len(self.parameters.betas))


def pose_keypoints(body: KeypointBody, parameters: BodyParameters) -> PosedKeypoints:
    """Pose the keypoints; `parameters` has blocks (P, ...)."""
    pose = jnp.concatenate([parameters.global_orient, parameters.body_pose])
    pose = pose.reshape(body.num_joints, 3, *pose.shape[1:])
    local, left_jacobian = exp_and_left_jacobian(pose, axis=1)
    hung = hang_keypoints(body, local, parameters.betas, parameters.transl)
    # The root's step is already a rotation vector in the camera frame.
    axes = jnp.concatenate([hung.parent_rotations[:1], matmul3(hung.parent_rotations[1:], left_jacobian[1:])])
    return PosedKeypoints(
        parameters, hung.keypoints_cam, local, hung.rotations, hung.parent_rotations, axes, hung.levers
    )


class HungKeypoints(NamedTuple):
    """Keypoints on joints that are turned by rotations; the fields are those of `PosedKeypoints`."""

    keypoints_cam: Array
    rotations: Array
    parent_rotations: Array
    levers: Array


def hang_keypoints(body: KeypointBody, local: Array, betas: ArrayLike, transl: ArrayLike) -> HungKeypoints:
    """Keypoints from rotations (J, 3, 3, ...) relative to the parents, betas (B, ...) and transl (3, ...)."""
    betas = jnp.asarray(betas)
    rotations, parent_rotations = global_rotations(local, body.parents)
    arms = with_batch_axis(body.lever_template, betas) + jnp.tensordot(body.lever_shapedirs, betas, axes=1)
    if body.bulging_joints:
        arms = arms + jnp.einsum("kjv,vc...->kjc...", body.bulge_weights, _bulge(body, local))
    arms = jnp.swapaxes(arms, 0, 1)
    turned = sum_over_axes(lambda b: rotations[:, None, :, b] * arms[:, :, None, b])
    levers = jnp.einsum("jkc...,ji->ikc...", turned, ancestors_or_self(body.parents))
    root = with_batch_axis(body.joint_template[0], betas) + jnp.tensordot(body.joint_shapedirs[0], betas, axes=1)
    # Everything hangs on the root.
    places = levers[0] + with_batch_axis(body.weights[:, None], betas) * (root + jnp.asarray(transl))
    return HungKeypoints(places, rotations, parent_rotations, levers)


def with_batch_axis(constant: Array | np.ndarray, like: Array | np.ndarray) -> Array:
    """A constant that people share, with a batch axis if the blocks `like` (P, ...) of their parameters have one."""
    return jnp.asarray(constant).reshape(*constant.shape, *[1] * (like.ndim - 1))


def _bulge(body: KeypointBody, local: Array) -> Array:
    """(V, 3, ...) pose-dependent displacement [m]."""
    turning = rows(local, body.bulging_joints)
    feature = turning - with_batch_axis(jnp.eye(3, dtype=local.dtype), local[0, 0])
    return jnp.einsum("vcdp,dp...->vc...", body.bulge_dirs, feature.reshape(len(turning), 9, *local.shape[3:]))
