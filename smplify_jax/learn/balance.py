"""Weights that keep long clips, repeated actions and walking from dominating the training data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.mocap.poses import PoseSet


@dataclass(frozen=True)
class Balance:
    """Limits on the weights of groups of poses.

    Attributes:
        free_frames: the weight of one actor's repetitions of one action grows with their number up to here, and with its
            square root beyond.
        walking_share: maximum share of walking, jogging and running; motion capture has far more of it.
    """

    free_frames: float = 40.0
    walking_share: float = 0.25

    def weights(self, poses: PoseSet) -> np.ndarray:
        """Weights (N,) of the poses, with mean one."""
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
