"""Ridge regression from betas, with the strength chosen by cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge strengths to choose from; betas have variance one, so n samples have weight n against the ridge."""

_NUM_FOLDS = 8


@dataclass(frozen=True)
class Regression:
    """A linear map from betas to T numbers.

    Attributes:
        rows: (B + 1, T): a row per beta and, last, the constant.
        held_out: (T,) root mean square error on held-out samples.
        strength: the ridge strength of least held-out error.
    """

    rows: np.ndarray
    held_out: np.ndarray
    strength: float


def ridge(betas: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    """Rows (B + 1, T) that minimise sum |[betas, 1] rows - targets|² + strength |rows of the betas|²; the constant is free.

    Args:
        betas: (S, B).
        targets: (S, T).
        strength: not negative.
    """
    padded = np.column_stack([betas, np.ones(len(betas))])
    penalty = strength * np.diag(np.append(np.ones(betas.shape[1]), 0.0))
    return np.linalg.solve(padded.T @ padded + penalty, padded.T @ targets)


def cross_validated_ridge(betas: np.ndarray, targets: np.ndarray) -> Regression:
    """The ridge of the best strength, learned from all samples.

    Args:
        betas: (S, B).
        targets: (S, ...).
    Returns:
        A regression whose arrays have the targets' trailing shape.
    """
    flat = targets.reshape(len(targets), -1).astype(np.float64)
    errors = {strength: _held_out_error(betas, flat, strength) for strength in STRENGTHS}
    best = min(errors, key=lambda strength: float((errors[strength] ** 2).mean()))
    rows = ridge(betas, flat, best)
    shape = targets.shape[1:]
    return Regression(rows.reshape(-1, *shape), errors[best].reshape(shape), best)


def _held_out_error(betas: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    fold = np.arange(len(betas)) % _NUM_FOLDS
    missed = np.empty_like(targets)
    for k in range(_NUM_FOLDS):
        rows = ridge(betas[fold != k], targets[fold != k], strength)
        missed[fold == k] = betas[fold == k] @ rows[:-1] + rows[-1] - targets[fold == k]
    return np.sqrt((missed**2).mean(axis=0))
