"""Named surface points of SMPL's own meshes, which are recognised by their number of vertices.

Source: the vertex ids published with SMPL's Python package smplx (a test compares them where it is installed). SMPL and
SMPL-H share one mesh.
"""

from __future__ import annotations

import numpy as np

_SMPL_VERTICES = {
    "nose": 332,
    "right_eye": 6260,
    "left_eye": 2800,
    "right_ear": 4071,
    "left_ear": 583,
    "head_top": 411,
    "left_big_toe": 3216,
    "left_small_toe": 3226,
    "left_heel": 3387,
    "right_big_toe": 6617,
    "right_small_toe": 6624,
    "right_heel": 6787,
    "left_thumb_tip": 2746,
    "left_index_tip": 2319,
    "left_middle_tip": 2445,
    "left_ring_tip": 2556,
    "left_pinky_tip": 2673,
    "right_thumb_tip": 6191,
    "right_index_tip": 5782,
    "right_middle_tip": 5905,
    "right_ring_tip": 6016,
    "right_pinky_tip": 6133,
}

_SMPLX_VERTICES = {
    "nose": 9120,
    "right_eye": 9929,
    "left_eye": 9448,
    "right_ear": 616,
    "left_ear": 6,
    "left_big_toe": 5770,
    "left_small_toe": 5780,
    "left_heel": 8846,
    "right_big_toe": 8463,
    "right_small_toe": 8474,
    "right_heel": 8635,
    "left_thumb_tip": 5361,
    "left_index_tip": 4933,
    "left_middle_tip": 5058,
    "left_ring_tip": 5169,
    "left_pinky_tip": 5286,
    "right_thumb_tip": 8079,
    "right_index_tip": 7669,
    "right_middle_tip": 7794,
    "right_ring_tip": 7905,
    "right_pinky_tip": 8022,
}

VERTICES_BY_TOPOLOGY: dict[int, dict[str, int]] = {6890: _SMPL_VERTICES, 10475: _SMPLX_VERTICES}
"""From a mesh's number of vertices to the vertex of each named point."""


def surface_points(v_template: np.ndarray) -> dict[str, int]:
    """The vertex of each named surface point of a mesh.

    Args:
        v_template: (V, 3) rest vertices, y up.
    Returns:
        Point name to vertex; empty for a mesh that is not SMPL's or SMPL-X's. SMPL-X has no published vertex for the
        top of the head, so the highest one is taken, which is the same while the body stands upright in its rest pose.
    """
    known = VERTICES_BY_TOPOLOGY.get(len(v_template), {})
    if known and "head_top" not in known:
        return {**known, "head_top": int(np.argmax(v_template[:, 1]))}
    return dict(known)
