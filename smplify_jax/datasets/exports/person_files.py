"""One file a person: as `smplify-fit` writes them, AMASS's .npz, Meshcapade's .smpl. Only people with a usable fit get one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.datasets.crops_of_fits import Bodies, bodies_of, pad_columns, turned
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.keypoints.names import unique_names
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.terms.objective import TERM_NAMES

Z_UP = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From the camera frame (x right, y down, z forward) to x right, y forward, z up, for a level camera."""

Y_UP = Rotation.from_matrix(UPRIGHT_FROM_CAMERA)
"""From the camera frame to x right, y up, z towards the viewer."""

NUM_SMPLH_POSE, NUM_SHARED_POSE, NUM_AMASS_BETAS = 156, 66, 16
"""AMASS holds SMPL-H poses: 52 joints, of which the first 22 are SMPL's; SMPL's two hands are not among them."""

SMPL_CODEC_VERSION, SMPL_KIND = 2, 0
_GENDER_CODES = {"neutral": 0, "male": 1, "female": 2}

_Arrays = dict[str, np.ndarray]


def write_people(fits: Path, out: Path, options: ExportOptions) -> list[Path]:
    """Write `NAME.npz` as `smplify-fit` does: `FitResult.load` reads it, and it has the keys of the original SMPLify."""
    del options
    return [_write(path, arrays) for path, arrays in _named(fits, out, ".npz", _saved_fits)]


def write_amass(fits: Path, out: Path, options: ExportOptions) -> list[Path]:
    """Write `NAME.npz` with AMASS's keys: a sequence of one frame, z up, as if the camera had been level."""

    def sequences(batch: FitBatch) -> Iterator[_Arrays]:
        bodies = turned(_usable(batch), Z_UP)
        poses = pad_columns(bodies.pose[:, :NUM_SHARED_POSE], NUM_SMPLH_POSE)
        for index, gender in enumerate(_genders(batch)):
            yield {
                "poses": poses[[index]],
                "trans": bodies.transl[[index]],
                "betas": pad_columns(bodies.betas, NUM_AMASS_BETAS)[index],
                "gender": np.array(gender),
                "mocap_framerate": np.array(options.frame_rate),
                "surface_model_type": np.array("smplh"),
            }

    return [_write(path, arrays) for path, arrays in _named(fits, out, ".npz", sequences)]


def write_smpl(fits: Path, out: Path, options: ExportOptions) -> list[Path]:
    """Write `NAME.smpl`, an avatar of one frame, y up and z towards the camera."""

    def avatars(batch: FitBatch) -> Iterator[_Arrays]:
        bodies = turned(_usable(batch), Y_UP)
        for index, gender in enumerate(_genders(batch)):
            yield {
                "codecVersion": np.array(SMPL_CODEC_VERSION, np.int32),
                "smplVersion": np.array(SMPL_KIND, np.int32),
                "gender": np.array(_GENDER_CODES[gender], np.int32),
                "shapeParameters": bodies.betas[index].astype(np.float32),
                "frameCount": np.array(1, np.int32),
                "frameRate": np.array(options.frame_rate, np.float32),
                "bodyTranslation": bodies.transl[[index]].astype(np.float32),
                "bodyPose": bodies.pose[[index]].reshape(1, 24, 3).astype(np.float32),
            }

    return [_write(path, arrays) for path, arrays in _named(fits, out, ".smpl", avatars)]


def _saved_fits(batch: FitBatch) -> Iterator[_Arrays]:
    keypoints = batch.points("keypoints", 3)
    keypoints_px = batch.points("keypoints_px", 2)
    is_seen = keypoints[..., 2] > 0
    error_px = np.where(is_seen, np.linalg.norm(keypoints_px - keypoints[..., :2], axis=-1), np.nan)
    names = ("betas", "global_orient", "body_pose", "transl", "focal_length", "camera_center", "image_size")
    names += ("quality", "start_margin", "person_height_px", "cost", "status", "num_steps")
    names += (
        *(f"cost_{name}" for name in TERM_NAMES),
        *(f"quality_features_{name}" for name in QualityFeatures.__dataclass_fields__),
    )
    columns = {name: batch.array(name) for name in names}
    columns |= {name: batch.points(name, 3) for name in ("joints", "joints_std")}
    columns |= {"keypoints": keypoints, "keypoints_px": keypoints_px, "reprojection_error_px": error_px}
    columns |= {
        "cam_t": columns["transl"],
        "f": columns["focal_length"],
        "c": columns["camera_center"],
        "pose": bodies_of(batch).pose.astype(np.float32),
    }
    said = {"layout": np.array(batch.provenance.layout), "body_name": np.array(batch.provenance.body_name)}
    for index in np.flatnonzero(batch.is_usable):
        yield {name: column[index] for name, column in columns.items()} | said


def _usable(batch: FitBatch) -> Bodies:
    bodies = bodies_of(batch)
    keep = bodies.is_usable
    return Bodies(bodies.pose[keep], bodies.betas[keep], bodies.transl[keep], bodies.pelvis[keep], keep[keep])


def _genders(batch: FitBatch) -> list[str]:
    """Of the usable people; neutral where it is not known."""
    words = {"m": "male", "f": "female"}
    genders = [words.get((gender or " ")[0].lower(), "neutral") for gender in batch.texts("gender")]
    return [genders[index] for index in np.flatnonzero(batch.is_usable)]


def _named(
    fits: Path, out: Path, ending: str, contents: Callable[[FitBatch], Iterator[_Arrays]]
) -> Iterator[tuple[Path, _Arrays]]:
    """Each usable person's path, named for the id, and what goes there."""
    ids = (str(name) for batch in read_fits(fits, ("id",)) for name in batch.texts("id"))
    names = iter(unique_names(ids))
    for batch in read_fits(fits):
        some = [next(names) for _ in range(len(batch))]
        usable = [some[index] for index in np.flatnonzero(batch.is_usable)]
        for name, arrays in zip(usable, contents(batch), strict=True):
            yield out / (name + ending), arrays


def _write(path: Path, arrays: _Arrays) -> Path:
    with atomic_write(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path
