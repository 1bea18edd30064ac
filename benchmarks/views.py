"""Fits of synthetic people whom several cameras see: `python -m benchmarks.views MOTION_FOLDER [--num-people N] [--json FILE]`.

The people are those of `smplify_jax.learn.people`: held-out actors, random bodies, here in the middle of four cameras at right angles to
each other, 4 m away, with a detector's errors that are independent from view to view. With V views, the first V cameras see them.

- one picture: `fit` with the first camera alone;
- calibrated: `fit_views`;
- uncalibrated: `fit_views` with focal lengths and principal points only; its errors are those after alignment alone.

Beside the bodies stand the triangulated keypoints (`triangulate`) of the same views: how far they are from the true keypoints says what the
detections still know, and `keypoints_mm` is the same distance of the body's keypoints. `over_one_view` is the ratio of PA-MPJPE to that of
calibrated fits to one view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro
from scipy.spatial.transform import Rotation

from benchmarks.measure import print_and_write
from smplify_jax import BodyModel, FitResult, fit, load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.calibrated import CalibratedCamera, calibrated_camera
from smplify_jax.camera.triangulation import triangulate
from smplify_jax.fitting.views import fit_views
from smplify_jax.geometry.frames import Z_UP_FROM_CAMERA, turned_about_root
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.people import EXACT, STATURE, Detector, PeopleOptions, detect, make_people

NUM_CAMERAS = 4
_RADIUS, _HEIGHT, _AIM = 4.0, 1.5, 0.9
"""[m] of the ring of cameras, and the height that they look at."""

_FOCAL_LENGTH, _SIZE = 1000.0, (1280.0, 960.0)
_SPREAD = 0.4
"""[m] standard deviation of where people stand."""

DETECTORS = {"exact": EXACT} | {f"{noise:g} %": Detector(noise=noise / 100) for noise in (1, 2, 4)}
"""Detectors by their names in the table; all but "exact" also miss points, and have outliers and exchanged sides."""


@dataclass(frozen=True)
class Options:
    """Measure fits to several views of synthetic people with ground truth."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    num_people: int = 128
    """Measure on this many people, evenly spread over all of them."""
    layout: str = "coco17"
    noise: tuple[str, ...] = tuple(DETECTORS)
    """Rows to measure, such as "2 %"."""
    calibrated: tuple[int, ...] = (1, 2, 3, 4)
    """Numbers of calibrated views."""
    uncalibrated: tuple[int, ...] = (2, 4)
    """Numbers of views whose cameras have no known places."""
    split: str = "val"
    json: Path | None = None
    """Also write the table here."""


@dataclass(frozen=True)
class Scene:
    """N people in a ring of cameras.

    Attributes:
        cameras: V of them.
        keypoints: (N, V, K, 3) detections.
        points: (N, K, 3) the true keypoints [m].
        joints: (N, 24, 3) the true joints [m].
        betas: (N, B) the true shapes.
        layout: of the keypoints.
    """

    cameras: tuple[CalibratedCamera, ...]
    keypoints: np.ndarray
    points: np.ndarray
    joints: np.ndarray
    betas: np.ndarray
    layout: str = field(default="coco17")


def ring() -> tuple[CalibratedCamera, ...]:
    """The cameras: each a quarter of a turn from the one before."""
    cameras = []
    for number in range(NUM_CAMERAS):
        angle = 2 * np.pi * number / NUM_CAMERAS
        position = np.array([_RADIUS * np.cos(angle), _RADIUS * np.sin(angle), _HEIGHT])
        forward = np.array([0, 0, _AIM]) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = (_FOCAL_LENGTH, _FOCAL_LENGTH, _SIZE[0] / 2, _SIZE[1] / 2)
        cameras.append(
            calibrated_camera(
                matrix=matrix,
                rotation=rotation,
                translation=-rotation @ position,
                image_size=_SIZE,
                name=f"camera_{number}",
            )
        )
    return tuple(cameras)


def make_scene(options: Options, body: BodyModel, detector: Detector) -> Scene:
    """Draw the people and what the cameras detect; the detector changes neither poses nor places."""
    people = make_people(options.folder, body, options.layout, EXACT, PeopleOptions(split=options.split))
    truth = jax.tree.map(np.asarray, people.subsample(options.num_people).truth)
    generator = np.random.default_rng(7)
    pelvis = np.asarray(body.joints(**truth.blocks()), np.float64)[:, 0]
    orient, transl = turned_about_root(
        truth.global_orient, truth.transl, pelvis, Rotation.from_matrix(Z_UP_FROM_CAMERA)
    )
    place = np.concatenate([generator.normal(0, _SPREAD, (len(pelvis), 2)), np.full((len(pelvis), 1), _AIM)], axis=1)
    shift = place - pelvis @ Z_UP_FROM_CAMERA.T
    truth = replace(truth, global_orient=orient.astype(np.float32), transl=(transl + shift).astype(np.float32))
    return _seen(body, truth, options.layout, detector)


