"""Exports with one file per person, or track, with a usable fit: the .npz of `smplify-fit`, AMASS's .npz, Meshcapade's .smpl."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.datasets.crops_of_fits import bodies_of, turned
from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.exports.motions import motions
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.selection import Selection, select
from smplify_jax.datasets.exports.units import UNIT_COLUMNS, Unit, whole_units
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.exports.amass import amass_arrays
from smplify_jax.exports.smpl import avatar_arrays
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.keypoints.names import unique_names

Y_UP = Rotation.from_matrix(UPRIGHT_FROM_CAMERA)
"""From the camera frame to x right, y up, z towards the viewer."""

_Arrays = dict[str, np.ndarray]


def write_people(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.npz` like `smplify-fit`: `FitResult.load` reads it, and it has the keys of the original SMPLify."""
    return _write_each(select(fits, options), out, ".npz", _saved_fits)


def write_amass(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.npz` with AMASS's keys, z up, assuming a level camera: a sequence of one frame, or of those of a track.

    `body_name` states the body that the betas belong to. In a track, `is_fitted` is False where a body was filled in, or is held because
    there is none.
    """

    def sequences(batch: FitBatch, units: list[Unit]) -> Iterator[_Arrays | None]:
        for unit, motion in zip(units, motions(batch, units, options.frame_rate), strict=True):
            if motion is None:
                yield None
                continue
            bodies = motion.bodies
            arrays = amass_arrays(
                bodies.pose,
                bodies.betas[0],
                bodies.transl,
                bodies.pelvis,
                frame_rate=motion.frame_rate,
                gender=_gender(batch),
                body_name=batch.provenance.body_name,
            )
            yield arrays | ({"is_fitted": motion.is_fitted} if unit.is_track else {})

    return _write_each(select(fits, options), out, ".npz", sequences)


def write_smpl(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME.smpl`, an avatar of one frame or of those of a track, y up and z towards the camera.

    It is of SMPL, SMPL-H or SMPL-X, as the body that was fitted.

    Readers of the format refuse unknown arrays, so betas of the open body could not be marked as such: they are zero instead,
    SMPL's mean shape.
    """

    def avatars(batch: FitBatch, units: list[Unit]) -> Iterator[_Arrays | None]:
        is_smpls = options.open_body_as_smpl or not batch.provenance.is_open_body
        for motion in motions(batch, units, options.frame_rate):
            if motion is None:
                yield None
                continue
            bodies = turned(motion.bodies, Y_UP)
            yield avatar_arrays(
                bodies.pose,
                is_smpls * bodies.betas[0],
                bodies.transl,
                frame_rate=motion.frame_rate,
                gender=_gender(batch),
                num_joints=batch.provenance.num_joints,
            )

    return _write_each(select(fits, options), out, ".smpl", avatars)


def _saved_fits(batch: FitBatch, units: list[Unit]) -> Iterator[_Arrays | None]:
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
    of_tracks = {"frames": batch.array("frame"), "times": batch.array("time")} if units[0].is_track else {}
    labels = {"layout": np.array(batch.provenance.layout), "body_name": np.array(batch.provenance.body_name)}
    is_usable = batch.is_usable
    for _, is_track, rows in units:
        own = rows if is_track else rows.start
        has_body = is_usable[rows].any()
        yield {name: column[own] for name, column in (columns | of_tracks).items()} | labels if has_body else None


def _gender(batch: FitBatch) -> str:
    """Gender of the fitted body; neutral if its file does not state it."""
    return batch.provenance.body_gender or "neutral"


def _write_each(
    people: Selection, out: Path, ending: str, contents: Callable[[FitBatch, list[Unit]], Iterator[_Arrays | None]]
) -> Exported:
    """Write a file for each person or track with a body, named after the id or the track; remove files of an earlier export for others."""
    units = _all_units(people)
    paths = [out / (name + ending) for name in unique_names(name for name, _ in units)]
    of_kept = itertools.compress(paths, (is_kept for _, is_kept in units))
    written: dict[Path, None] = {}
    for batch, own in whole_units(people.batches()):
        for path, arrays in zip(itertools.islice(of_kept, len(own)), contents(batch, own), strict=True):
            if arrays is not None:
                written[_write(path, arrays)] = None
    for path in paths:
        if path not in written:
            path.unlink(missing_ok=True)
    return people.exported(list(written), len(written))


def _all_units(people: Selection) -> list[tuple[str, bool]]:
    """The name of every unit of the fits, and whether any of its rows is exported."""
    found, first = [], 0
    for batch, units in whole_units(read_fits(people.fits, UNIT_COLUMNS)):
        for name, _, rows in units:
            found.append((name, bool(people.is_kept[first + rows.start : first + rows.stop].any())))
        first += len(batch)
    return found


def _write(path: Path, arrays: dict[str, Any]) -> Path:
    # Without allow_pickle, here and in every other call: NumPy before 2.1 does not know it and would write it as an array.
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)
    return path
