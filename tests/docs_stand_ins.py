"""Small files under the names that the documentation gives to files of the reader's own."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from bodies import random_body_arrays
from body_files import write_pickle
from command_line import DETECTIONS, PICTURE
from keypoint_files import coco_annotations, figure, flat, write_json, write_npz, write_openpose
from PIL import Image
from rigs import people_inside, ring, seen_by_all

from smplify_jax.body.load import load_body
from smplify_jax.camera.calibration import save_calibration
from smplify_jax.prior.load import load_prior


def _detections(path: Path) -> None:
    shutil.copy(DETECTIONS, path)


def _photo(path: Path) -> None:
    Image.open(PICTURE).convert("RGB").save(path)


def _openpose_output(folder: Path) -> None:
    folder.mkdir()
    for k in range(2):
        write_openpose(folder / f"walk_{k:012d}_keypoints.json", figure("openpose25", shift=float(k)))


def _frames(folder: Path) -> None:
    folder.mkdir()
    for k in range(2):
        Image.new("RGB", (640, 480), "white").save(folder / f"walk_{k:012d}.png")


def _alphapose(path: Path) -> None:
    names = [f"walk_{k:012d}.png" for k in range(2)]
    people = [flat(figure("coco17", float(k))) for k in range(2)]
    write_json(path, [{"image_id": name, "keypoints": one, "idx": 1} for name, one in zip(names, people, strict=True)])


def _people(path: Path) -> None:
    write_npz(path, keypoints=figure("coco17")[None], layout="coco17", image_size=(640, 480), names=["anna"])


def _annotations(path: Path) -> None:
    write_json(path, coco_annotations(*(figure("coco17", 5.0 * k, confidence=2) for k in range(3))))


def _posetrack(folder: Path) -> None:
    """One person in three frames of a video."""
    folder.mkdir()
    frames = [coco_annotations(figure("coco17", 5.0 * k, confidence=2), track_id=1) for k in range(3)]
    for k, one in enumerate(frames):
        one["images"][0] |= {"id": k, "file_name": f"walk/{k:06d}.jpg"}
        one["annotations"][0] |= {"id": k, "image_id": k}
    both = {name: [entry for one in frames for entry in one[name]] for name in ("images", "annotations")}
    write_json(folder / "walk.json", both | {"categories": frames[0]["categories"]})


def _body(path: Path) -> None:
    write_pickle(path, random_body_arrays())


def _mixture(path: Path) -> None:
    prior = load_prior()
    write_pickle(path, {name: np.asarray(getattr(prior, name), np.float64) for name in ("means", "covars", "weights")})


def _parquet(path: Path) -> None:
    rows = [flat(figure("coco17", 5.0 * k)) for k in range(3)]
    columns = {"keypoints": rows, "layout": ["coco17"] * 3, "image_width": [640] * 3, "image_height": [480] * 3}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _capsules(path: Path) -> None:
    """Lengths and radii alone, as published files have them."""
    rows = np.zeros((11, 20))
    rows[-1] = 0.1
    write_npz(path, betas2lens=rows, betas2rads=rows)


def _views(path: Path) -> None:
    """Two moments of one person before the cameras of `Calib.toml`."""
    points, _ = people_inside(1, "coco17")
    np.save(path, seen_by_all(ring(4), np.stack([points[0]] * 2)))


def _vibe(path: Path) -> None:
    """The person of `openpose_output` in VIBE's form."""
    seen = figure("openpose25")[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = 1.1 * (high - low).max()
    pose = np.zeros((2, 72), np.float32)
    pose[:, 0] = np.pi
    person = {
        "pred_cam": np.tile(np.array([0.9, 0.0, 0.2], np.float32), (2, 1)),
        "pose": pose,
        "betas": np.zeros((2, 10), np.float32),
        "bboxes": np.tile([*(low + high) / 2, side, side], (2, 1)),
        "frame_ids": np.arange(2),
    }
    path.write_bytes(pickle.dumps({1: person}))


def _sam3d(path: Path) -> None:
    zero = np.zeros(3, np.float32)
    points = load_body().keypoints(betas=zero, global_orient=zero, body_pose=zero, transl=zero, layout="mhr70")
    write_npz(path, keypoints_3d=np.asarray(points)[None] * (1, -1, -1))


STAND_INS: dict[str, Callable[[Path], None]] = {
    "photo_keypoints.json": _detections,
    "photo.jpg": _photo,
    "openpose_output": _openpose_output,
    "frames": _frames,
    "alphapose-results.json": _alphapose,
    "people.npz": _people,
    "Calib.toml": lambda path: save_calibration(path, ring(4)),
    "views.npy": _views,
    "vibe_output.pkl": _vibe,
    "sam3d.npz": _sam3d,
    "keypoints.npy": lambda path: np.save(path, np.stack([figure("coco17", float(k)) for k in range(3)])),
    "person_keypoints_train2017.json": _annotations,
    "annotations.json": _annotations,
    "posetrack_json": _posetrack,
    "train.parquet": _parquet,
    "SMPL_NEUTRAL.pkl": _body,
    "models/smpl/SMPL_FEMALE.pkl": _body,
    "capsules.npz": _capsules,
    "gmm_08.pkl": _mixture,
    "my_mixture.pkl": _mixture,
}


def put_stand_ins(folder: Path, text: str) -> None:
    """Make those files that the text of a page names."""
    for name, make in STAND_INS.items():
        if name.split("/")[0] in text:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)
