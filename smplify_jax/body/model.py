"""The body model as typed stages: BodyModel -> with_shape -> ShapedBody -> with_pose -> PosedBody -> vertices().

The shape is computed once, and the mesh is skinned only when vertices are asked for.
Source: Loper et al., SMPL: A skinned multi-person linear model, SIGGRAPH Asia 2015, equations 2-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.kinematics import forward_kinematics, full_joint_pose
from smplify_jax.body.skinned_mesh import SkinnedMesh
from smplify_jax.errors import InputError
from smplify_jax.execution.precision import exact_products
from smplify_jax.geometry.rotations import exp_so3
from smplify_jax.keypoints.layouts import Layout


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)  # that of SkinnedMesh is a line
class BodyModel(SkinnedMesh):
    """A body of the SMPL family that can be shaped and posed.

    Frame of the rest pose: y up, z to the front, x to the body's left [m].

    Attributes:
        v_template: (V, 3) rest vertices of the mean shape [m].
        shapedirs: (V, 3, B) displacement per unit of each beta [m].
        posedirs: (V, 3, 9 (J - 1)) displacement per entry of (R - I) of the joints 1..J-1 [m].
        J_regressor: (J, V) rest joints from shaped vertices.
        lbs_weights: (V, J) skinning weights, rows sum to one.
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        point_vertices: (P, N) the vertices of each named surface point.
        point_weights: (P, N) and their weights; zero where fewer than N are needed.
        parents: the parent of each joint, -1 for the root.
        joint_names: J names.
        point_names: P names; empty for a mesh whose topology is not known.
        name: what to call this body in messages and files.
        capsules: its parts as capsules, where they are known; see `with_capsules`.
        gender: "neutral", "male" or "female": of the open body, or from its file's name or the caller of `load_body`; None if unknown.
    """

    @exact_products
    def with_shape(self, betas: ArrayLike) -> ShapedBody:
        """Apply the shape: v_shaped = v_template + shapedirs betas, joints by the regressor.

        Args:
            betas: (..., n) with n at most B; the remaining betas are zero.
        """
        betas = jnp.asarray(betas)
        if betas.shape[-1] > self.num_betas:
            raise InputError(
                f"The body {self.name!r} has {self.num_betas} betas and {betas.shape[-1]} were given: give at most that many."
            )
        used = self.shapedirs[..., : betas.shape[-1]]
        v_shaped = self.v_template + jnp.einsum("vcb,...b->...vc", used, betas)
        return ShapedBody(self, v_shaped, jnp.einsum("jv,...vc->...jc", self.J_regressor, v_shaped))

    def joints(self, *, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike) -> Array:
        """All J joints of the posed body.

        Args:
            betas: (..., n) shape coefficients, n at most `num_betas`.
            global_orient: (..., 3) axis-angle of the root [rad].
            body_pose: (..., 3 m) axis-angle of the joints 1..m [rad]; joints after m are at rest.
            transl: (..., 3) [m], added after rotation about the root joint.
        Returns:
            (..., J, 3) [m].
        """
        return _joints(self, betas, global_orient, body_pose, transl)

    def vertices(self, *, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike) -> Array:
        """All V vertices of the posed body; arguments as for `joints`. Returns (..., V, 3) [m]."""
        return _vertices(self, betas, global_orient, body_pose, transl)

    def keypoints(
        self,
        *,
        betas: ArrayLike,
        global_orient: ArrayLike,
        body_pose: ArrayLike,
        transl: ArrayLike,
        layout: str | Layout,
    ) -> Array:
        """The K points that a keypoint layout names; arguments as for `joints`.

        Returns:
            (..., K, 3) [m]; NaN for the points that this body does not define (see `KeypointBody.is_defined`).
        """
        return keypoint_body(self, layout).keypoints(
            betas=betas, global_orient=global_orient, body_pose=body_pose, transl=transl
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ShapedBody:
    """A body after its shape is applied.

    Attributes:
        model: the body it came from.
        v_shaped: (..., V, 3) rest vertices [m].
        rest_joints: (..., J, 3) [m].
    """

    model: BodyModel
    v_shaped: Array
    rest_joints: Array

    @exact_products
    def with_pose(self, global_orient: ArrayLike, body_pose: ArrayLike) -> PosedBody:
        """Pose the joints.

        Args:
            global_orient: (..., 3) axis-angle of the root [rad].
            body_pose: (..., 3 m) axis-angle of the joints 1..m [rad]; joints after m are at rest.
        """
        full_pose = jnp.concatenate([jnp.asarray(global_orient), jnp.asarray(body_pose)], axis=-1)
        local = exp_so3(full_joint_pose(full_pose, self.model.num_joints))
        rotations, joints = forward_kinematics(local, self.rest_joints, self.model.parents)
        return PosedBody(self, local, rotations, joints)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PosedBody:
    """A body after its joints are posed.

    Attributes:
        shaped: the stage before.
        local_rotations: (..., J, 3, 3) relative to the parent.
        rotations: (..., J, 3, 3) relative to the world.
        joints: (..., J, 3) [m].
    """

    shaped: ShapedBody
    local_rotations: Array
    rotations: Array
    joints: Array

    @exact_products
    def vertices(self) -> Array:
        """Skin the mesh: pose-dependent displacement, then linear blend skinning. Returns (..., V, 3) [m]."""
        model = self.shaped.model
        feature = pose_feature(self.local_rotations)
        v_posed = self.shaped.v_shaped + jnp.einsum("vcp,...p->...vc", model.posedirs, feature)
        # x = sum_j w_j (R_j (v - J_j) + P_j): blend the rotations and the offsets, then apply them once per vertex.
        offsets = self.joints - jnp.einsum("...jab,...jb->...ja", self.rotations, self.shaped.rest_joints)
        blended = jnp.einsum("vj,...jab->...vab", model.lbs_weights, self.rotations)
        return jnp.einsum("...vab,...vb->...va", blended, v_posed) + jnp.einsum(
            "vj,...ja->...va", model.lbs_weights, offsets
        )


# Compiled as a whole: operation by operation, the first call would compile a few dozen small programs.
@jax.jit
def _joints(
    model: BodyModel, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
) -> Array:
    posed = model.with_shape(betas).with_pose(global_orient, body_pose)
    return posed.joints + jnp.asarray(transl)[..., None, :]


@jax.jit
def _vertices(
    model: BodyModel, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
) -> Array:
    posed = model.with_shape(betas).with_pose(global_orient, body_pose)
    return posed.vertices() + jnp.asarray(transl)[..., None, :]


def pose_feature(local_rotations: Array) -> Array:
    """(R - I) of the joints 1..J-1, row by row. (..., J, 3, 3) -> (..., 9 (J - 1))."""
    difference = local_rotations[..., 1:, :, :] - jnp.eye(3, dtype=local_rotations.dtype)
    return difference.reshape(*difference.shape[:-3], 9 * difference.shape[-3])
