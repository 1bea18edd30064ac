"""Weights that keep long clips, repeated actions and walking from dominating what is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.mocap.poses import PoseSet


@dataclass(frozen=True)
class Balance:
    """How much a group of poses may weigh.

    Attributes:
        free_frames: what one actor's repetitions of one action weigh grows with their number up to here, and with the
            square root of it beyond.
        walking_share: share of walking, jogging and running in the whole; motion capture has far more of it.
    """

    free_frames: float = 40.0
    walking_share: float = 0.25

    def weights(self, poses: PoseSet) -> np.ndarray:
        """(N,) weight of each pose, mean one."""
        weights = np.ones(len(poses))
        groups = np.char.add(np.char.add(poses.subjects, "|"), poses.actions)
        _, group = np.unique(groups, return_inverse=True)
        totals = np.bincount(group, weights)
        excess = np.maximum(totals / self.free_frames, 1.0)
        weights = weights / np.sqrt(excess)[group]
        walking = poses.is_walking
        walked, rest = weights[walking].sum(), weights[~walking].sum()
        if walked > 0 and rest > 0 and walked / (walked + rest) > self.walking_share:
            weights[walking] *= self.walking_share / (1.0 - self.walking_share) * rest / walked
        return weights / weights.mean()
