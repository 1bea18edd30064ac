"""Measurements of fitted people against the truth: `python -m benchmarks.measurements MOTION_FOLDER [--json FILE]`.

The people are those of `benchmarks.accuracy`. Three tables:

- **Intervals**, for detections with more or less noise, with and without the true camera, and for points in space: the share of people [%]
  whose true measurement the 90 % interval holds, the mean over all measurements and the least and most certain one; and the width of the
  interval as a share [%] of the population's, the median over all people and measurements, and that of the stature. The population's is
  that of 2,000 random shapes.
- **Known measurements**: MPJPE [mm], error of the distance from the camera [%], and the errors of stature and waist girth [mm] and of the
  mass [kg], for fits that know nothing, the stature, the mass, or both.
- **Landmarks**: a girth is taken at the same points of every shape. How far it is from the one at landmarks found anew on each body [mm]:
  the mean and the 95th percentile over 60 random shapes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from benchmarks.accuracy import NOISE_LEVELS
from benchmarks.measure import print_table
from smplify_jax import BodyModel, FitResult, Measurements, fit, fit_points, load_body, measure_body
from smplify_jax.learn.people import People, PeopleOptions, make_people
from smplify_jax.measurements.landmarks import find_landmarks
from smplify_jax.measurements.rest_mesh import RestMesh
from smplify_jax.measurements.shape_measures import planes_of

NUM_BETAS = 10


@dataclass(frozen=True)
class Options:
    """Measure measurements of synthetic people."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    layout: str = "coco17"
    split: str = "val"
    num_people: int = 400
    """At most, evenly spread over all of them."""
    json: Path | None = None
    """Also write the tables here."""


def measure_intervals(people: People, body: BodyModel, noise: str, *, is_camera_known: bool) -> dict:
    """One row of the first table."""
    seen = people.as_seen()
    if not is_camera_known:
        del seen["camera"]
    return {"noise": noise, "camera": "true" if is_camera_known else "assumed"} | judge(fit(**seen, body=body), people)


def measure_intervals_of_points(people: People, body: BodyModel, noise_m: float) -> dict:
    """One row of the first table: the keypoints' places in space, with normal noise along each axis."""
    points = np.asarray(body.keypoints(**people.truth.blocks(), layout=people.layout), np.float64)
    points += noise_m * np.random.default_rng(0).normal(size=points.shape)
    result = fit_points(np.insert(points, 3, 1.0, axis=-1), layout=people.layout, body=body)
    return {"noise": f"{1000 * noise_m:g} mm", "camera": "points"} | judge(result, people)


def judge(result: FitResult, people: People) -> dict[str, float]:
    """What the intervals of a result hold, and how wide they are."""
    truth = measure_body(result.body, people.truth.betas)
    is_held, widths = held_and_widths(result.measurements(), truth, result.body)
    shares = 100 * np.nanmean(is_held, axis=0)
    return {
        "held": float(shares.mean()),
        "held_least": float(shares.min()),
        "held_most": float(shares.max()),
        "width": float(100 * np.nanmedian(widths)),
        "width_of_stature": float(100 * np.nanmedian(widths[:, list(truth).index("stature")])),
    }


def held_and_widths(found: Measurements, truth: Measurements, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """(N, M) whether an interval holds the truth, and its width in those of the population; NaN for people without a body."""
    assert found.low is not None
    assert found.high is not None
    is_held = ((found.low <= truth.values) & (truth.values <= found.high)).astype(float)
    is_held[np.isnan(found.values)] = np.nan
    shapes = np.random.default_rng(0).normal(size=(2000, NUM_BETAS))
    of_population = 2 * 1.645 * measure_body(body, shapes).values.std(axis=0)
    return is_held, (found.high - found.low) / of_population


def measure_known(people: People, body: BodyModel) -> list[dict]:
    """The second table."""
    truth = measure_body(body, people.truth.betas)
    height, mass = truth["stature"].value, truth["mass"].value
    given: dict[str, dict[str, Any]] = {
        "nothing": {},
        "stature": {"height": height},
        "mass": {"mass": mass},
        "both": {"height": height, "mass": mass},
    }
    seen: dict[str, Any] = people.as_seen()
    return [{"known": name} | errors(fit(**seen, body=body, **known), people, truth) for name, known in given.items()]


def errors(result: FitResult, people: People, truth: Measurements) -> dict[str, float]:
    """Mean errors of the people who have a body."""
    ours, true = (
        np.asarray(result.joints, np.float64),
        np.asarray(result.body.joints(**people.truth.blocks()), np.float64),
    )
    from_pelvis = np.linalg.norm((ours - ours[:, :1]) - (true - true[:, :1]), axis=-1)
    distances = [np.linalg.norm(joints[:, 0], axis=-1) for joints in (ours, true)]
    off = np.abs(result.measurements().values - truth.values)
    at = {name: number for number, name in enumerate(truth)}
    return {
        "mpjpe_mm": 1000 * float(np.nanmean(from_pelvis)),
        "distance_percent": 100 * float(np.nanmean(np.abs(distances[0] / distances[1] - 1))),
        "stature_mm": 1000 * float(np.nanmean(off[:, at["stature"]])),
        "waist_mm": 1000 * float(np.nanmean(off[:, at["waist girth"]])),
        "mass_kg": float(np.nanmean(off[:, at["mass"]])),
    }


def measure_landmarks(body: BodyModel, num_shapes: int = 60) -> list[dict]:
    """The third table."""
    shapes = np.clip(np.random.default_rng(1).normal(size=(num_shapes, NUM_BETAS)), -2, 2)
    ours, mean = measure_body(body, shapes), RestMesh.of(body, NUM_BETAS)
    off: dict[str, list[float]] = {}
    for number, betas in enumerate(shapes):
        mesh = replace(mean, vertices=mean.vertices + mean.shapedirs @ betas)
        for name, plane in planes_of(mesh, find_landmarks(mesh)).items():
            anew = mesh.girth(mesh.place(plane.point), plane.normal, plane.is_taken)
            off.setdefault(name, []).append(1000 * abs(anew - float(ours[name].value[number])))
    return [
        {"girth": name, "mean_mm": float(np.mean(one)), "p95_mm": float(np.percentile(one, 95))}
        for name, one in off.items()
    ]


def run(options: Options) -> dict[str, list[dict]]:
    """All tables by name."""
    body = load_body(num_betas=NUM_BETAS)

    def people(noise: str) -> People:
        drawn = make_people(
            options.folder, body, options.layout, NOISE_LEVELS[noise], PeopleOptions(split=options.split)
        )
        return drawn.subsample(options.num_people)

    intervals = [
        measure_intervals(people(noise), body, noise, is_camera_known=is_known)
        for noise in NOISE_LEVELS
        for is_known in (True, False)
    ]
    intervals += [measure_intervals_of_points(people("0 %"), body, noise_m) for noise_m in (0.005, 0.02)]
    return {"intervals": intervals, "known": measure_known(people("2 %"), body), "landmarks": measure_landmarks(body)}


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    tables = run(chosen)
    for table in tables.values():
        print_table(table)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(tables, indent=2) + "\n")
