"""Cut a body to the keypoints of a layout, and precompute everything but the joints' rotations.

A keypoint is a weighted sum of joints and skinned vertices. Linear blend skinning moves vertex v to sum_j w_vj (R_j (v - J_j) + P_j),
and a joint's position P_j is the sum of the turned bones on its path from the root. Collecting everything that one rotation turns,

    p_k = sum_j R_j c_kj + (weight of k) (J_root + transl),

with lever arms c_kj that are linear in the betas and in the pose-dependent displacement. So a fit never computes the mesh, nor even
the joints' positions; and what hangs on joint i, relative to it, is the part of the sum at or below i, which gives the derivatives.
"""

from __future__ import annotations

from functools import lru_cache

import jax
import numpy as np

from smplify_jax.body.kinematics import ancestors_or_self, child_minus_parent
from smplify_jax.body.points import PointTable
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.body.reach import keypoint_reach
from smplify_jax.body.skinned_mesh import SkinnedMesh
from smplify_jax.body.skinned_points import SkinnedPoints
from smplify_jax.keypoints.layouts import Layout, get_layout


@lru_cache(maxsize=32)
def keypoint_body(
    body: SkinnedMesh, layout: str | Layout, *, num_betas: int | None = None, num_joints: int | None = None
) -> KeypointBody:
    """Cut a body to the keypoints of a layout.

    Args:
        body: any body of the SMPL family.
        layout: a Layout or its name.
        num_betas: how many shape directions to keep; all of them by default.
        num_joints: how many joints may move; all of them by default. The others stay at rest relative to their parent, so their
            skinning weight goes to their nearest moving ancestor, which is exact.

    The result is cached for the same body object and layout: cutting costs about as much as a fit.
    """
    layout = get_layout(layout)
    num_betas = body.num_betas if num_betas is None else num_betas
    num_joints = body.num_joints if num_joints is None else num_joints
    points, parents = skinned_points(body, layout, num_betas, num_joints), body.parents[:num_joints]
    # Linear in (1, betas): the mean shape is the first of B + 1 columns.
    vertices, joints = points.vertices, points.joints
    by_vertex = np.einsum("km,mj->kjm", points.weights_of_vertices, points.lbs_weights)
    on_joints = by_vertex.sum(axis=2)
    hanging = (on_joints + points.weights_of_joints) @ ancestors_or_self(parents)
    levers = np.einsum("kjm,mcb->kjcb", by_vertex, vertices) - on_joints[:, :, None, None] * joints
    bone = np.einsum("ji,icb->jcb", child_minus_parent(parents), joints)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            levers[:, parent] += hanging[:, joint, None, None] * bone[joint]
    displaces = np.abs(points.posedirs).max(axis=(1, 3), initial=0.0) > 0
    bulging, moved = np.flatnonzero(displaces.any(axis=0)), np.flatnonzero(displaces.any(axis=1))
    carries = by_vertex[:, :, moved] != 0
    arrays = {
        "joint_template": joints[..., 0],
        "joint_shapedirs": joints[..., 1:],
        "lever_template": levers[..., 0],
        "lever_shapedirs": levers[..., 1:],
        "bulge_weights": by_vertex[:, :, moved],
        "bulge_dirs": points.posedirs[moved][:, :, bulging],
        "weights": hanging[:, 0],
        "reach": keypoint_reach(
            points.weights_of_joints @ joints[..., 0] + points.weights_of_vertices @ vertices[..., 0],
            points.weights_of_joints + on_joints,
            joints[..., 0],
            parents,
        ),
    }
    # All at once: `jnp.asarray` compiles a program for every new shape.
    arrays = jax.device_put({name: np.asarray(value, np.float32) for name, value in arrays.items()})
    return KeypointBody(
        **arrays,
        is_defined=jax.device_put(np.asarray(points.is_defined)),
        parents=parents,
        bulging_joints=tuple(int(j) + 1 for j in bulging),
        bulging_keypoints=_indices(carries.any(axis=(1, 2))),
        carrying_joints=_indices(carries.any(axis=(0, 2))),
    )


def _indices(chosen: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(chosen))


def skinned_points(body: SkinnedMesh, layout: Layout, num_betas: int, num_joints: int) -> SkinnedPoints:
    """The joints and vertices that a layout's keypoints are sums of; same arguments as `keypoint_body`."""
    table = PointTable.of_layout(body, layout)
    shape = np.concatenate(
        [np.asarray(body.v_template, np.float64)[..., None], np.asarray(body.shapedirs)[..., :num_betas]], axis=-1
    )
    joints = np.einsum("jv,vcb->jcb", np.asarray(body.J_regressor, np.float64), shape, optimize=True)
    # Points that ride on a joint at a fixed offset are vertices without pose displacement; so are joints that stay at rest.
    anchors = list(table.anchor_joints)
    anchored = joints[anchors] + table.anchor_offsets[..., None] * _bone_lengths(joints, table)[:, None]
    resting = [j for j in range(num_joints, body.num_joints) if table.weights_of_joints[:, j].any()]
    posedirs = np.asarray(body.posedirs)[table.vertices].reshape(len(table.vertices), 3, body.num_joints - 1, 9)
    rigid = np.zeros((len(anchors) + len(resting), *posedirs.shape[1:]))
    owner = _nearest_moving_joint(body.parents, num_joints)
    fold = np.eye(num_joints)[owner]  # (J_all, J): where each joint's skinning weight goes
    lbs_weights = np.concatenate([np.asarray(body.lbs_weights)[table.vertices], table.anchor_lbs_weights])
    return SkinnedPoints(
        joints=joints[:num_joints],
        vertices=np.concatenate([shape[table.vertices], anchored, joints[resting]]),
        posedirs=np.concatenate([posedirs, rigid])[:, :, : num_joints - 1],
        lbs_weights=np.concatenate([lbs_weights @ fold, fold[resting]]),
        weights_of_joints=table.weights_of_joints[:, :num_joints],
        weights_of_vertices=np.concatenate([table.weights_of_vertices, table.weights_of_joints[:, resting]], axis=1),
        is_defined=table.is_defined,
        parents=np.array(body.parents[:num_joints]),
    )


def _bone_lengths(joints: np.ndarray, table: PointTable) -> np.ndarray:
    """(M1, 1 + B) length of each anchor's bone over that in the mean shape, linear in (1, betas); 1 for anchors without a bone."""
    lengths = np.zeros((len(table.anchor_joints), joints.shape[2]))
    lengths[:, 0] = 1.0
    for row, (joint, end) in enumerate(zip(table.anchor_joints, table.anchor_bones, strict=True)):
        if end is not None:
            bone = joints[joint] - joints[end]
            lengths[row] = bone[:, 0] @ bone / (bone[:, 0] @ bone[:, 0])
    return lengths


def _nearest_moving_joint(parents: tuple[int, ...], num_joints: int) -> list[int]:
    owner: list[int] = []
    for joint, parent in enumerate(parents):
        owner.append(joint if joint < num_joints else owner[parent])
    return owner
