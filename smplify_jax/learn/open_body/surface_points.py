"""Named points on the skin, for keypoints that are not joints: each is a weighted mean of a few vertices."""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.open_body.adults import Adults
from smplify_jax.learn.open_body.joint_regressor import convex_weights
from smplify_jax.learn.open_body.joints import LEFT_AND_MIDDLE
from smplify_jax.learn.open_body.source import BaseMesh, Rig
from smplify_jax.learn.open_body.topology import Half

FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
HIP_KEYPOINT_OFFSET = np.array([0.0135, -0.012, 0.018])
"""Hip as marked by annotators of COCO, OpenPose and LSP, relative to our left hip joint [m].

Measured: 25 annotated people who face the camera have hips 0.60 times as far apart as shoulders (median), and a
calibrated triangulation of detections of one person of 1.71 m has them 0.21 m apart, at 0.51 of stature and 0.04 m in
front of the shoulders.
"""
NUM_HIP_CANDIDATES, NUM_HIP_VERTICES = 260, 8
NUM_WIDEST = 25
EAR_CENTRE_OFFSET = np.array([-0.003, 0.0, 0.009])
"""Middle of the ear relative to the mean of the `NUM_WIDEST` widest vertices of the head, which lie on its rear rim [m]."""
NUM_EAR_VERTICES = 6


def point_vertices(base: BaseMesh, rig: Rig) -> dict[str, int]:
    """Base vertices of the left and middle points that are single vertices."""
    vertices = base.vertices
    is_skin = np.zeros(len(vertices), dtype=bool)
    is_skin[np.unique(base.quads)] = True
    is_midline = is_skin & (base.mirror == np.arange(len(vertices)))

    def acted_on(bone: str) -> np.ndarray:
        indices, values = rig.weights[bone]
        return indices[(values > 0.5) & is_skin[indices]]

    def extreme(candidates: np.ndarray, direction) -> int:
        return int(candidates[np.argmax(vertices[candidates] @ np.asarray(direction, dtype=float))])

    mouth = vertices[base.groups["joint-mouth"]].mean(axis=0)
    middle = np.flatnonzero(is_midline)
    lip = mouth[1] - 0.03
    points = {
        "nose": extreme(middle[vertices[middle, 1] > mouth[1] - 0.02], [0, 0, 1]),
        "head_top": extreme(middle, [0, 1, 0]),
        "chin": extreme(middle[np.abs(vertices[middle, 1] - lip + 0.025) < 0.03], [0, -0.6, 1]),
        "left_big_toe": extreme(acted_on("toe1-2.L"), [0, 0, 1]),
        "left_small_toe": extreme(acted_on("toe5-3.L"), [0, 0, 1]),
        "left_heel": extreme(acted_on("foot.L"), [0, -0.35, -1]),
    }
    for finger, k in FINGERS.items():
        tip = vertices[base.groups[f"joint-l-finger-{k}-4"]].mean(axis=0)
        before = vertices[base.groups[f"joint-l-finger-{k}-3"]].mean(axis=0)
        points[f"left_{finger}_tip"] = extreme(acted_on(f"finger{k}-3.L"), tip - before)
    return points


def surface_points(
    half: Half, single: dict[str, int], lbs_weights: np.ndarray, adults: Adults
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Vertices of the left half, and their weights, of every left and middle point.

    Args:
        half: the mesh.
        single: from `point_vertices`.
        lbs_weights: (N, 24).
        adults: bodies on which the points that lie inside are learned.
    """
    number = {int(index): k for k, index in enumerate(half.base_index)}
    points = {name: (np.array([number[index]]), np.ones(1)) for name, index in single.items()}
    points["left_eye"] = np.array([half.eye_front]), np.ones(1)
    ear = _ear_vertices(adults.shapes.mean(axis=0), lbs_weights[:, SMPL_JOINT_NAMES.index("head")] > 0.9)
    points["left_ear"] = ear, np.full(len(ear), 1.0 / len(ear))
    points["left_hip_keypoint"] = _hip_keypoint(adults.shapes, adults.joints)
    return points


def _ear_vertices(rest: np.ndarray, is_head: np.ndarray) -> np.ndarray:
    """Indices of the left half's vertices around the middle of the ear."""
    head = np.flatnonzero(is_head)
    # Only the ears are wider than the skull.
    widest = head[np.argsort(-rest[head, 0], kind="stable")[:NUM_WIDEST]]
    distance = np.linalg.norm(rest[head] - rest[widest].mean(axis=0) - EAR_CENTRE_OFFSET, axis=1)
    return head[np.argsort(distance, kind="stable")[:NUM_EAR_VERTICES]]


def _hip_keypoint(shapes: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and weights whose mean is the annotators' left hip, which lies inside the body.

    Args:
        shapes: (S, N, 3) T-posed left halves [m].
        joints: (S, 15, 3) their joints [m].
    """
    stature = np.ptp(shapes[..., 1], axis=1)[:, None]
    place = joints[:, LEFT_AND_MIDDLE.index("left_hip")] + stature / stature.mean() * HIP_KEYPOINT_OFFSET
    distance = np.linalg.norm(shapes.mean(axis=0) - place.mean(axis=0), axis=1)
    near = np.argsort(distance, kind="stable")[:NUM_HIP_CANDIDATES]
    weights = convex_weights(shapes[:, near], place)
    best = near[np.argsort(-weights, kind="stable")[:NUM_HIP_VERTICES]]
    return best, convex_weights(shapes[:, best], place)
