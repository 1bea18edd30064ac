"""Report pages for tests, and what is in them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from dataset_fits import draw_fits

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import WriteOptions
from smplify_jax.cli.report import PersonReport
from smplify_jax.result import FitResult
from smplify_jax.terms.objective import TERM_NAMES

SIZE = (640, 480)
NUM_FRAMES = 8
EVIL = "</script><img src=x onerror=alert(1)>"


def draw_people() -> tuple[np.ndarray, FitResult]:
    """Keypoints and fits of three people, the last without a body, in two rounds of which the first costs 50 of data alone."""
    rows, result = draw_fits(3, num_failed=1)
    last = np.stack([np.asarray(result.cost_by_term[name]) for name in TERM_NAMES], axis=1)
    first = np.where(np.array(TERM_NAMES) == "data", 50.0, 0.0 * last)
    return np.stack([row.keypoints for row in rows]), replace(result, round_costs=np.stack([first, last], axis=1))


def draw_motion() -> FitResult:
    """A person of one shape in eight frames, the fourth of them without a body."""
    result = jax.tree.map(np.array, draw_fits(NUM_FRAMES)[1])
    result.betas[:] = result.betas[0]
    for leaf in (result.transl, result.global_orient, result.body_pose, result.keypoints_px):
        leaf[3] = np.nan
    result.status[3] = 2
    return result


def write_people(path: Path, people: tuple[np.ndarray, FitResult]) -> Path:
    """The page of these people, over a red picture, with names that are no good manners."""
    picture = np.full((*SIZE[::-1], 3), (200, 60, 60), np.uint8)
    people[1].report(path, images=picture, keypoints=people[0], names=["a", "b", EVIL], title=f"All {EVIL}")
    return path


def write_motion(path: Path, motion: FitResult) -> Path:
    """The page of this motion, over pictures that grow lighter."""
    pictures = [np.full((*SIZE[::-1], 3), 20 * k, np.uint8) for k in range(NUM_FRAMES)]
    motion.report(path, images=pictures, times=np.arange(NUM_FRAMES) / 4)
    return path


def draw_reports() -> list[PersonReport]:
    """Six people of three pictures, two in each; the second is left out of the files."""
    rows, result = draw_fits(6)
    people = [
        PersonInput(f"p{k}", Path(row.file), row, row.keypoints, np.array(row.image_size)) for k, row in enumerate(rows)
    ]
    made = [PersonReport.of(person, result[k]) for k, person in enumerate(people)]
    return [made[0], made[1].with_limits(WriteOptions(min_quality=1.0)), *made[2:]]


def data_of(path: Path) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(text)


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    array = np.frombuffer(base64.b64decode(packed["data"]), packed["type"]).reshape(packed["shape"])
    return array * packed.get("scale", 1)
