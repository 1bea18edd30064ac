"""How exact a detector's points are by their scores, and which of them help a fit.

    python -m benchmarks.detectors SHARED_DATA [--detector NAME] [--model FILE] [--json FILE]

People whose keypoints are known, rendered and photographed (`benchmarks.pictured_people`), are detected. The first table has the median
error of the points by score; the second the errors of fits to the same detections in several layouts, and with the scores in place of
calibrated confidences.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from benchmarks.measure import print_table, write_json
from benchmarks.pictured_people import (
    LAYOUT,
    Pictured,
    annotated_crops,
    cut_at_the_thighs,
    default_body,
    rendered_people,
)
from smplify_jax import fit
from smplify_jax.body.model import BodyModel
from smplify_jax.detectors import mediapipe, ultralytics
from smplify_jax.detectors.confidence import MEDIAPIPE, YOLO, CalibrationByPlace
from smplify_jax.detectors.detector import Detector
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe, similarity_aligned
from smplify_jax.keypoints.layouts import get_layout

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.97, 0.99, 1.0001)
"""Of the ranges of scores."""

_ANOTHER_PERSON = 25.0
"""[% of the height] A median distance beyond this is that of another person in the picture."""

_SAME_IN = {"left_big_toe": "left_foot_index", "right_big_toe": "right_foot_index"}


@dataclass(frozen=True)
class Subject:
    """A detector that can be measured.

    Attributes:
        start: makes it, uncalibrated, with a model's file or None for its own.
        calibration: from its scores to confidences.
        layouts: in which its points are fitted; the last is its own.
    """

    start: Callable[[str | None], Detector]
    calibration: CalibrationByPlace
    layouts: tuple[str, ...]


SUBJECTS = {
    "mediapipe": Subject(
        lambda model: mediapipe.MediaPipe(is_calibrated=False), MEDIAPIPE, ("coco17", "coco23", "mediapipe33")
    ),
    "ultralytics": Subject(
        lambda model: ultralytics.Ultralytics(model or ultralytics.MODEL, is_calibrated=False), YOLO, ("coco17",)
    ),
}
"""By name. RTMPose is not among them: its models have not been at hand."""


@dataclass(frozen=True)
class Options:
    """Measure a detector."""

    folder: Annotated[Path, tyro.conf.Positional]
    """With mocap and keypoints."""
    detector: Literal["mediapipe", "ultralytics"] = "mediapipe"
    model: str | None = None
    """Its model, where it takes one."""
    num_rendered: int = 160
    json: Path | None = None
    """Also write the table of fits here; the rows of other detectors in it stay."""


@dataclass(frozen=True)
class Detected:
    """A person and what a detector finds.

    Attributes:
        person: the truth.
        layout: name of the detector's K points.
        rows: (K, 3) x, y [px], score.
    """

    person: Pictured
    layout: str
    rows: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """(K, 2) from the truth [% of the height], NaN where not known."""
        return 100 * (self.rows[:, :2] - self.person.keypoints[places_in(LAYOUT, self.layout)]) / self.person.height_px

    @property
    def errors(self) -> np.ndarray:
        """(K,) distances from the truth [% of the height], NaN where not known."""
        return np.linalg.norm(self.offsets, axis=1)

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height [px]."""
        return self.person.image.shape[1], self.person.image.shape[0]


def places_in(layout: str, of: str) -> list[int]:
    """Where the points of one layout are in another, which has them all."""
    return [get_layout(layout).index(name) for name in get_layout(of).keypoint_names]


def detected(people: list[Pictured], detector: Detector) -> list[Detected]:
    """Those whom the detector finds: of everybody in the picture the nearest to the truth, unless that is somebody else."""
    found = []
    for person in people:
        candidates = [Detected(person, detector.layout, rows) for rows in detector.detect(person.image).keypoints]
        nearest = min(candidates, key=lambda one: np.nanmedian(one.errors), default=None)
        if nearest is not None and np.nanmedian(nearest.errors) < _ANOTHER_PERSON:
            found.append(nearest)
    return found


def errors_by_score(found: Sequence[Detected], calibration: CalibrationByPlace) -> list[dict]:
    """Median distance [% of the height] of points by score, in the picture and outside or at its edge."""
    errors = np.concatenate([one.errors for one in found])
    score = np.concatenate([one.rows[:, 2] for one in found])
    is_inside = np.concatenate([calibration.is_inside(one.rows[:, :2], one.image_size) for one in found])
    rows = []
    for low, high in pairwise(EDGES):
        row: dict[str, float] = {"from": low, "to": high}
        for name, chosen in (("in", is_inside), ("out", ~is_inside)):
            some = (score >= low) & (score < high) & chosen & np.isfinite(errors)
            row[f"points {name}"] = int(some.sum())
            for what, values in (("score", score), ("percent", errors)):
                row[f"{what} {name}"] = float(np.median(values[some])) if some.any() else np.nan
        rows.append(row)
    return rows


