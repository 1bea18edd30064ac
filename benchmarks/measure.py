"""Errors of fitted bodies against known truth, and writing tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smplify_jax import BodyModel, FitResult
from smplify_jax.learn.people import People
from smplify_jax.metrics import pa_mpjpe

FAILURE_MM = 150.0
"""PA-MPJPE beyond which a fit counts as failed."""


def accuracy(result: FitResult, people: People, body: BodyModel) -> dict[str, np.ndarray]:
    """Per person: PA-MPJPE and MPJPE (pelvis-aligned) over the 24 joints [mm], and the 2D error of observed keypoints [% of height]."""
    truth = np.asarray(
        body.joints(
            betas=people.truth.betas,
            global_orient=people.truth.global_orient,
            body_pose=people.truth.body_pose,
            transl=people.truth.transl,
        ),
        np.float64,
    )
    fitted = np.asarray(result.joints, np.float64)
    from_pelvis = (fitted - fitted[:, :1]) - (truth - truth[:, :1])
    reprojection = np.asarray(result.reprojection_error_px, np.float64) / people.height_px[:, None]
    return {
        "pa_mpjpe_mm": np.array([1000 * pa_mpjpe(ours, true) for ours, true in zip(fitted, truth, strict=True)]),
        "mpjpe_mm": 1000 * np.linalg.norm(from_pelvis, axis=-1).mean(axis=1),
        "error_2d_percent": 100 * np.nanmedian(reprojection, axis=1),
    }


def summarize(errors: dict[str, np.ndarray], is_walking: np.ndarray) -> dict[str, float]:
    """One row of the table."""
    pa = errors["pa_mpjpe_mm"]
    return {
        "people": len(pa),
        "pa_mean": float(pa.mean()),
        "pa_median": float(np.median(pa)),
        "pa_mean_walking": float(pa[is_walking].mean()),
        "pa_mean_other": float(pa[~is_walking].mean()),
        "failed_percent": float(100 * (pa > FAILURE_MM).mean()),
        "mpjpe_median": float(np.median(errors["mpjpe_mm"])),
        "error_2d_percent": float(np.median(errors["error_2d_percent"])),
    }


def print_table(rows: Sequence[dict]) -> None:
    """Columns are the keys of the first row."""
    names = list(rows[0])
    cells = [names] + [[f"{row[n]:.2f}" if isinstance(row[n], float) else str(row[n]) for n in names] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def write_json(path: Path, rows: Sequence[dict]) -> None:
    """The same rows for a program."""
    path.write_text(json.dumps(list(rows), indent=2) + "\n")
