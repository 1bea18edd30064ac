"""Joints from the skin: non-negative weights on nearby vertices that sum to one."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from smplify_jax.learn.open_body.joints import LEFT_AND_MIDDLE

NUM_CANDIDATES = 400
"""Number of vertices nearest to a joint that may get a weight."""
NUM_NARROW_CANDIDATES = 200
NARROW = ("left_knee", "left_ankle", "left_foot", "left_wrist", "left_hand")
"""Joints closely surrounded by a ring of skin; fewer vertices keep them independent of the limb's adjacent parts."""
NUM_SAMPLES = 800
"""Number of adults to learn from; more do not change the weights."""
MEAN_SHAPE_WEIGHT = 10.0
"""Weight of the mean shape's residual relative to the population's rms, so that the T-pose of beta = 0 is exact."""
SUM_WEIGHT = 10.0
"""[m] Weight of the condition that the weights sum to one; the remaining deviation is normalised away."""
RIDGE = 1e-3
"""[m] Distributes a joint over many vertices where few would not fit the population better."""


def learn_regressor(shapes: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Weights of the joints `LEFT_AND_MIDDLE` on the vertices of the left half.

    Args:
        shapes: (S, N, 3) T-posed left halves [m].
        joints: (S, 15, 3) their joints [m].
    Returns:
        (15, N). A middle joint's weight on a vertex stands for that vertex and its mirror image together.
    """
    mean = shapes.mean(axis=0)
    shapes, joints = shapes[:NUM_SAMPLES], joints[:NUM_SAMPLES]
    rows = np.zeros((len(LEFT_AND_MIDDLE), shapes.shape[1]))
    for k, name in enumerate(LEFT_AND_MIDDLE):
        is_left = name.startswith("left_")
        axes = [0, 1, 2] if is_left else [1, 2]
        place = joints[:, k]
        count = NUM_NARROW_CANDIDATES if name in NARROW else NUM_CANDIDATES
        near = np.argsort(np.linalg.norm(mean - place.mean(axis=0), axis=1), kind="stable")[:count]
        rows[k, near] = convex_weights(shapes[:, near][:, :, axes], place[:, axes])
    return rows


def convex_weights(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Non-negative weights (n,) with sum one for which the points' weighted mean is nearest to the place.

    Args:
        points: (S, n, d) [m].
        place: (S, d) [m].
    """
    num_samples, num_points, _ = points.shape
    # Relative to the place the target is zero, and only the condition on the sum keeps the weights from vanishing.
    relative = np.swapaxes(points - place[:, None], 1, 2).reshape(-1, num_points) / np.sqrt(num_samples)
    centre = MEAN_SHAPE_WEIGHT * (points.mean(axis=0) - place.mean(axis=0)).T
    sum_row = np.full((1, num_points), SUM_WEIGHT)
    rows = np.concatenate([relative, centre, RIDGE * np.eye(num_points), sum_row])
    target = np.zeros(len(rows))
    target[-1] = SUM_WEIGHT
    # The triangular factor has the same least-squares problem in as many rows as there are points.
    factor = np.asarray(np.linalg.qr(np.column_stack([rows, target]), mode="r"))
    weights, _ = nnls(factor[:, :-1], factor[:, -1])
    return weights / weights.sum()
