"""Fit recordings, and how far the fourteen joints are from their truth."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from benchmarks.datasets.points import body_points
from benchmarks.datasets.recording import Recording
from smplify_jax.body.model import BodyModel
from smplify_jax.body.points import undefined_keypoints
from smplify_jax.errors import InputError
from smplify_jax.fitting.fit import fit
from smplify_jax.geometry.metrics import pa_mpjpe


def joint_errors(points: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of each of N people.

    Args:
        points: (N, 15, 3) pelvis and fourteen joints of the fitted bodies [m]; NaN where there is no fit.
        truth: (N, 15, 3) the same of the true ones [m].
    Returns:
        mpjpe_mm: (N,) mean distance of the fourteen after moving the pelvis onto its truth; pa_mpjpe_mm: (N,) after the best similarity
        transform of the fourteen. NaN where there is no fit.
    """
    from_pelvis = (points - points[:, :1]) - (truth - truth[:, :1])
    is_fitted = np.isfinite(points).all(axis=(1, 2))
    aligned = np.full(len(points), np.nan)
    for person in np.flatnonzero(is_fitted):
        aligned[person] = 1000 * pa_mpjpe(points[person, 1:], truth[person, 1:])
    return {
        "mpjpe_mm": 1000 * np.linalg.norm(from_pelvis[:, 1:], axis=-1).mean(axis=1),
        "pa_mpjpe_mm": aligned,
    }


def fitted_points(recordings: Sequence[Recording], body: BodyModel, profile: str) -> list[np.ndarray]:
    """Fit everybody, each view for itself, with the true camera.

    Args:
        recordings: of one data set, so of one layout and one set of compared points.
        body: what is fitted.
        profile: the recipe.
    Returns:
        For each recording (N, 15, 3) the compared points of the fitted bodies in the camera frame [m]; NaN where there is no fit.
    Raises:
        InputError: the body lacks one of the compared points.
    """
    if not any(len(recording) for recording in recordings):
        return [np.empty_like(recording.truth) for recording in recordings]
    compared, layout = recordings[0].compared, recordings[0].layout
    missing = undefined_keypoints(body, compared)
    if missing:
        raise InputError(
            f"The body {body.name!r} does not define {', '.join(missing)}, which {compared.name} needs: use a body whose mesh is known, or "
            "give the regressor."
        )
    keypoints = np.concatenate([recording.keypoints for recording in recordings])
    cameras = jax.tree.map(lambda *fields: np.concatenate(fields), *(recording.camera for recording in recordings))
    result = fit(keypoints, layout=layout, camera=cameras, body=body, profile=profile)
    ends = np.cumsum([len(recording) for recording in recordings])
    return np.split(body_points(body, compared, result.parameters), ends[:-1])


def summarize(recordings: Sequence[Recording], points: Sequence[np.ndarray]) -> list[dict]:
    """One row for each group in the order of its first recording, and one for all: people fitted, not fitted and skipped, errors [mm].

    Args:
        recordings: what was read.
        points: for each of them the points that `fitted_points` gives.
    """
    errors = [joint_errors(found, one.truth) for found, one in zip(points, recordings, strict=True)]
    rows = []
    for group in [*dict.fromkeys(recording.group for recording in recordings), None]:
        members = [k for k, recording in enumerate(recordings) if group in (None, recording.group)]
        pooled = {name: np.concatenate([errors[k][name] for k in members]) for name in ("mpjpe_mm", "pa_mpjpe_mm")}
        row = {"group": "all" if group is None else group}
        rows.append(row | _row(pooled, sum(recordings[k].num_skipped for k in members)))
    return rows


def _row(errors: dict[str, np.ndarray], num_skipped: int) -> dict:
    is_fitted = np.isfinite(errors["mpjpe_mm"])
    row = {"people": int(is_fitted.sum()), "not_fitted": int((~is_fitted).sum()), "skipped": num_skipped}
    for name, values in errors.items():
        fitted = values[is_fitted]
        # None and not NaN where nobody was fitted: JSON has no NaN.
        row |= {f"{name}_mean": float(fitted.mean()) if fitted.size else None}
        row |= {f"{name}_median": float(np.median(fitted)) if fitted.size else None}
    return row
