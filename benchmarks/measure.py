"""Errors of fitted bodies against ground truth, and output of tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax import BodyModel, FitResult
from smplify_jax.body.part_pairs import PAPER_PAIRS
from smplify_jax.body.penetration import penetration_depth
from smplify_jax.geometry.metrics import similarity_aligned
from smplify_jax.geometry.skeleton import SIDES, SMPL_JOINT_NAMES
from smplify_jax.learn.people import People

FAILURE_MM = 150.0
"""PA-MPJPE above which a fit counts as failed."""


OVERLAP_MM = 20.0
"""A body counts as self-penetrating if capsules of the paper's pairs of parts overlap deeper than this."""


def accuracy(result: FitResult, people: People, body: BodyModel) -> dict[str, np.ndarray]:
    """Measurements (N,) of each person, by name.

    PA-MPJPE and MPJPE (pelvis-aligned) over the 24 joints [mm]; of the same alignment, the error without the hand joints, that of the hand
    joints and that of the wrists [mm]; shape: mean distance of vertices in the T-pose [mm]; median 2D error of
    observed keypoints [% of height]; depth of self-penetration [mm]; quality score; number of steps; whether the person walks.
    """
    truth = np.asarray(body.joints(**people.truth.blocks()), np.float64)
    fitted = np.asarray(result.joints, np.float64)
    from_pelvis = (fitted - fitted[:, :1]) - (truth - truth[:, :1])
    reprojection = np.asarray(result.reprojection_error_px, np.float64) / people.height_px[:, None]
    depth = penetration_depth(body, betas=result.betas, body_pose=result.body_pose, pairs=PAPER_PAIRS)
    aligned = np.stack([similarity_aligned(ours, true) for ours, true in zip(fitted, truth, strict=True)])
    errors_mm = 1000 * np.linalg.norm(aligned - truth, axis=-1)
    hands, wrists = ([SMPL_JOINT_NAMES.index(f"{side}_{name}") for side in SIDES] for name in ("hand", "wrist"))
    return {
        "pa_mpjpe_mm": errors_mm.mean(axis=1),
        "pa_without_hands_mm": np.delete(errors_mm, hands, axis=1).mean(axis=1),
        "hands_mm": errors_mm[:, hands].mean(axis=1),
        "wrists_mm": errors_mm[:, wrists].mean(axis=1),
        "mpjpe_mm": 1000 * np.linalg.norm(from_pelvis, axis=-1).mean(axis=1),
        "shape_mm": 1000
        * np.linalg.norm(t_posed(body, result.betas) - t_posed(body, people.truth.betas), axis=-1).mean(axis=1),
        "error_2d_percent": 100 * np.nanmedian(reprojection, axis=1),
        "overlap_mm": 1000 * np.asarray(depth),
        "quality": np.asarray(result.quality),
        "steps": np.asarray(result.num_steps),
        "is_walking": np.asarray(people.poses.is_walking),
    }


def t_posed(body: BodyModel, betas: ArrayLike) -> np.ndarray:
    """Vertices (N, V, 3) in the T-pose of betas (N, B), with the pelvis at the origin [m]."""
    betas = np.asarray(betas)
    rest = {
        "global_orient": np.zeros((len(betas), 3)),
        "body_pose": np.zeros((len(betas), 69)),
        "transl": np.zeros((len(betas), 3)),
    }
    vertices = np.asarray(body.vertices(betas=betas, **rest))
    return vertices - np.asarray(body.joints(betas=betas, **rest))[:, :1]


def joined(errors: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Combine the measurements of several sets of people."""
    return {name: np.concatenate([one[name] for one in errors]) for name in errors[0]}


def summarize(errors: dict[str, np.ndarray]) -> dict[str, float]:
    """One row of the table."""
    pa, is_walking = errors["pa_mpjpe_mm"], errors["is_walking"]
    return {
        "people": len(pa),
        "pa_mean": float(pa.mean()),
        "pa_median": float(np.median(pa)),
        "failed_percent": float(100 * (pa > FAILURE_MM).mean()),
        "pa_walking": float(pa[is_walking].mean()) if is_walking.any() else float("nan"),
        "pa_other": float(pa[~is_walking].mean()),
        "pa_without_hands": float(errors["pa_without_hands_mm"].mean()),
        "hands_mm": float(errors["hands_mm"].mean()),
        "wrists_mm": float(errors["wrists_mm"].mean()),
        "mpjpe_mean": float(errors["mpjpe_mm"].mean()),
        "shape_mm": float(errors["shape_mm"].mean()),
        "error_2d_percent": float(np.median(errors["error_2d_percent"])),
        "overlap_percent": float(100 * (errors["overlap_mm"] > OVERLAP_MM).mean()),
        "steps": float(errors["steps"].mean()),
    }


def print_table(rows: Sequence[dict]) -> None:
    """Print rows as a table; the columns are the keys of the first row."""
    names = list(rows[0])
    cells = [names] + [[f"{row[n]:.2f}" if isinstance(row[n], float) else str(row[n]) for n in names] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def print_and_write(rows: Sequence[dict], json_path: Path | None) -> None:
    """Print the table, and write it if there is a path."""
    print_table(rows)
    if json_path is not None:
        write_json(json_path, rows)


def write_json(path: Path, rows: Sequence[dict]) -> None:
    """Write the rows as JSON; NaN becomes null."""
    plain = [
        {name: None if isinstance(value, float) and isnan(value) else value for name, value in row.items()}
        for row in rows
    ]
    path.write_text(json.dumps(plain, indent=2) + "\n")
