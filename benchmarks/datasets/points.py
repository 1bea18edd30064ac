"""Points of posed bodies, a few fixed sizes at a time."""

from __future__ import annotations

import jax
import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.execution.batching import padded_batches
from smplify_jax.keypoints.layouts import Layout


def body_points(body: BodyModel, layout: Layout, parameters: BodyParameters) -> np.ndarray:
    """(N, K, 3) float64 points of N bodies [m]; every field of `parameters` has the leading axis N."""
    found = [np.empty((0, layout.num_keypoints, 3))]
    for rows, is_person in padded_batches(len(parameters.betas)):
        some = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf, np.float32)[rows], parameters)
        found.append(np.asarray(body.keypoints(**some.blocks(), layout=layout), np.float64)[is_person])
    return np.concatenate(found)
