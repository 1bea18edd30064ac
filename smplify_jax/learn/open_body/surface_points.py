"""Named points on the skin, for keypoints that are no joints: each a weighted mean of a few vertices."""

from __future__ import annotations

import numpy as np

from smplify_jax.learn.open_body.joint_regressor import convex_weights
from smplify_jax.learn.open_body.joints import LEFT_AND_MIDDLE
from smplify_jax.learn.open_body.source import BaseMesh, Rig

FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
HIP_KEYPOINT_OFFSET = np.array([-0.010, -0.012, 0.018])
"""Hip as annotators of COCO, OpenPose and LSP mean it, from our left hip joint [m]."""
HIP_KEYPOINT_VERTICES = 8
EAR_RADIUS = 0.012
"""Vertices this near [m] to the ear's middle are averaged."""


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


def ear_vertices(rest: np.ndarray, is_head: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Indices of the left half's vertices around the middle of the ear's outer side."""
    head = np.flatnonzero(is_head)
    # The ears are all that is wider than the skull.
    widest = head[np.argsort(-rest[head, 0], kind="stable")[:25]]
    centre = rest[widest].mean(axis=0)
    near = head[np.linalg.norm(rest[head] - centre, axis=1) < EAR_RADIUS]
    return near if len(near) else widest[:1]


def hip_weights(shapes: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the left half and their weights whose mean is the annotators' left hip, inside the body.

    Args:
        shapes: (S, N, 3) T-posed left halves [m].
        joints: (S, 15, 3) their joints [m].
    """
    scale = np.ptp(shapes[..., 1], axis=1) / np.ptp(shapes[..., 1], axis=1).mean()
    place = joints[:, LEFT_AND_MIDDLE.index("left_hip")] + scale[:, None] * HIP_KEYPOINT_OFFSET
    mean = shapes.mean(axis=0)
    near = np.argsort(np.linalg.norm(mean - place.mean(axis=0), axis=1), kind="stable")[:260]
    weights = convex_weights(shapes[:, near], place)
    best = np.argsort(-weights, kind="stable")[:HIP_KEYPOINT_VERTICES]
    return near[best], convex_weights(shapes[:, near[best]], place)
