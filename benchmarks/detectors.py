"""How exact MediaPipe's points are by their `visibility`, and which of them help a fit.

    python -m benchmarks.detectors SHARED_DATA [--json FILE]

People whose keypoints are known, rendered and photographed (`benchmarks.pictured_people`), are detected. The first table has the median
error of the points by `visibility`; the second the errors of fits to the same detections in several layouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

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
from smplify_jax.detectors.mediapipe import MediaPipe, with_confidences
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe, similarity_aligned
from smplify_jax.keypoints.layouts import get_layout

EDGES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.97, 0.99, 1.0001)
"""Of the ranges of `visibility`."""

LAYOUTS = ("coco17", "coco23", LAYOUT)

_ANOTHER_PERSON = 25.0
"""[% of the height] A median distance beyond this is that of another person in the picture."""

_SAME_IN = {"left_big_toe": "left_foot_index", "right_big_toe": "right_foot_index"}


@dataclass(frozen=True)
class Options:
    """Measure MediaPipe."""

    folder: Annotated[Path, tyro.conf.Positional]
    """With mocap and keypoints."""
    num_rendered: int = 160
    json: Path | None = None
    """Also write the table of fits here."""


@dataclass(frozen=True)
class Detected:
    """A person and what MediaPipe finds: (33, 3) x, y [px], visibility."""

    person: Pictured
    rows: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(33,) distances from the truth [% of the height], NaN where not known."""
        return 100 * np.linalg.norm(self.rows[:, :2] - self.person.keypoints, axis=1) / self.person.height_px

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height [px]."""
        return self.person.image.shape[1], self.person.image.shape[0]

    @property
    def is_inside(self) -> np.ndarray:
        """(33,) whether a point is in the picture."""
        return np.asarray(((self.rows[:, :2] >= 0) & (self.rows[:, :2] <= self.image_size)).all(axis=1))


def detected(people: list[Pictured], detector: MediaPipe) -> list[Detected]:
    """Those whom the detector finds, without those beside whom it found somebody else."""
    found = []
    for person in people:
        for rows in detector.detect(person.image).keypoints:
            one = Detected(person, rows)
            if np.nanmedian(one.errors) < _ANOTHER_PERSON:
                found.append(one)
    return found


def errors_by_visibility(found: Sequence[Detected]) -> list[dict]:
    """Median distance [% of the height] of points by visibility, in and outside the picture."""
    errors = np.concatenate([one.errors for one in found])
    visibility = np.concatenate([one.rows[:, 2] for one in found])
    is_inside = np.concatenate([one.is_inside for one in found])
    rows = []
    for low, high in pairwise(EDGES):
        row: dict[str, float] = {"from": low, "to": high}
        for name, chosen in (("in", is_inside), ("out", ~is_inside)):
            some = (visibility >= low) & (visibility < high) & chosen & np.isfinite(errors)
            row[f"points {name}"] = int(some.sum())
            for what, values in (("visibility", visibility), ("percent", errors)):
                row[f"{what} {name}"] = float(np.median(values[some])) if some.any() else np.nan
        rows.append(row)
    return rows


def errors_by_point(found: Sequence[Detected]) -> list[dict]:
    """Median offset [% of the height] of each point of the left side where it is well seen: distance, and mean x and y."""
    layout, rows = get_layout(LAYOUT), []
    for k, name in enumerate(layout.keypoint_names):
        offsets = [
            100 * (one.rows[k, :2] - one.person.keypoints[k]) / one.person.height_px
            for one in found
            if one.rows[k, 2] > 0.9 and np.isfinite(one.person.keypoints[k]).all()
        ]
        if offsets:
            across, down = np.median(offsets, axis=0)
            distance = np.median(np.linalg.norm(offsets, axis=1))
            rows.append({"point": name, "n": len(offsets), "percent": distance, "x": across, "y": down})
    return rows


def in_layout(rows: np.ndarray, layout: str) -> np.ndarray:
    """(K, 3) the points of a layout among the 33 rows (33, 3), whose confidences are calibrated; zeros for others."""
    names = [_SAME_IN.get(name, name) if layout != LAYOUT else name for name in get_layout(layout).keypoint_names]
    ours = get_layout(LAYOUT).keypoint_names
    return np.array([rows[ours.index(name)] if name in ours else np.zeros(3) for name in names])


def fit_errors(found: Sequence[Detected], body: BodyModel, whose: str) -> list[dict]:
    """A row for each layout: how far bodies are from the truth as far as that is known."""
    size = np.array([one.image_size for one in found], np.float32)
    rows = []
    for layout in LAYOUTS:
        keypoints = np.stack([in_layout(with_confidences(one.rows, one.image_size), layout) for one in found])
        result = fit(keypoints, layout=layout, image_size=size, body=body)
        each = [_errors_of(one, result[k], body) for k, one in enumerate(found)]
        values = {name: float(np.nanmean([one[name] for one in each])) for name in each[0]}
        rows.append({"people": whose, "layout": layout, "n": len(found)} | values)
    return rows


def _errors_of(one: Detected, result, body: BodyModel) -> dict[str, float]:
    ours = np.asarray(body.keypoints(**_arguments(result), layout=LAYOUT))
    camera = result.camera
    pixels = np.asarray(camera.focal_length) * ours[:, :2] / ours[:, 2:] + np.asarray(camera.camera_center)
    in_coco = [get_layout(LAYOUT).index(name) for name in get_layout("coco17").keypoint_names]
    scale = 100 / one.person.height_px
    to_truth = scale * np.linalg.norm(pixels - one.person.keypoints, axis=1)[in_coco]
    to_detection = (scale * np.linalg.norm(pixels - one.rows[:, :2], axis=1))[in_coco]
    errors = {
        "to_truth_percent": float(np.nanmedian(to_truth)),
        "to_detection_percent": float(np.median(to_detection[one.rows[in_coco, 2] > 0.5])),
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


def main(options: Options) -> None:
    """Print the tables."""
    body, detector = default_body(), MediaPipe(is_calibrated=False)
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
        print_table(errors_by_visibility(found))
        print_table(errors_by_point(found))
        table += fit_errors(found, body, whose)
    for whose in sets:
        print_table([row for row in table if row["people"] == whose])
    if options.json is not None:
        write_json(options.json, table)


if __name__ == "__main__":
    main(tyro.cli(Options))
