"""Measurements of fitted people against the truth: `python -m benchmarks.measurements MOTION_FOLDER [--json FILE]`.

The people are those of `benchmarks.accuracy`. Three tables:

- **Intervals**, for detections with more or less noise, with and without the true camera, for points in space, for tracks
  (100 of them at most) and for several cameras (100 people): the share of people [%]
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
from benchmarks.views import DETECTORS, fit_one_by_one, make_scene
from benchmarks.views import Options as ViewOptions
from smplify_jax import BodyModel, FitResult, Measurements, fit, fit_points, fit_sequence, load_body, measure_body
from smplify_jax.learn.people import People, PeopleOptions, make_people
from smplify_jax.learn.tracks import make_tracks
from smplify_jax.learn.video.detections import TrackDetector
from smplify_jax.learn.video.options import TrackOptions
from smplify_jax.measurements.intervals import measured_with_intervals
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
    return {"noise": noise, "camera": "true" if is_camera_known else "assumed"} | judge(
        fit(**seen, body=body).measurements(), measure_body(body, people.truth.betas), body
    )


def measure_intervals_of_points(people: People, body: BodyModel, noise_m: float) -> dict:
    """One row of the first table: the keypoints' places in space, with normal noise along each axis."""
    points = np.asarray(body.keypoints(**people.truth.blocks(), layout=people.layout), np.float64)
    points += noise_m * np.random.default_rng(0).normal(size=points.shape)
    result = fit_points(np.insert(points, 3, 1.0, axis=-1), layout=people.layout, body=body)
    return {"noise": f"{1000 * noise_m:g} mm", "camera": "points"} | judge(
        result.measurements(), measure_body(body, people.truth.betas), body
    )


def measure_intervals_of_tracks(options: Options, body: BodyModel, num_frames: int, *, is_height_known: bool) -> dict:
    """One row of the first table: tracks of few frames, 2 % noise that drifts, and runs of what is lost."""
    drawn = TrackOptions(split=options.split, num_frames=num_frames, max_tracks=100, max_windows=9)
    tracks = make_tracks(options.folder, body, options.layout, TrackDetector(noise=0.02), drawn)
    betas = np.asarray(tracks.truth.betas)[:, 0]
    truth = measure_body(body, betas)
    result = fit_sequence(**tracks.as_seen(), body=body, height=truth["stature"].value if is_height_known else None)
    # All frames of a track have the same shape, where they have one.
    first = np.argmax(np.isfinite(np.asarray(result.betas)[..., 0]), axis=1)
    found, of_track = result.measurements(), np.arange(len(betas))
    assert found.low is not None
    assert found.high is not None
    one = replace(found, **{name: getattr(found, name)[of_track, first] for name in ("numbers", "low", "high")})
    what = "with known stature" if is_height_known else "true"
    return {"noise": "2 %", "camera": f"{what}, {num_frames} frames"} | judge(one, truth, body)


def measure_intervals_of_views(options: Options, body: BodyModel, num_views: int) -> dict:
    """One row of the first table: the people of `benchmarks.views`, seen by several cameras with 2 % noise."""
    scene = make_scene(
        ViewOptions(options.folder, num_people=100, layout=options.layout, split=options.split), body, DETECTORS["2 %"]
    )
    results = fit_one_by_one(scene, scene.cameras[:num_views], body)
    betas, covariance = (np.stack([getattr(one, name) for one in results]) for name in ("betas", "betas_covariance"))
    truth = measure_body(body, scene.betas)
    return {"noise": "2 %", "camera": f"{num_views} of them"} | judge(
        measured_with_intervals(body, betas, covariance), truth, body
    )


def judge(found: Measurements, truth: Measurements, body: BodyModel) -> dict[str, float]:
    """What the intervals of a result hold, and how wide they are."""
    is_held, widths = held_and_widths(found, truth, body)
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
    is_held = ((found.low <= truth.numbers) & (truth.numbers <= found.high)).astype(float)
    is_held[np.isnan(found.numbers)] = np.nan
    shapes = np.random.default_rng(0).normal(size=(2000, NUM_BETAS))
    of_population = 2 * 1.645 * measure_body(body, shapes).numbers.std(axis=0)
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
    off = np.abs(result.measurements().numbers - truth.numbers)
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
    intervals += [
        measure_intervals_of_tracks(options, body, num_frames, is_height_known=is_known)
        for num_frames in (8, 48)
        for is_known in (False, True)
    ]
    intervals += [measure_intervals_of_views(options, body, num_views) for num_views in (2, 4)]
    return {"intervals": intervals, "known": measure_known(people("2 %"), body), "landmarks": measure_landmarks(body)}


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    tables = run(chosen)
    for table in tables.values():
        print_table(table)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(tables, indent=2) + "\n")
