"""What a user should know before using somebody's bodies, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.quality.score import GOOD_MM
from smplify_jax.result.status import MAX_ERROR_2D, FitStatus

LOW_QUALITY = 0.5
"""Below it a fit is more often wrong than right."""

UNCERTAIN_M = 0.15
"""[m] Standard deviation of a joint beyond which it is named: about the length of a hand."""

_MAX_NAMED = 4


def warnings_of(result: Any, keypoint_names: Sequence[str]) -> list[str]:
    """Sentences about one person: statuses, quality, keypoints that the fit misses, joints whose place is uncertain.

    Args:
        result: a `FitResult` with a leading axis of T frames, as NumPy arrays.
        keypoint_names: K names.
    """
    statuses = [FitStatus(int(code)) for code in result.status]
    used = np.array([status.is_usable for status in statuses])
    found = [_of_statuses(statuses)]
    if used.any():
        found += [
            _of_quality(np.asarray(result.quality)[used]),
            _of_errors(result, used, keypoint_names),
            _of_uncertainty(np.asarray(result.joints_std)[used]),
        ]
    return [sentence for sentence in found if sentence]


def _of_statuses(statuses: Sequence[FitStatus]) -> str:
    odd = [status for status in statuses if status != FitStatus.CONVERGED]
    if not odd:
        return ""
    if len(statuses) == 1:
        return odd[0].sentence
    counts = [f"{odd.count(status)} of {len(statuses)} frames: {status.sentence}" for status in dict.fromkeys(odd)]
    return " ".join(counts)


def _of_quality(quality: np.ndarray) -> str:
    known = quality[np.isfinite(quality)]
    low = known[known < LOW_QUALITY]
    if not low.size:
        return ""
    if len(quality) == 1:
        return f"The quality is {float(low[0]):.2f}: more likely than not, the joints are off by more than {GOOD_MM:.0f} mm on average."
    return f"In {low.size} of {len(quality)} frames the quality is below {LOW_QUALITY:g}."


def _of_errors(result: Any, used: np.ndarray, keypoint_names: Sequence[str]) -> str:
    """Of one camera: with several, nothing says how tall a person is in each."""
    errors = np.asarray(result.reprojection_error_px)
    if errors.ndim != 2 or errors.shape[1] != len(keypoint_names):
        return ""
    shares = errors[used] / np.asarray(result.person_height_px)[used, None]
    return _named(
        _typical(shares),
        keypoint_names,
        MAX_ERROR_2D,
        lambda name, share: f"{name} ({100 * share:.0f} %)",
        f"The fit misses keypoints by more than {100 * MAX_ERROR_2D:.0f} % of the person's height:",
    )


def _of_uncertainty(joints_std: np.ndarray) -> str:
    return _named(
        _typical(np.sqrt((joints_std**2).sum(axis=-1))),
        SMPL_JOINT_NAMES,
        UNCERTAIN_M,
        lambda name, deviation: f"{name} ({100 * deviation:.0f} cm)",
        "The keypoints hardly say where these joints are (standard deviation):",
    )


def _typical(values: np.ndarray) -> np.ndarray:
    """The median over frames of what is known; NaN where nothing is."""
    known = np.where(np.isfinite(values).any(axis=0), values, 0.0)
    medians = np.nanmedian(known, axis=0)
    return np.where(np.isfinite(values).any(axis=0), medians, np.nan)


def _named(values: np.ndarray, names: Sequence[str], limit: float, entry: Any, sentence: str) -> str:
    """The sentence with the names of the largest values beyond the limit; empty without any."""
    far = [int(k) for k in np.argsort(-np.nan_to_num(values)) if values[k] > limit]
    if not far:
        return ""
    named = ", ".join(entry(names[k].replace("_", " "), float(values[k])) for k in far[:_MAX_NAMED])
    more = f" and {len(far) - _MAX_NAMED} more" if len(far) > _MAX_NAMED else ""
    return f"{sentence} {named}{more}."
