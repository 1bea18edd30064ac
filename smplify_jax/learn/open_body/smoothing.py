"""Smoothing of the skin where straightening the A-pose's bent elbow leaves a dent."""

from __future__ import annotations

import numpy as np
from scipy import sparse

NUM_STEPS = 6
SHRINK, GROW = 0.6, -0.63
"""Taubin's lambda and mu: each smoothing step is followed by one that restores the volume (Taubin, SIGGRAPH 1995)."""


def hinge_share(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Membership (N,) of each vertex in the hinge of two bones with these weights: 1 where they are equal."""
    return np.clip(4.0 * above * below, 0.0, 1.0)


def smooth(shapes: np.ndarray, triangles: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Smooth vertices in proportion to their share.

    Args:
        shapes: (S, N, 3) left halves [m].
        triangles: (F, 3).
        share: (N,) amount of smoothing; 0 leaves a vertex unchanged.
    """
    step = _smoothing_matrix(triangles, share)
    moving = np.flatnonzero(np.diff(step.indptr) > 1)
    near = np.unique(step[moving].indices)
    local = step[near][:, near]
    smoothed = shapes.copy()
    # All samples at once: (n, S * 3).
    columns = np.moveaxis(shapes[:, near], 1, 0).reshape(len(near), -1)
    smoothed[:, near] = np.moveaxis((local @ columns).reshape(len(near), -1, 3), 0, 1)
    return smoothed


def _smoothing_matrix(triangles: np.ndarray, share: np.ndarray) -> sparse.csr_matrix:
    """All steps in one matrix (N, N), whose rows sum to one."""
    num_vertices = len(share)
    rows = triangles[:, [0, 1, 1, 2, 2, 0]].ravel()
    columns = triangles[:, [1, 0, 2, 1, 0, 2]].ravel()
    joined = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(num_vertices, num_vertices))
    joined.data[:] = 1.0
    mean = sparse.diags(1.0 / np.asarray(joined.sum(axis=1)).ravel()) @ joined
    laplacian = sparse.diags(share) @ (mean - sparse.identity(num_vertices))
    one = sparse.identity(num_vertices)
    total = one.tocsr()
    for _ in range(NUM_STEPS):
        total = (one + GROW * laplacian) @ ((one + SHRINK * laplacian) @ total)
    return sparse.csr_matrix(total)