def _seen(body: BodyModel, truth: BodyParameters, layout: str, detector: Detector) -> Scene:
    points = np.asarray(body.keypoints(**truth.blocks(), layout=layout), np.float64)
    joints = np.asarray(body.joints(**truth.blocks()), np.float64)
    cameras, views = ring(), []
    for number, camera in enumerate(cameras):
        in_camera = points @ np.asarray(camera.rotation).T + np.asarray(camera.translation)
        pixels = _FOCAL_LENGTH * in_camera[..., :2] / in_camera[..., 2:] + np.asarray(camera.camera.camera_center)
        height_px = STATURE * _FOCAL_LENGTH / in_camera[..., 2].mean(axis=1)
        generator = np.random.default_rng([11, number])
        views.append(detect(pixels, height_px, get_layout(layout), detector, generator))
    return Scene(cameras, np.stack(views, axis=1), points, joints, np.asarray(truth.betas), layout)


def fit_one_by_one(scene: Scene, cameras: Sequence, body: BodyModel) -> list[FitResult]:
    """`fit_views` person by person, to the first views."""
    seen = scene.keypoints[:, : len(cameras)]
    return [fit_views(keypoints, cameras, layout=scene.layout, body=body) for keypoints in seen]


def body_errors(joints: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Of joints (N, 24, 3) [mm]."""
    aligned = [1000 * pa_mpjpe(a, b) for a, b in zip(joints, truth, strict=True)]
    moved = [1000 * mpjpe(a, b) for a, b in zip(joints, truth, strict=True)]
    return {
        "pa_mean": float(np.mean(aligned)),
        "pa_median": float(np.median(aligned)),
        "mpjpe_mean": float(np.mean(moved)),
    }


def keypoint_errors(points: np.ndarray, truth: np.ndarray, name: str) -> dict[str, float]:
    """Mean and median distance of keypoints in the world [mm]."""
    distance = 1000 * np.linalg.norm(points - truth, axis=-1)
    distance = distance[np.isfinite(distance)]
    known = bool(distance.size)
    return {
        f"{name}_mean_mm": float(distance.mean()) if known else float("nan"),
        f"{name}_median_mm": float(np.median(distance)) if known else float("nan"),
    }


def triangulated(scene: Scene, num_views: int) -> np.ndarray:
    """(N, K, 3) from the first views; NaN for points that these do not tell."""
    if num_views < 2:
        return np.full(scene.points.shape, np.nan)
    found = triangulate(scene.keypoints[:, :num_views], scene.cameras[:num_views])
    return np.where(found[..., 3:] > 0, found[..., :3], np.nan)


def in_world(results: Sequence[FitResult], layout: str, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, 24, 3) and keypoints (N, K, 3) [m]."""
    blocks = [one.parameters.blocks() for one in results]
    together = {name: np.stack([np.asarray(one[name]) for one in blocks]) for name in blocks[0]}
    joints = np.stack([np.asarray(one.joints, np.float64) for one in results])
    return joints, np.asarray(body.keypoints(**together, layout=layout), np.float64)


def measure(scene: Scene, body: BodyModel, options: Options) -> list[dict]:
    """Rows of one detector."""
    nothing = np.full(scene.points.shape, np.nan)
    first = scene.cameras[0]
    alone = fit(scene.keypoints[:, 0], layout=scene.layout, camera=first.camera, image_size=_SIZE, body=body)
    rows = [_row("one picture", 1, scene, np.asarray(alone.joints, np.float64), nothing)]
    for count in options.calibrated:
        joints, points = in_world(fit_one_by_one(scene, scene.cameras[:count], body), scene.layout, body)
        rows.append(_row("calibrated", count, scene, joints, points))
    for count in options.uncalibrated:
        pinholes = [camera.camera for camera in scene.cameras[:count]]
        joints, _ = in_world(fit_one_by_one(scene, pinholes, body), scene.layout, body)
        rows.append(_row("uncalibrated", count, scene, joints, nothing))
    one = next((row["pa_mean"] for row in rows if (row["method"], row["views"]) == ("calibrated", 1)), float("nan"))
    return [row | {"over_one_view": row["pa_mean"] / one} for row in rows]


def _row(method: str, count: int, scene: Scene, joints: np.ndarray, points: np.ndarray) -> dict:
    is_in_world = method == "calibrated"
    errors = body_errors(joints, scene.joints)
    if not is_in_world:  # in the frame of a camera, which is turned against the world
        errors["mpjpe_mean"] = float("nan")
    return (
        {"method": method, "views": count}
        | errors
        | keypoint_errors(points, scene.points, "keypoints")
        | keypoint_errors(triangulated(scene, count if is_in_world else 1), scene.points, "triangulated")
    )


def run(options: Options) -> list[dict]:
    """All rows."""
    body = load_body(num_betas=10)
    rows = []
    for name in options.noise:
        scene = make_scene(options, body, DETECTORS[name])
        labels = {"layout": options.layout, "noise": name, "people": len(scene.keypoints)}
        rows += [labels | row for row in measure(scene, body, options)]
    return rows


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print_and_write(table, chosen.json)
