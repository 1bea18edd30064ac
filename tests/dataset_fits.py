"""Fits of synthetic data sets, made without fitting: random bodies in front of cameras, and their keypoints with noise."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body as read_body
from smplify_jax.camera.pinhole import Camera
from smplify_jax.datasets.parquet import write_fits
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.datasets.schema import fits_table
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.prior.load import load_prior
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.terms.objective import TERM_NAMES

NOISE_PX = 2.0
MAX_PEOPLE = 8
"""That many are always drawn: every number of people compiles for itself."""


@lru_cache(maxsize=1)
def load_body():
    """The open body, read once: programs are compiled for one body."""
    return read_body()


def joints_of(pose, betas, transl):
    """(N, 24, 3) joints of the open body; `pose` has global_orient and body_pose, and may go on after 72 numbers."""
    pose = np.asarray(pose, np.float32)
    return np.asarray(
        load_body().joints(betas=betas, global_orient=pose[:, :3], body_pose=pose[:, 3:72], transl=transl)
    )


@lru_cache(maxsize=1)
def _hashes():
    return Provenance.of(get_profile("default"), load_body(), load_prior(), "coco17")


def draw_fits(num_people, layout="coco17", seed=0, num_failed=0):
    """Rows and their fits; the last `num_failed` have none, all their numbers are NaN."""
    rng, body = np.random.default_rng(seed), load_body()
    num_asked, num_people = num_people, MAX_PEOPLE
    facing = Rotation.from_rotvec([np.pi, 0, 0]) * Rotation.from_rotvec(
        rng.uniform(-1, 1, (num_people, 1)) * [0, 1.0, 0]
    )
    parameters = {
        "betas": rng.normal(size=(num_people, 10)),
        "global_orient": facing.as_rotvec(),
        "body_pose": rng.normal(0, 0.2, (num_people, 69)),
        "transl": rng.uniform([-1.5, -0.5, 4.0], [1.5, 0.5, 6.0], (num_people, 3)),
    }
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
    points = np.asarray(body.keypoints(**parameters, layout=layout))
    keypoints_px = 800.0 * points[..., :2] / points[..., 2:] + [320.0, 240.0]
    noise = rng.normal(0, NOISE_PX, keypoints_px.shape)
    confidence = rng.uniform(0.2, 1.0, (*keypoints_px.shape[:2], 1))
    keypoints = np.concatenate([keypoints_px + noise, confidence], axis=-1).astype(np.float32)
    keypoints[:, 0] = 0.0  # nobody's first keypoint was observed
    numbers = iter(rng.uniform(size=(100, num_people)).astype(np.float32))
    error = np.where(keypoints[..., 2] > 0, np.linalg.norm(keypoints_px - keypoints[..., :2], axis=-1), np.nan)
    fields: dict[str, Any] = dict(
        **parameters,
        camera=Camera(
            np.full((num_people, 2), 800.0, np.float32), np.tile([320.0, 240.0], (num_people, 1)).astype(np.float32)
        ),
        joints=np.asarray(body.joints(**parameters)),
        joints_std=rng.uniform(0.01, 0.1, (num_people, 24, 3)).astype(np.float32),
        quality=next(numbers),
        quality_features=QualityFeatures(*(next(numbers) for _ in QualityFeatures.__dataclass_fields__)),
        start_margin=next(numbers),
        keypoints_px=keypoints_px.astype(np.float32),
        reprojection_error_px=error.astype(np.float32),
        person_height_px=(800.0 * 1.7 / parameters["transl"][:, 2]).astype(np.float32),
        cost=next(numbers),
        cost_by_term={name: next(numbers) for name in TERM_NAMES},
        status=np.zeros(num_people, np.int32),
        num_steps=np.arange(num_people, dtype=np.int32),
    )
    result = FitResult(**fields, body=body, layout=get_layout(layout).name)
    rows = [
        DatasetRow(
            f"people.json#{k}",
            keypoints[k],
            layout,
            file="people.json",
            position=f"annotations[{k}]",
            image=f"street {k // 2}.png",
            image_size=(640.0, 480.0),
        )
        for k in range(num_asked)
    ]
    return rows, _with_failures(jax.tree.map(lambda leaf: leaf[:num_asked], result), num_failed)


def draw_motion(num_frames):
    """The frames of one person: the bodies drawn at random, all with the first one's shape."""
    _, drawn = draw_fits(num_frames)
    betas = np.tile(np.asarray(drawn.betas)[:1], (num_frames, 1))
    joints = load_body().joints(
        betas=betas, global_orient=drawn.global_orient, body_pose=drawn.body_pose, transl=drawn.transl
    )
    return replace(drawn, betas=betas, joints=np.asarray(joints))


def write_drawn(path, num_people=6, layout="coco17", seed=0, num_failed=0, made_with=None, **about: Any):
    """Write such fits; `about` replaces fields of every row, `made_with` those of their provenance. Returns the rows and the fits."""
    rows, result = draw_fits(num_people, layout, seed, num_failed)
    rows = [replace(row, **about) for row in rows]
    write_fits(path, fits_table(rows, result), replace(provenance(result), **(made_with or {})))
    return rows, result


def provenance(result):
    """What such fits would have been made with."""
    return replace(_hashes(), layout=result.layout)


def _with_failures(result, num_failed):
    is_lost = np.arange(len(result)) >= len(result) - num_failed

    def lost(leaf):
        shaped = is_lost.reshape(-1, *(1,) * (leaf.ndim - 1))
        return np.where(shaped, np.nan, leaf).astype(leaf.dtype) if leaf.dtype == np.float32 else leaf

    status = np.where(is_lost, int(FitStatus.TOO_FEW_KEYPOINTS), result.status)
    return replace(jax.tree.map(lost, result), status=status)
