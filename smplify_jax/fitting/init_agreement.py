"""What a network's predictions for a person add to what the keypoints tell: less if both agree more, or less, than independent errors do.

In one number of the pose let the prediction x err by s, as `init_error` tells, and the proposal p of the keypoints by q. Independent errors
make E (x - p)^2 = s^2 + q^2. Over all numbers and frames of a person the differences show two deviations from it:

- They are larger: the prediction errs by more than is told. s^2 is multiplied by the factor that explains them.
- They are smaller: the errors are alike, with a covariance c = r s q. Networks that know little predict nearly the mean pose, and so do
  the proposals for what the keypoints do not show; their agreement is no evidence. The weights of the best mean of two such numbers are as
  q^2 - c to s^2 - c, which is that of independent ones if the prediction has the precision

      (q^2 - c) / (s^2 - c) / q^2,    at most 1 / s^2;

  it is zero where the prediction knows nothing that the proposal does not know.
Source: for the best mean of two correlated numbers, Bar-Shalom and Campo 1986, "The effect of the common process noise on the two-sensor
fused-track covariance".
"""

from __future__ import annotations

import dataclasses

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.proposal.propose import Proposal
from smplify_jax.terms.anchor import Anchor

_LARGEST_DIFFERENCE = 1.0
"""[rad] Larger differences count as this: axis-angle vectors near half a turn may differ by a whole one."""

_USUAL_FACTOR = 1.4
"""By how much the variances of errors like networks' are larger than `init_errors` tells: with these the fits of pictures are best."""

_LARGEST_FACTOR = 1000.0
_NUM_BISECTIONS = 30


def as_informative(
    anchor: Anchor, proposals: Proposal, is_known: np.ndarray, *, num_people: int = 1, num_shapes: float = 1.0
) -> Anchor:
    """The anchor around predictions, with the precisions of what they add to the proposals.

    Args:
        anchor: (N, ...) around the predictions, as precise as is told.
        proposals: (N, ...) of the keypoints.
        is_known: (N,) rows that have both.
        num_people: of whom all rows are, each with as many rows as the others, one after the other.
        num_shapes: how many times the shape of each person counts as evidence; a network repeats itself, and counts once.
    """
    told = np.asarray(anchor.pose_scale, np.float64) ** 2
    claimed = np.asarray(proposals.std_pose, np.float64) ** 2
    difference = np.asarray(anchor.body_pose, np.float64) - np.asarray(proposals.parameters.body_pose)
    used = is_known[:, None] & (told > 0) & _is_predicted(told.shape[1])

    def of_people(values: np.ndarray) -> np.ndarray:
        return np.where(used, values, 0.0).reshape(num_people, -1)

    # What is not used has no weight: a variance of zero, and as large a difference.
    variances = of_people(1.0 / np.maximum(told, 1e-12)), of_people(claimed)
    squared = of_people(np.minimum(difference**2, _LARGEST_DIFFERENCE**2))
    factor, correlation = (
        np.repeat(one, len(told) // num_people)[:, None]
        for one in (_factor(*variances, squared), _correlation(*variances, squared))
    )
    precision = _added(told / np.maximum(factor / _USUAL_FACTOR, 1.0), claimed, correlation)
    return dataclasses.replace(
        anchor,
        pose_scale=np.sqrt(precision).astype(np.float32),
        betas_scale=np.asarray(anchor.betas_scale) / np.float32(np.sqrt(num_shapes)),
    )


def _is_predicted(num_pose: int) -> np.ndarray:
    """(n,) numbers of the pose that keypoints or pictures show: networks leave hands as they are, and agree on them."""
    return np.repeat(["hand" not in name for name in SMPL_JOINT_NAMES[1 : num_pose // 3 + 1]], 3)


def _factor(told: np.ndarray, claimed: np.ndarray, squared: np.ndarray) -> np.ndarray:
    """(G,) what to multiply the told variances (G, m) by, so that the squared differences are most likely."""
    low, high = np.full(len(told), 1.0 / _LARGEST_FACTOR), np.full(len(told), _LARGEST_FACTOR)
    for _ in range(_NUM_BISECTIONS):
        middle = np.sqrt(low * high)
        own = middle[:, None] * told
        total = np.maximum(own + claimed, 1e-12)
        is_larger = np.sum(own / total * (squared / total - 1.0) * (own > 0), axis=1) > 0
        low, high = np.where(is_larger, middle, low), np.where(is_larger, high, middle)
    return low


def _correlation(told: np.ndarray, claimed: np.ndarray, squared: np.ndarray) -> np.ndarray:
    """(G,) r from 0 to 1, from variances and squared differences (G, m)."""
    total = np.maximum(told + claimed, 1e-12)
    missing = np.sum((total - squared) / total * (told > 0), axis=1)
    most = np.sum(2.0 * np.sqrt(told * claimed) / total, axis=1)
    return np.clip(missing / np.maximum(most, 1e-12), 0.0, 1.0)


def _added(told: np.ndarray, claimed: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """(N, n) precisions of what predictions add, from their own as told and the proposals' variances."""
    variance = 1.0 / np.maximum(told, 1e-12)
    covariance = correlation * np.sqrt(variance * claimed)
    own, other = variance - covariance, claimed - covariance
    # Where the prediction is the better one, it counts as told.
    added = np.maximum(other, 0.0) / np.maximum(own, 1e-12) / np.maximum(claimed, 1e-12)
    return np.where(own > other, np.where(told > 0, added, 0.0), told)
