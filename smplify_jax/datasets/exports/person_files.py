"""Exports with one file per person with a usable fit: the .npz of `smplify-fit`, AMASS's .npz, Meshcapade's .smpl."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.datasets.crops_of_fits import Bodies, bodies_of, turned
from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.selection import Selection, select
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.keypoints.names import unique_names
from smplify_jax.result.amass import amass_arrays

Y_UP = Rotation.from_matrix(UPRIGHT_FROM_CAMERA)
"""From the camera frame to x right, y up, z towards the viewer."""

SMPL_CODEC_VERSION, SMPL_KIND = 2, 0
_GENDER_CODES = {"neutral": 0, "male": 1, "female": 2}

_Arrays = dict[str, np.ndarray]


def write_people(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.npz` like `smplify-fit`: `FitResult.load` reads it, and it has the keys of the original SMPLify."""
    return _write_each(select(fits, options), out, ".npz", _saved_fits)


def write_amass(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.npz` with AMASS's keys: a sequence of one frame, z up, assuming a level camera.

    `body_name` states the body that the betas belong to.
    """

    def sequences(batch: FitBatch) -> Iterator[_Arrays]:
        bodies = _usable(batch)
        for index in range(len(bodies.pose)):
            yield amass_arrays(
                bodies.pose[[index]],
                bodies.betas[index],
                bodies.transl[[index]],
                bodies.pelvis[[index]],
                frame_rate=options.frame_rate,
                gender=_gender(batch),
                body_name=batch.provenance.body_name,
            )

    return _write_each(select(fits, options), out, ".npz", sequences)


def write_smpl(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.smpl`, an avatar of one frame, y up and z towards the camera.

    Readers of the format refuse unknown arrays, so betas of the open body could not be marked as such: they are zero instead,
    SMPL's mean shape.
    """

    def avatars(batch: FitBatch) -> Iterator[_Arrays]:
        bodies = turned(_usable(batch), Y_UP)
        is_smpls = options.open_body_as_smpl or not batch.provenance.is_open_body
        for index in range(len(bodies.pose)):
            yield {
                "codecVersion": np.array(SMPL_CODEC_VERSION, np.int32),
                "smplVersion": np.array(SMPL_KIND, np.int32),
                "gender": np.array(_GENDER_CODES[_gender(batch)], np.int32),
                "shapeParameters": (is_smpls * bodies.betas[index]).astype(np.float32),
                "frameCount": np.array(1, np.int32),
                "frameRate": np.array(options.frame_rate, np.float32),
                "bodyTranslation": bodies.transl[[index]].astype(np.float32),
                "bodyPose": bodies.pose[[index]].reshape(1, 24, 3).astype(np.float32),
            }

    return _write_each(select(fits, options), out, ".smpl", avatars)


def _saved_fits(batch: FitBatch) -> Iterator[_Arrays]:
    keypoints = batch.points("keypoints", 3)
    keypoints_px = batch.points("keypoints_px", 2)
    is_seen = keypoints[..., 2] > 0
    error_px = np.where(is_seen, np.linalg.norm(keypoints_px - keypoints[..., :2], axis=-1), np.nan)
    names = ("betas", "global_orient", "body_pose", "transl", "focal_length", "camera_center", "image_size")
    names += ("quality", "start_margin", "person_height_px", "cost", "status", "num_steps")
    names += tuple(name for name in batch.records.schema.names if name.startswith(("cost_", "quality_features_")))
    columns = {name: batch.array(name) for name in names}
    columns |= {name: batch.points(name, 3) for name in ("joints", "joints_std")}
    columns |= {"keypoints": keypoints, "keypoints_px": keypoints_px, "reprojection_error_px": error_px}
    columns |= {
        "cam_t": columns["transl"],
        "f": columns["focal_length"],
        "c": columns["camera_center"],
        "pose": bodies_of(batch).pose.astype(np.float32),
    }
    labels = {"layout": np.array(batch.provenance.layout), "body_name": np.array(batch.provenance.body_name)}
    for index in np.flatnonzero(batch.is_usable):
        yield {name: column[index] for name, column in columns.items()} | labels


def _usable(batch: FitBatch) -> Bodies:
    bodies = bodies_of(batch)
    keep = bodies.is_usable
    return Bodies(bodies.pose[keep], bodies.betas[keep], bodies.transl[keep], bodies.pelvis[keep], keep[keep])


def _gender(batch: FitBatch) -> str:
    """Gender of the fitted body; neutral if its file does not state it."""
    return batch.provenance.body_gender or "neutral"


def _write_each(
    people: Selection, out: Path, ending: str, contents: Callable[[FitBatch], Iterator[_Arrays]]
) -> Exported:
    """Write a file named after the id for each person with a usable fit; remove files of an earlier export for the other people."""
    ids = (str(name) for batch in read_fits(people.fits, ("id",)) for name in batch.texts("id"))
    paths = [out / (name + ending) for name in unique_names(ids)]
    of_people = itertools.compress(paths, people.is_kept)
    written: dict[Path, None] = {}
    for batch in people.batches():
        of_batch = list(itertools.islice(of_people, len(batch)))
        for path, arrays in zip(itertools.compress(of_batch, batch.is_usable), contents(batch), strict=True):
            written[_write(path, arrays)] = None
    for path in paths:
        if path not in written:
            path.unlink(missing_ok=True)
    return people.exported(list(written), len(written))


def _write(path: Path, arrays: dict[str, Any]) -> Path:
    # Without allow_pickle, here and in every other call: NumPy before 2.1 does not know it and would write it as an array.
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)
    return path
