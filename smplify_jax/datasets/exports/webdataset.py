"""4D-Humans' training data: tar files in the format of the package webdataset, with a picture and its people in each sample.

A sample KEY is `KEY.jpg` (or .jpeg, .png), the unchanged bytes of the picture, and `KEY.data.pyd`, a pickled list of one dict per person:

    keypoints_2d (44, 3): x, y [px], confidence: OpenPose's 25, then the first 19 of SPIN's other 24.
    keypoints_3d (44, 4): zeros, including the confidences in the last column.
    center (2,) [px], scale (2,): the crop's width and height over 200, in the ratio 192 : 256 of the networks' input. The loader enlarges
        a box to that ratio and uses its larger side, so that a square would become a third larger.
    body_pose (72,): global_orient first [rad], in the frame of the camera that looks straight at the crop. betas (10,).
    has_body_pose, has_betas (): 1, or 0 for people without a usable fit; has_betas is also 0 for betas of the open body.
    extra_info: fitting_loss, an array () of the dict that the loader filters by; id, quality and body_name.
"""

from __future__ import annotations

import glob
import io
import tarfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.datasets.crops_of_fits import (
    BODY_COLUMNS,
    CAMERA_COLUMNS,
    CROP_COLUMNS,
    bodies_in_crops,
    crops_of,
    losses_of,
    pad_columns,
)
from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.exports.selection import select
from smplify_jax.datasets.exports.slots import NUM_4DHUMANS, in_slots, with_hidden_as_seen
from smplify_jax.datasets.parquet import FitBatch
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.picture_folder import PictureFolder
from smplify_jax.files.plain import open_plain
from smplify_jax.files.portable_pickle import portable_pickle
from smplify_jax.keypoints.names import file_safe

NUM_BETAS = 10
SUFFIXES = (".jpg", ".jpeg", ".png")
"""Suffixes of pictures that the loader accepts."""

CROP_SHAPE = (192, 256)
"""Width and height [px] of the input of 4D-Humans' networks."""

_COLUMNS = ("id", "image", "quality", "keypoints_px", *BODY_COLUMNS, *CAMERA_COLUMNS, *CROP_COLUMNS)

_Person = dict[str, Any]


def write_4dhumans(fits: Path, out: Path, options: ExportOptions) -> Exported:
    """Write `NAME-000000.tar` and so on, each completely or not at all; remove surplus shards of an earlier export.

    People whose picture is missing or of another kind are left out.
    """
    selection = select(fits, options, needs_pictures=True, suffixes=SUFFIXES)
    people = (pair for batch in selection.batches(_COLUMNS) for pair in _people(batch, options))
    # Consecutive rows with the same picture share a sample. Numbers keep keys unique when a picture comes up again later.
    samples = ((image, [person for _, person in group]) for image, group in groupby(people, lambda pair: pair[0]))
    folder, written = PictureFolder(options.images), list[Path]()
    for number, shard in enumerate(_shards(samples, options.people_per_shard)):
        path = out / f"{options.dataset}-{number:06d}.tar"
        with atomic_write(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
            for index, (image, group) in enumerate(shard):
                picture = folder.path_of(image)
                # The loader takes the name up to its first dot as the sample's key.
                key = f"{number:06d}_{index:06d}_{file_safe(picture.stem).replace('.', '_')}"
                _add(tar, key + picture.suffix.lower(), _bytes_of(picture))
                _add(tar, f"{key}.data.pyd", portable_pickle(group))
        written.append(path)
    for path in out.glob(f"{glob.escape(options.dataset)}-[0-9][0-9][0-9][0-9][0-9][0-9].tar"):
        if path not in written:
            path.unlink()
    return selection.exported(written)


def _shards(samples: Iterable[tuple[str, list[_Person]]], num_people: int) -> Iterator[list[tuple[str, list[_Person]]]]:
    shard, count = [], 0
    for sample in samples:
        shard.append(sample)
        count += len(sample[1])
        if count >= num_people:
            yield shard
            shard, count = [], 0
    if shard:
        yield shard


def _people(batch: FitBatch, options: ExportOptions) -> Iterator[tuple[str, _Person]]:
    crops = crops_of(batch, options.box_factor)
    expanded = crops.expanded(*CROP_SHAPE)
    is_smpls = options.open_body_as_smpl or not batch.provenance.is_open_body
    bodies = bodies_in_crops(batch, crops)
    keypoints = batch.points("keypoints", 3)
    placed = in_slots(with_hidden_as_seen(keypoints), batch.provenance.layout, NUM_4DHUMANS)
    pose, betas = bodies.pose.astype(np.float32), pad_columns(bodies.betas, NUM_BETAS).astype(np.float32)
    loss, quality = losses_of(batch, crops), batch.array("quality")
    ids, images = batch.texts("id"), batch.texts("image")
    for index in range(len(batch)):
        is_usable = bool(bodies.is_usable[index])
        fitting_loss = {"reprojection_loss": float(loss[index])} if is_usable else {}
        yield (
            images[index] or "",
            {
                "keypoints_2d": placed[index],
                "keypoints_3d": np.zeros((NUM_4DHUMANS, 4), np.float32),
                "center": crops.center[index].astype(np.float32),
                "scale": (expanded.size[index] / SPIN_BOX_UNIT).astype(np.float32),
                "body_pose": pose[index],
                "betas": betas[index],
                "has_body_pose": np.array(is_usable, np.float32),
                "has_betas": np.array(is_usable and is_smpls, np.float32),
                "extra_info": {
                    "fitting_loss": np.array(fitting_loss, object),
                    "id": ids[index],
                    "quality": float(quality[index]),
                    "body_name": batch.provenance.body_name,
                },
            },
        )


def _bytes_of(picture: Path) -> bytes:
    try:
        with open_plain(picture, "a picture") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{picture}: cannot be read to its end ({error.strerror}); replace or remove it.") from None


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
