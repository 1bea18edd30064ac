"""The part of a body that a keypoint layout needs: its joints and a handful of vertices instead of the whole mesh.

Fitting never touches the other vertices: with 24 joints and about 20 vertices a forward pass is three hundred times cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.kinematics import forward_kinematics
from smplify_jax.body.model import BodyModel, full_joint_pose
from smplify_jax.body.points import PointTable
from smplify_jax.body.reach import keypoint_reach
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.rotations import exp_so3


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KeypointBody:
    """K keypoints as weighted sums of J joints and M skinned vertices.

    Attributes:
        joint_template: (J, 3) rest joints of the mean shape [m].
        joint_shapedirs: (J, 3, B) their change per unit of each beta [m].
        vertex_template: (M, 3) rest vertices of the mean shape [m].
        vertex_shapedirs: (M, 3, B) their change per unit of each beta [m].
        vertex_posedirs: (M, 3, J - 1, 9) their change per entry of (R - I) of each joint but the root [m].
        vertex_lbs_weights: (M, J) skinning weights.
        weights_of_joints: (K, J) how much of each joint is in each keypoint.
        weights_of_vertices: (K, M) how much of each vertex is in each keypoint.
        is_defined: (K,) whether this body has that keypoint at all; if not, its weights are zero.
        reach: (K, K) the longest distance between two keypoints that the joints allow [m]; infinite for undefined ones.
        parents: the parent of each joint, -1 for the root.
    """

    joint_template: Array
    joint_shapedirs: Array
    vertex_template: Array
    vertex_shapedirs: Array
    vertex_posedirs: Array
    vertex_lbs_weights: Array
    weights_of_joints: Array
    weights_of_vertices: Array
    is_defined: Array
    reach: Array
    parents: tuple[int, ...] = field(metadata={"static": True})

    @property
    def num_joints(self) -> int:
        """Number of joints, the root included."""
        return len(self.parents)

    @property
    def num_betas(self) -> int:
        """Number of shape directions."""
        return self.joint_shapedirs.shape[-1]

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

    def pose_displacement(self, local_rotations: Array) -> Array:
        """Pose-dependent displacement of the vertices. (..., J, 3, 3) -> (..., M, 3) [m]."""
        difference = local_rotations[..., 1:, :, :] - jnp.eye(3, dtype=local_rotations.dtype)
        feature = difference.reshape(*difference.shape[:-2], 9)
        return jnp.einsum("mcjp,...jp->...mc", self.vertex_posedirs, feature)


@jax.jit  # as a whole: operation by operation, the first call would compile a few dozen little programs
def _keypoints(
    body: KeypointBody, betas: ArrayLike, global_orient: ArrayLike, body_pose: ArrayLike, transl: ArrayLike
) -> Array:
    betas, transl = jnp.asarray(betas), jnp.asarray(transl)
    pose = jnp.concatenate([jnp.asarray(global_orient), jnp.asarray(body_pose)], axis=-1)
    n = betas.shape[-1]
    rest_joints = body.joint_template + jnp.einsum("jcb,...b->...jc", body.joint_shapedirs[..., :n], betas)
    local = exp_so3(full_joint_pose(pose, body.num_joints))
    rotations, joints = forward_kinematics(local, rest_joints, body.parents)
    v_posed = body.vertex_template + jnp.einsum("mcb,...b->...mc", body.vertex_shapedirs[..., :n], betas)
    v_posed = v_posed + body.pose_displacement(local)
    in_joint_frames = v_posed[..., :, None, :] - rest_joints[..., None, :, :]
    carried = jnp.einsum("...jab,...mjb->...mja", rotations, in_joint_frames) + joints[..., None, :, :]
    vertices = jnp.einsum("mj,...mja->...ma", body.vertex_lbs_weights, carried)
    points = jnp.einsum("kj,...jc->...kc", body.weights_of_joints, joints) + jnp.einsum(
        "km,...mc->...kc", body.weights_of_vertices, vertices
    )
    return jnp.where(body.is_defined[:, None], points + transl[..., None, :], jnp.nan)


@lru_cache(maxsize=32)
def keypoint_body(
    body: BodyModel, layout: str | Layout, *, num_betas: int | None = None, num_joints: int | None = None
) -> KeypointBody:
    """Cut the part of a body that a layout needs.

    Args:
        body: any body of the SMPL family.
        layout: a Layout or its name.
        num_betas: how many shape directions to keep; all of them by default.
        num_joints: how many joints may move; all of them by default. The others stay at rest relative to their parent, so their
            skinning weight goes to their nearest moving ancestor, which is exact.

    The result is kept for the same body object and layout: cutting costs about as much as a fit.
    """
    layout = get_layout(layout)
    num_betas = body.num_betas if num_betas is None else num_betas
    num_joints = body.num_joints if num_joints is None else num_joints
    table = PointTable.of_layout(body, layout)

    shapedirs = np.asarray(body.shapedirs)[..., :num_betas]
    regressor = np.asarray(body.J_regressor, np.float64)
    joint_template = regressor @ np.asarray(body.v_template, np.float64)
    joint_shapedirs = np.einsum("jv,vcb->jcb", regressor, shapedirs, optimize=True)
    anchors = list(
        table.anchor_joints
    )  # points that ride on a joint at a fixed offset: vertices without pose displacement
    posedirs = np.asarray(body.posedirs)[table.vertices].reshape(len(table.vertices), 3, body.num_joints - 1, 9)
    on_joints = np.zeros((len(anchors), *posedirs.shape[1:]))
    lbs_weights = np.concatenate([np.asarray(body.lbs_weights)[table.vertices], table.anchor_lbs_weights])

    owner = _nearest_moving_joint(body.parents, num_joints)
    fold = np.eye(num_joints)[owner]  # (J_all, J): where each joint's skinning weight goes
    moving_joint_weights = table.weights_of_joints[:, :num_joints]
    resting = [j for j in range(num_joints, body.num_joints) if table.weights_of_joints[:, j].any()]
    arrays = {
        "joint_template": joint_template[:num_joints],
        "joint_shapedirs": joint_shapedirs[:num_joints],
        "vertex_template": np.concatenate(
            [
                np.asarray(body.v_template)[table.vertices],
                joint_template[anchors] + table.anchor_offsets,
                joint_template[resting],
            ]
        ),
        "vertex_shapedirs": np.concatenate(
            [shapedirs[table.vertices], joint_shapedirs[anchors], joint_shapedirs[resting]]
        ),
        "vertex_posedirs": np.concatenate([posedirs, on_joints, np.zeros((len(resting), *posedirs.shape[1:]))])[
            :, :, : num_joints - 1
        ],
        "vertex_lbs_weights": np.concatenate([lbs_weights @ fold, fold[resting]]),
        "weights_of_joints": moving_joint_weights,
        "weights_of_vertices": np.concatenate([table.weights_of_vertices, table.weights_of_joints[:, resting]], axis=1),
    }
    parents = body.parents[:num_joints]
    arrays["reach"] = keypoint_reach(
        arrays["weights_of_joints"] @ arrays["joint_template"]
        + arrays["weights_of_vertices"] @ arrays["vertex_template"],
        arrays["weights_of_joints"] + arrays["weights_of_vertices"] @ arrays["vertex_lbs_weights"],
        arrays["joint_template"],
        parents,
    )
    arrays = {name: jnp.asarray(value, jnp.float32) for name, value in arrays.items()}
    return KeypointBody(**arrays, is_defined=jnp.asarray(table.is_defined), parents=parents)


def _nearest_moving_joint(parents: tuple[int, ...], num_joints: int) -> list[int]:
    owner: list[int] = []
    for joint, parent in enumerate(parents):
        owner.append(joint if joint < num_joints else owner[parent])
    return owner
