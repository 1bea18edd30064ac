"""Jobs with a fake fitter, which only takes time and gives each person different numbers."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smplify_jax.camera.pinhole import Camera
from smplify_jax.datasets.job.plan import each_alone
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.terms.objective import TERM_NAMES

BATCH_SIZE = 8


@dataclass(frozen=True)
class FakeFitter:
    """Gives everybody numbers that follow from their keypoints.

    Attributes:
        log: gets a line for each call.
        seconds: that a call takes.
        version: to be told apart from another.
        num_at_once: people that a call should have.
        tracks: what makes a track; None to fit everybody by themselves.
    """

    log: str
    seconds: float = 0.0
    version: str = "fake"
    num_at_once: int = BATCH_SIZE
    tracks: TrackChoices | None = None

    def settings(self):
        return {"profile": self.version}

    def provenance(self, layout):
        return Provenance("default", "fake", "0", "0", layout, self.version)

    @property
    def people_at_once(self):
        return self.num_at_once

    def units(self, rows, pass_over):
        return each_alone(rows) if self.tracks is None else track_units(rows, self.tracks, pass_over)

    def objection(self, row):
        return "is too tall" if row.keypoints[0, 1] > 5000 else None

    def fit(self, people):
        time.sleep(self.seconds)
        result = _result(people)
        with open(self.log, "a") as log:
            log.write(f"{people[0].id}\n")
        return result


def _result(people):
    seen = np.stack([row.keypoints for row in people])
    number = seen[:, 0, 0]

    def numbers(*shape):
        return np.broadcast_to(number.reshape(-1, *[1] * len(shape)), (len(people), *shape))

    fields: dict[str, Any] = {
        "betas": numbers(10),
        "global_orient": numbers(3),
        "body_pose": numbers(69),
        "transl": seen.mean(axis=1),
        "camera": Camera(numbers(2), numbers(2)),
        "joints": numbers(24, 3),
        "joints_std": numbers(24, 3),
        "quality": number % 1.0,
        "quality_features": QualityFeatures(
            **cast("dict[str, Any]", dict.fromkeys(QualityFeatures.__dataclass_fields__, number))
        ),
        "start_margin": number,
        "keypoints_px": seen[:, :, :2],
        "reprojection_error_px": seen[:, :, 2],
        "person_height_px": numbers() + 100.0,
        "cost": number,
        "cost_by_term": dict.fromkeys(TERM_NAMES, number),
        # Who stands on the left has too few keypoints, and on the far left no camera.
        "status": np.where(number < 40, np.where(number < 20, FitStatus.NON_FINITE, FitStatus.TOO_FEW_KEYPOINTS), 0),
        "num_steps": number.astype(np.int32),
        "body": None,  # nobody asks for it
        "layout": people[0].layout,
    }
    return FitResult(**fields)


def num_lines(path):
    """0 if there is no file."""
    return len(Path(path).read_text().splitlines()) if Path(path).exists() else 0


def write_people(path, num_people, layout="coco17", seed=0):
    """A Parquet file of people at random places."""
    keypoints = np.random.default_rng(seed).uniform(10, 400, (num_people, 17 * 3)).astype(np.float32)
    keypoints[:, 2::3] = 0.9
    columns = {
        "keypoints": pa.FixedSizeListArray.from_arrays(pa.array(keypoints.ravel()), 51),
        "layout": [layout] * num_people,
        "image_width": [640.0] * num_people,
        "image_height": [480.0] * num_people,
    }
    pq.write_table(pa.table(columns), path)
    return path


def write_tracks(path, lengths, gap=0, size=(640, 480)):
    """A file of people who follow each other through a video, each with an id and in so many frames, `gap` frames after the last."""
    rng, keypoints, frames, ids = np.random.default_rng(0), [], [], []
    first = 0
    for number, length in enumerate(lengths):
        place = rng.uniform(100, 400, (17, 3))
        keypoints += [place + np.array([3.0 * k, 0, 0]) for k in range(length)]
        frames += range(first, first + length)
        ids += [str(number)] * length
        first += length + gap
    points = np.array(keypoints, np.float32)
    points[..., 2] = 0.9
    about = {} if size is None else {"image_size": size}
    np.savez(path, keypoints=points, layout="coco17", frames=frames, track_ids=ids, **about)
    return path


def write_coco(path, keypoints, size=(640, 480)):
    """A COCO file with an annotation for each of the keypoints, which may be anything."""
    people = [
        {"id": k, "image_id": 1, "category_id": 1, "bbox": [50, 60, 200, 300], "keypoints": flat}
        for k, flat in enumerate(keypoints)
    ]
    picture = {"id": 1, "file_name": "one.jpg", "width": size[0], "height": size[1]}
    path.write_text(json.dumps({"images": [picture], "annotations": people}))
    return path


def files_of(out):
    """Every result of a job by its name, but for what differs from run to run; and no other files."""
    contents = {
        path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }
    report = json.loads(contents.pop("report.json"))
    del contents["report.html"], report["this_run"]
    return {**contents, "report.json": report}
