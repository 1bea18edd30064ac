"""The left half of the skin, with the eye sockets and the mouth closed.

MakeHuman's skin continues behind the lids and the lips into deep pockets. A pocket is found from its hidden end: rings of
faces are added around the rearmost face until the rim is shortest, which is where the pocket opens. The faces behind the
rim are removed and the rim is closed: an eye by a fan to the front of the eyeball, the mouth by a strip between the lips.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from smplify_jax.learn.open_body.source import NUM_BODY_VERTICES, BaseMesh

SEED_RADIUS = 0.02
"""A pocket's rearmost face lies at most this far [m] to the sides of, above and below the pocket's centre."""
MAX_RINGS = 16


def closed_left_half(base: BaseMesh) -> tuple[np.ndarray, int]:
    """Triangles of the left half of the skin, a disk bounded by the midline.

    Returns:
        (F, 3) base vertex indices, outward winding, and the base vertex at the front of the left eye.
    """
    eyeball = base.groups["helper-l-eye"]
    centre = base.vertices[eyeball].mean(axis=0)
    front = eyeball[base.vertices[eyeball, 2] > centre[2]]
    # The eyeball is tilted, so its foremost vertex is not the pupil's middle.
    eye_front = int(front[np.argmin(np.linalg.norm((base.vertices[front] - centre)[:, :2], axis=1))])
    socket = _pocket(base, centre, lambda middle: np.abs(middle[:, 0] - centre[0]) < SEED_RADIUS)
    centre = base.vertices[base.groups["joint-tongue-1"]].mean(axis=0)
    mouth = _pocket(base, centre, lambda middle: np.abs(middle[:, 0]) < SEED_RADIUS)

    is_left = np.all((base.vertices[base.quads, 0] > 0) | (base.mirror[base.quads] == base.quads), axis=1)
    is_kept = is_left & ~socket & ~mouth
    triangles = [*_split_quads(base.vertices, base.quads[is_kept])]
    triangles += _fan(_rim(base.quads[socket]), eye_front)
    triangles += _zip_lips(base, _rim(base.quads[mouth]))
    return np.array(triangles), eye_front


def _pocket(base: BaseMesh, centre: np.ndarray, is_in_line) -> np.ndarray:
    """(Q,) true for the quads of the pocket around `centre`, up to its opening."""
    quads = base.quads
    middle = base.vertices[quads].mean(axis=1)
    is_seed = is_in_line(middle) & (np.abs(middle[:, 1] - centre[1]) < SEED_RADIUS) & (middle[:, 2] < centre[2])
    # A pocket's end is the frontmost face behind its centre; the back of the head lies farther back.
    is_seed &= middle[:, 2] > centre[2] - 1.2 * SEED_RADIUS
    seeds = np.flatnonzero(is_seed)
    is_inside = np.zeros(len(quads), dtype=bool)
    is_inside[seeds[middle[seeds, 2] < middle[seeds, 2].min() + 1e-6]] = True
    rings, rims = [], []
    for _ in range(MAX_RINGS):
        touched = np.zeros(NUM_BODY_VERTICES, dtype=bool)
        touched[quads[is_inside]] = True
        is_inside = touched[quads].any(axis=1)
        rim = np.array(list(_rim_edges(quads[is_inside])))
        rings.append(is_inside)
        rims.append(np.linalg.norm(base.vertices[rim[:, 0]] - base.vertices[rim[:, 1]], axis=1).sum())
    widest = int(np.argmax(rims[: MAX_RINGS // 2]))
    return rings[widest + int(np.argmin(rims[widest:]))]


def _rim_edges(quads: np.ndarray) -> list[tuple[int, int]]:
    """Directed edges of the quads that no neighbour among them shares."""
    edges = [(int(quad[k]), int(quad[(k + 1) % 4])) for quad in quads for k in range(4)]
    count = Counter(frozenset(edge) for edge in edges)
    return [edge for edge in edges if count[frozenset(edge)] == 1]


def _rim(quads: np.ndarray) -> list[int]:
    """The vertices of the rim in the order in which the quads run along it."""
    following = dict(_rim_edges(quads))
    rim = [next(iter(following))]
    while following[rim[-1]] != rim[0]:
        rim.append(following[rim[-1]])
    return rim


def _fan(rim: list[int], pole: int) -> list[tuple[int, int, int]]:
    return [(rim[k], rim[(k + 1) % len(rim)], pole) for k in range(len(rim))]


def _zip_lips(base: BaseMesh, rim: list[int]) -> list[tuple[int, int, int]]:
    """Triangles between the left halves of the two lips, from the corner of the mouth to the midline."""
    is_left = [base.vertices[i, 0] > 0 or base.mirror[i] == i for i in rim]
    start = next(k for k in range(len(rim)) if is_left[k] and not is_left[k - 1])
    left = [rim[(start + k) % len(rim)] for k in range(sum(is_left))]
    corner = max(range(len(left)), key=lambda k: base.vertices[left[k], 0])
    lips = left[corner::-1], left[corner:]
    triangles, at = [], [0, 0]
    while at[0] < len(lips[0]) - 1 or at[1] < len(lips[1]) - 1:
        lengths = [
            np.linalg.norm(base.vertices[lips[k][at[k] + 1]] - base.vertices[lips[1 - k][at[1 - k]]])
            if at[k] < len(lips[k]) - 1
            else np.inf
            for k in (0, 1)
        ]
        k = int(lengths[1] < lengths[0])
        here, ahead, across = lips[k][at[k]], lips[k][at[k] + 1], lips[1 - k][at[1 - k]]
        at[k] += 1
        if across != here:
            triangles.append((ahead, here, across) if k == 0 else (here, ahead, across))
    return triangles


def _split_quads(vertices: np.ndarray, quads: np.ndarray) -> list[tuple[int, int, int]]:
    """Two triangles per quad, along the shorter diagonal."""
    triangles = []
    for a, b, c, d in quads.tolist():
        if np.sum((vertices[a] - vertices[c]) ** 2) <= np.sum((vertices[b] - vertices[d]) ** 2):
            triangles += [(a, b, c), (a, c, d)]
        else:
            triangles += [(a, b, d), (b, c, d)]
    return triangles