def errors_by_point(found: Sequence[Detected]) -> list[dict]:
    """Median offset [% of the height] of each point where it is well seen: distance, and mean x and y."""
    rows = []
    for k, name in enumerate(get_layout(found[0].layout).keypoint_names):
        offsets = [one.offsets[k] for one in found if one.rows[k, 2] > 0.9 and np.isfinite(one.offsets[k]).all()]
        if offsets:
            across, down = np.median(offsets, axis=0)
            distance = np.median(np.linalg.norm(offsets, axis=1))
            rows.append({"point": name, "n": len(offsets), "percent": distance, "x": across, "y": down})
    return rows


def in_layout(rows: np.ndarray, of: str, layout: str) -> np.ndarray:
    """(K, 3) the points of a layout among the rows of another; zeros for those that it lacks."""
    names = [_SAME_IN.get(name, name) if layout != of else name for name in get_layout(layout).keypoint_names]
    ours = get_layout(of).keypoint_names
    return np.array([rows[ours.index(name)] if name in ours else np.zeros(3) for name in names])


def fit_errors(found: Sequence[Detected], subject: Subject, body: BodyModel) -> list[dict]:
    """A row for each layout, and one for the scores as confidences: how far bodies are from the truth as far as that is known."""
    size = np.array([one.image_size for one in found], np.float32)
    rows = []
    for layout, confidence in [*((one, "calibrated") for one in subject.layouts), (subject.layouts[-1], "score")]:
        points = [
            subject.calibration.with_confidences(one.rows, one.image_size) if confidence == "calibrated" else one.rows
            for one in found
        ]
        keypoints = np.stack([in_layout(one, subject.layouts[-1], layout) for one in points])
        result = fit(keypoints, layout=layout, image_size=size, body=body)
        each = [_errors_of(one, result[k], body) for k, one in enumerate(found)]
        values = {name: float(np.nanmean([one[name] for one in each])) for name in each[0]}
        rows.append({"layout": layout, "confidence": confidence, "n": len(found)} | values)
    return rows


def _errors_of(one: Detected, result, body: BodyModel) -> dict[str, float]:
    ours = np.asarray(body.keypoints(**_arguments(result), layout=LAYOUT))
    camera = result.camera
    pixels = np.asarray(camera.focal_length) * ours[:, :2] / ours[:, 2:] + np.asarray(camera.camera_center)
    in_coco, scale = places_in(LAYOUT, "coco17"), 100 / one.person.height_px
    detected_coco = one.rows[places_in(one.layout, "coco17")]
    to_truth = scale * np.linalg.norm(pixels - one.person.keypoints, axis=1)[in_coco]
    to_detection = scale * np.linalg.norm(pixels[in_coco] - detected_coco[:, :2], axis=1)
    errors = {
        "to_truth_percent": float(np.nanmedian(to_truth)),
        "to_detection_percent": float(np.median(to_detection[detected_coco[:, 2] > 0.5])),
    }
    truth = one.person.truth
    if truth is None:
        return errors
    joints, true_joints = np.asarray(result.joints)[:24], np.asarray(body.joints(**vars(truth)))[:24]
    vertices, true_vertices = np.asarray(result.vertices()), np.asarray(body.vertices(**vars(truth)))
    aligned = similarity_aligned(vertices, true_vertices)
    distance = 1e3 * np.linalg.norm(aligned - true_vertices, axis=1)
    joint = np.asarray(body.lbs_weights).argmax(axis=1)

    def of(*parts: str) -> float:
        names = [f"{side}_{part}" for side in ("left", "right") for part in parts]
        return float(distance[np.isin(joint, [body.joint_names.index(name) for name in names])].mean())

    return errors | {
        "pa_mpjpe_mm": 1e3 * pa_mpjpe(joints, true_joints),
        "mpjpe_mm": 1e3 * mpjpe(joints, true_joints),
        "hands_mm": of("wrist", "hand"),
        "feet_mm": of("ankle", "foot"),
    }


def _arguments(result) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(result, name)) for name in ("betas", "global_orient", "body_pose", "transl")}


def measured(options: Options) -> list[dict]:
    """The rows of all fits to what the detector finds; prints its errors."""
    subject, body = SUBJECTS[options.detector], default_body()
    detector = subject.start(options.model)
    rendered = list(rendered_people(options.folder / "mocap", body, options.num_rendered))
    sets = {
        "rendered": rendered,
        "cut": list(cut_at_the_thighs(rendered)),
        "COCO": list(annotated_crops(options.folder / "keypoints")),
    }
    table = []
    for whose, people in sets.items():
        found = detected(people, detector)
        sources = len({one.person.source for one in found})
        print(f"{whose}: {len(found)} of {len(people)} pictures, {sources} people")
        print_table(errors_by_score(found, subject.calibration))
        print_table(errors_by_point(found))
        rows = [{"detector": options.detector, "people": whose} | row for row in fit_errors(found, subject, body)]
        print_table(rows)
        table += rows
    return table


def with_rows(path: Path, rows: list[dict]) -> list[dict]:
    """A file's rows of other detectors, if there is one, and these, which are of one detector."""
    before = json.loads(path.read_text()) if path.exists() else []
    return [row for row in before if row["detector"] != rows[0]["detector"]] + rows


def main(options: Options) -> None:
    """Print the tables, and write that of the fits."""
    rows = measured(options)
    if options.json is not None:
        write_json(options.json, with_rows(options.json, rows))


if __name__ == "__main__":
    main(tyro.cli(Options))
