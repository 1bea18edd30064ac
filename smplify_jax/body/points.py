"""Which joints and vertices make up each keypoint of a layout, for a given body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.body.skinned_mesh import SkinnedMesh
from smplify_jax.geometry.skeleton import SIDES
from smplify_jax.keypoints.layouts import Layout

_OF_FINGERS = {
    "hand": "middle1",  # SMPL's hand joint sits at the knuckles
    "index_knuckle": "index1",
    "pinky_knuckle": "pinky1",
    "thumb_knuckle": "thumb2",
}
_JOINT_ALIASES = {f"{side}_{name}": f"{side}_{joint}" for side in SIDES for name, joint in _OF_FINGERS.items()}
"""Joints of bodies with fingers, for points that other bodies have under the first name, or as anchored points."""


@dataclass(frozen=True)
class _Anchor:
    """Where a point lies on bodies that have neither a joint nor a surface point of its name.

    Attributes:
        joint: at which it starts.
        carrier: the joint that it rides on.
        offset: of the left side's point from its joint in the mean body's rest pose: lateral, up, forward [m].
        is_scaled: whether the offset grows with the bone from carrier to joint. A hand of one size for all would tell a person's distance
            from the camera, wrongly: over the frames of a video, it moved the rendered example's body by 8 %.
    """

    joint: str
    carrier: str
    offset: tuple[float, float, float]
    is_scaled: bool


def _anchors(side: str) -> dict[str, _Anchor]:
    def knuckle(*offset: float) -> _Anchor:
        lateral, up, forward = offset
        return _Anchor(f"{side}_hand", f"{side}_wrist", (lateral, up, forward), is_scaled=True)

    return {
        # Annotators of COCO, LSP and OpenPose put the hip about here relative to SMPL's hip joint.
        f"{side}_hip_keypoint": _Anchor(f"{side}_hip", "pelvis", (-0.012, -0.022, 0.018), is_scaled=False),
        # The knuckles of MakeHuman's rig relative to the mean of four of them, SMPL's hand joint, in the mean of 400 adults in T-pose;
        # among them they vary by 9 %. The hand joint bends the fingers, so the knuckles are the wrist's.
        f"{side}_index_knuckle": knuckle(0.003, -0.002, 0.035),
        f"{side}_pinky_knuckle": knuckle(-0.008, -0.002, -0.031),
        f"{side}_thumb_knuckle": knuckle(-0.053, -0.024, 0.048),
    }


_ANCHORS = {name: anchor for side in SIDES for name, anchor in _anchors(side).items()}


@dataclass(frozen=True)
class PointTable:
    """The K keypoints of a layout as weighted sums of joints, vertices and points anchored to joints.

    Attributes:
        vertices: indices of the M0 mesh vertices that are needed.
        anchor_joints: the M1 joints at which anchored points start.
        anchor_offsets: (M1, 3) their rest offset from that joint, in the mean shape [m].
        anchor_bones: for each the joint at the other end of the bone with whose length the offset grows; None if it does not.
        anchor_lbs_weights: (M1, J) which joint they ride on.
        weights_of_joints: (K, J).
        weights_of_vertices: (K, M0 + M1).
        is_defined: (K,) False where the body lacks a point; its weights are zero.
    """

    vertices: list[int]
    anchor_joints: list[int]
    anchor_offsets: np.ndarray
    anchor_bones: list[int | None]
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
        carriers = [body.joint_names.index(_ANCHORS[name].carrier) for name in anchors]
        return cls(
            vertices=vertices,
            anchor_joints=[body.joint_names.index(_ANCHORS[name].joint) for name in anchors],
            anchor_offsets=np.array([_offset(name) for name in anchors]).reshape(-1, 3),
            anchor_bones=[
                carrier if _ANCHORS[name].is_scaled else None for name, carrier in zip(anchors, carriers, strict=True)
            ],
            anchor_lbs_weights=np.eye(body.num_joints)[carriers],
            weights_of_joints=by_joint,
            weights_of_vertices=weights,
            is_defined=is_defined,
        )


def has_point(body: SkinnedMesh, name: str) -> bool:
    """Whether this body defines a point: a joint, a surface point, or one anchored to its joints (annotated hips, knuckles)."""
    anchor = _ANCHORS.get(name)
    is_anchored = anchor is not None and {anchor.joint, anchor.carrier} <= set(body.joint_names)
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


def _offset(name: str) -> tuple[float, float, float]:
    lateral, up, forward = _ANCHORS[name].offset
    return (lateral if name.startswith("left_") else -lateral, up, forward)
