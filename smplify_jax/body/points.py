"""Which joints and vertices make up each keypoint of a layout, for a given body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.body.skinned_mesh import SkinnedMesh
from smplify_jax.keypoints.layouts import Layout

# SMPL's hand joint sits at the knuckles; bodies with fingers have the middle finger's first joint there.
_JOINT_ALIASES = {"left_hand": "left_middle1", "right_hand": "right_middle1"}

# Annotators of COCO, LSP and OpenPose put the hip about here relative to SMPL's hip joint: (medial, up, forward) [m]. Used for bodies
# without such a point of their own; it rides on the pelvis.
_HIP_KEYPOINT_OFFSET = (0.012, -0.022, 0.018)


@dataclass(frozen=True)
class PointTable:
    """The K keypoints of a layout as weighted sums of joints, vertices and points anchored to joints.

    Attributes:
        vertices: indices of the M0 mesh vertices that are needed.
        anchor_joints: the M1 joints at which anchored points start.
        anchor_offsets: (M1, 3) their rest offset from that joint [m].
        anchor_lbs_weights: (M1, J) which joint they ride on.
        weights_of_joints: (K, J).
        weights_of_vertices: (K, M0 + M1).
        is_defined: (K,) False where the body lacks a point; its weights are zero.
    """

    vertices: list[int]
    anchor_joints: list[int]
    anchor_offsets: np.ndarray
    anchor_lbs_weights: np.ndarray
    weights_of_joints: np.ndarray
    weights_of_vertices: np.ndarray
    is_defined: np.ndarray

    @classmethod
    def of_layout(cls, body: SkinnedMesh, layout: Layout) -> PointTable:
        """Resolve every point name of the layout on this body: first as a joint, then as a surface point, then as an anchored one."""
        num_keypoints = len(layout.points)
        by_joint = np.zeros((num_keypoints, body.num_joints))
        by_vertex: list[dict[int, float]] = [{} for _ in range(num_keypoints)]
        by_anchor: list[dict[str, float]] = [{} for _ in range(num_keypoints)]
        is_defined = np.ones(num_keypoints, bool)
        for k, names in enumerate(layout.points):
            is_defined[k] = all(has_point(body, name) for name in names)
            for name in names if is_defined[k] else ():
                fraction = 1.0 / len(names)
                joint = _joint_index(body, name)
                if joint is not None:
                    by_joint[k, joint] += fraction
                elif name in body.point_names:
                    for vertex, weight in _surface_point(body, name):
                        by_vertex[k][vertex] = by_vertex[k].get(vertex, 0.0) + fraction * weight
                else:
                    by_anchor[k][name] = fraction
        vertices = sorted({v for row in by_vertex for v in row})
        anchors = sorted({name for row in by_anchor for name in row})
        weights = np.zeros((num_keypoints, len(vertices) + len(anchors)))
        for k in range(num_keypoints):
            for vertex, weight in by_vertex[k].items():
                weights[k, vertices.index(vertex)] = weight
            for name, weight in by_anchor[k].items():
                weights[k, len(vertices) + anchors.index(name)] = weight
        pelvis = np.eye(body.num_joints)[0]
        return cls(
            vertices=vertices,
            anchor_joints=[body.joint_names.index(_hip_joint(name)) for name in anchors],
            anchor_offsets=np.array([_hip_offset(name) for name in anchors]).reshape(-1, 3),
            anchor_lbs_weights=np.tile(pelvis, (len(anchors), 1)),
            weights_of_joints=by_joint,
            weights_of_vertices=weights,
            is_defined=is_defined,
        )


def has_point(body: SkinnedMesh, name: str) -> bool:
    """Whether this body defines a point: a joint, a surface point, or a hip keypoint (anchored to the hip joint)."""
    is_anchored = name.endswith("_hip_keypoint") and _hip_joint(name) in body.joint_names
    return _joint_index(body, name) is not None or name in body.point_names or is_anchored


def undefined_keypoints(body: SkinnedMesh, layout: Layout) -> list[str]:
    """The keypoint names of a layout that this body cannot give, in the layout's order."""
    pairs = zip(layout.keypoint_names, layout.points, strict=True)
    return [keypoint for keypoint, names in pairs if not all(has_point(body, name) for name in names)]


def _joint_index(body: SkinnedMesh, name: str) -> int | None:
    for candidate in (name, _JOINT_ALIASES.get(name)):
        if candidate in body.joint_names:
            return body.joint_names.index(candidate)
    return None


def _surface_point(body: SkinnedMesh, name: str) -> list[tuple[int, float]]:
    row = body.point_names.index(name)
    pairs = zip(np.asarray(body.point_vertices)[row], np.asarray(body.point_weights)[row], strict=True)
    return [(int(vertex), float(weight)) for vertex, weight in pairs if weight != 0]


def _hip_joint(point_name: str) -> str:
    return point_name.removesuffix("_keypoint")


def _hip_offset(point_name: str) -> tuple[float, float, float]:
    medial, up, forward = _HIP_KEYPOINT_OFFSET
    return (-medial if point_name.startswith("left_") else medial, up, forward)
