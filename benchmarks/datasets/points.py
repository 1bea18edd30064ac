"""Points of posed bodies, a few fixed sizes at a time: every size would compile for itself."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.cli.batches import BATCH_SIZES
from smplify_jax.keypoints.layouts import Layout


def batches(num_people: int) -> Iterator[np.ndarray]:
    """Indices of all people in batches of BATCH_SIZES; the last is filled up with its first, so its first rows are what counts."""
    for first in range(0, num_people, BATCH_SIZES[-1]):
        rows = np.arange(first, min(first + BATCH_SIZES[-1], num_people))
        size = next(size for size in BATCH_SIZES if size >= len(rows))
        yield np.concatenate([rows, np.full(size - len(rows), first)])


def body_points(body: BodyModel, layout: Layout, parameters: BodyParameters) -> np.ndarray:
    """(N, K, 3) float64 points of N bodies [m]; every field of `parameters` has the leading axis N."""
    num_people, found = len(parameters.betas), []
    for rows in batches(num_people):
        one = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf, np.float32)[rows], parameters)
        points = body.keypoints(
            betas=one.betas,
            global_orient=one.global_orient,
            body_pose=one.body_pose,
            transl=one.transl,
            layout=layout,
        )
        found.append(np.asarray(points, np.float64))
    # Only the last batch is filled up, so what is not a person comes after all people.
    return np.concatenate([np.empty((0, layout.num_keypoints, 3)), *found])[:num_people]
