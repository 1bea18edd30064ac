"""Fits of people whose true bodies are known: how they look to the quality score, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.quality.score import GOOD_MM
from smplify_jax.result import FitResult, FitStatus

SHARES = {
    "usual": 0.50,
    "rotated": 0.05,
    "recombined": 0.08,
    "recombined and rotated": 0.05,
    "rare": 0.15,
    "two people": 0.15,
    "wrong order": 0.02,
}
"""What the groups count for in the calibration, however many are fitted: without unusual people the score believes any fit of theirs
whose keypoints fit well, and as many of them as of usual ones would make it doubt everybody."""


@dataclass(frozen=True)
class Fits:
    """Fits of known people.

    Attributes:
        numbers: (N, F) quality features, from `QualityFeatures.vector`.
        is_good: (N,) whether PA-MPJPE is below GOOD_MM.
        std_ratio: (N,) root mean square of the joints' errors relative to the pelvis, over that of their posterior standard deviations.
        group: (N,) the name in GROUPS.
    """

    numbers: np.ndarray
    is_good: np.ndarray
    std_ratio: np.ndarray
    group: np.ndarray

    def weight(self) -> np.ndarray:
        """(N,) what each counts for, 1 on average: every group as much as its share among those that are there."""
        names, index, counts = np.unique(self.group, return_inverse=True, return_counts=True)
        weight = (np.array([SHARES[name] for name in names]) / counts)[index]
        return weight / weight.mean()

    def of(self, group: str) -> Fits:
        """Those of one group."""
        return Fits(*(getattr(self, name)[self.group == group] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: Sequence[Fits]) -> Fits:
        """All of several."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    @classmethod
    def against(cls, result: FitResult, std: np.ndarray, truth: np.ndarray, group: str) -> Fits:
        """Compare the usable bodies of a result with the truth.

        Args:
            result: N people, or tracks and their frames.
            std: (..., 24, 3) standard deviations of their joints, before they are scaled [m].
            truth: (..., 24, 3) joints [m].
            group: its name.
        """
        features = np.asarray(result.quality_features.vector(), np.float64)
        features = features.reshape(-1, features.shape[-1])
        is_usable = np.isin(np.ravel(result.status), [status for status in FitStatus if status.is_usable])
        is_usable &= np.isfinite(features).all(axis=-1)
        joints, std, truth = (
            np.asarray(array, np.float64).reshape(-1, *np.shape(array)[-2:])[is_usable]
            for array in (result.joints, std, truth)
        )
        errors = [1000 * pa_mpjpe(*pair) for pair in zip(joints, truth, strict=True)]
        ratio = _std_ratio(joints, std, truth)
        return cls(features[is_usable], np.array(errors) < GOOD_MM, ratio, np.full(len(joints), group))


def _std_ratio(joints: np.ndarray, std: np.ndarray, truth: np.ndarray) -> np.ndarray:
    errors = (joints - joints[:, :1]) - (truth - truth[:, :1])
    return np.sqrt((errors**2).sum(axis=(1, 2)) / (std**2).sum(axis=(1, 2)))
