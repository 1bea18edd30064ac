"""Fits that start from another network's bodies: `python -m benchmarks.starts MOTION_FOLDER [--layout NAME] [--json FILE]`.

The people are those of `benchmarks.accuracy`, and the starts those of `smplify_jax.learn.starts`: true bodies with errors like networks'.
Each row compares, over the same people, PA-MPJPE [mm] of

- the start,
- `fit` without it,
- `fit` with `init` and its error as `init_error` (told), without an error (untold), and with an infinite one (start only);

then the 2D errors of the start and of the told fit [% of height], and the percentage of people whose told fit is worse than their start.

A second table tells what a start's camera is worth, at 2 % noise: the same start at its true place, as HMR2 gives it (a focal length of
5000 px in crops of 256 px), and without a place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from benchmarks.accuracy import NOISE_LEVELS
from benchmarks.measure import accuracy, print_table, write_json
from smplify_jax import BodyModel, PredictedBodies, fit, load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import project
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn.people import People, PeopleOptions, make_people
from smplify_jax.learn.starts import StartErrors, make_starts


@dataclass(frozen=True)
class Options:
    """Measure fits that start from another network's bodies."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    layout: str = "coco17"
    split: str = "val"
    errors_mm: tuple[float, ...] = (30.0, 45.0, 60.0, 90.0)
    """PA-MPJPE of the typical start."""
    num_people: int = 400
    json: Path | None = None
    """Also write the tables here."""


def measure(people: People, body: BodyModel, noise: str, error_mm: float) -> dict:
    """One row."""
    start = make_starts(people.truth, body, StartErrors(pa_mpjpe_mm=error_mm))
    seen: dict[str, Any] = people.as_seen() | {"body": body}
    fitted = {
        "without": fit(**seen),
        "told": fit(**seen, init=start, init_error=error_mm),
        "untold": fit(**seen, init=start),
        "start_only": fit(**seen, init=start, init_error=np.inf),
    }
    before = errors_mm(start, people, body)
    after = {name: errors_mm(result.parameters, people, body) for name, result in fitted.items()}
    return (
        {"noise": noise, "start": float(before.mean())}
        | {name: float(errors.mean()) for name, errors in after.items()}
        | {
            "start_2d": float(errors_2d(start, people, body).mean()),
            "told_2d": float(errors_2d(fitted["told"].parameters, people, body).mean()),
            "worse_percent": float(100 * (after["told"] > before).mean()),
        }
    )


def errors_mm(bodies: BodyParameters, people: People, body: BodyModel) -> np.ndarray:
    """(N,) PA-MPJPE."""
    ours, truth = (np.asarray(body.joints(**one.blocks()), np.float64) for one in (bodies, people.truth))
    return 1000 * np.array([pa_mpjpe(*pair) for pair in zip(ours, truth, strict=True)])


def errors_2d(bodies: BodyParameters, people: People, body: BodyModel) -> np.ndarray:
    """(N,) median distance of projected from observed keypoints [% of height]."""
    points = np.asarray(project(body.keypoints(**bodies.blocks(), layout=people.layout), people.camera))
    distance = np.linalg.norm(points - people.keypoints[..., :2], axis=-1)
    distance = np.where(people.keypoints[..., 2] > 0, distance, np.nan)
    return 100 * np.nanmedian(distance, axis=1) / people.height_px


def run(options: Options) -> list[dict]:
    """All rows."""
    body = load_body(num_betas=10)
    rows = []
    for noise, detector in NOISE_LEVELS.items():
        people = make_people(options.folder, body, options.layout, detector, PeopleOptions(split=options.split))
        people = people.subsample(options.num_people)
        rows += [measure(people, body, noise, error) for error in options.errors_mm]
    return rows


CAMERAS_NOISE = "2 %"
HMR2_FOCAL_LENGTH = 5000.0 / 256.0  # per pixel of the picture's longer side


def run_cameras(options: Options) -> list[dict]:
    """A row for each way to say where a start is: MPJPE relative to the pelvis, PA-MPJPE [mm]."""
    body = load_body(num_betas=10)
    split = PeopleOptions(split=options.split)
    people = make_people(options.folder, body, options.layout, NOISE_LEVELS[CAMERAS_NOISE], split)
    people = people.subsample(options.num_people)
    start = make_starts(people.truth, body, StartErrors())
    focal = np.asarray(people.camera.focal_length)[:, :1]
    far_focal = HMR2_FOCAL_LENGTH * people.image_size.max(axis=1, keepdims=True)
    transl, pelvis = np.asarray(start.transl), np.asarray(body.joints(**_at_the_origin(start).blocks()))[:, 0]
    # The pelvis appears at the same pixel, and as large.
    at = transl + pelvis
    far = np.concatenate([at[:, :2], at[:, 2:] * far_focal / focal], axis=1) - pelvis
    bodies = PredictedBodies.of(global_orient=start.global_orient, body_pose=start.body_pose, betas=start.betas)
    rows = []
    for name, init in {
        "true place": bodies.in_pictures(transl),
        "HMR2's camera said": bodies.in_pictures(far, far_focal[:, 0], people.image_size / 2),
        "HMR2's camera unsaid": bodies.in_pictures(far),
        "no place": bodies,
    }.items():
        result = fit(**people.as_seen(), body=body, init=init)
        errors = accuracy(result, people, body)
        rows.append({"start": name} | {key: float(errors[key].mean()) for key in ("mpjpe_mm", "pa_mpjpe_mm")})
    return rows


def _at_the_origin(bodies: BodyParameters) -> BodyParameters:
    return replace(bodies, transl=np.zeros_like(bodies.transl))


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    tables = [run(chosen), run_cameras(chosen)]
    for table in tables:
        print_table(table)
    if chosen.json is not None:
        write_json(chosen.json, [row for table in tables for row in table])
