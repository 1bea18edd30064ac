"""Valid files to begin with: those of the tests, which other programs' files were modelled on, and others made here."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from smplify_jax.keypoints.layouts import get_layout

TEST_DATA = Path(__file__).parents[2] / "tests" / "data"

SIZE = (640, 480)
_GENERATOR = np.random.default_rng(0)
_POINTS = np.round(_GENERATOR.uniform((200, 60, 0.3), (400, 420, 1), (49, 3)), 2)


def of_tests(*patterns: str) -> Callable[[], list[bytes]]:
    """Files of the tests by patterns of their paths."""
    return lambda: [
        path.read_bytes() for pattern in patterns for path in sorted(TEST_DATA.glob(pattern)) if path.is_file()
    ]


def as_json(value: Any) -> bytes:
    """A file of JSON."""
    return json.dumps(value).encode()


def npz(**arrays: Any) -> bytes:
    """An archive of arrays."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    """A file of one array."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def picture(kind: str = "JPEG", **options: Any) -> bytes:
    """A small picture with the EXIF tags of a camera."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    exif.get_ifd(0x8769).update({0x920A: 35.0, 0xA405: 50, 0xA002: 40, 0xA003: 30, 0xA20E: 3000.0, 0xA210: 2})
    pixels = np.arange(40 * 30 * 3, dtype=np.uint32).reshape(30, 40, 3).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **({"exif": exif} | options))
    return out.getvalue()


def pictures() -> list[bytes]:
    """A picture of every kind that is opened."""
    kinds = [picture(), picture("PNG"), picture("WEBP"), picture("TIFF"), picture("BMP")]
    kinds += [picture("TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")]
    return [*kinds, picture("JPEG", progressive=True), picture("PNG", compress_level=0)]


def easymocap() -> list[bytes]:
    """Two people of a picture."""
    people = [
        {"personID": k, "bbox": [1.0, 2.0, 300.0, 400.0, 0.9], "keypoints": _POINTS[:25].tolist()} for k in (0, 1)
    ]
    return [as_json({"filename": "a.jpg", "height": SIZE[1], "width": SIZE[0], "annots": people})]


def alphapose() -> list[bytes]:
    """Three forms of its results."""
    person = {
        "keypoints": _POINTS[:17].ravel().tolist(),
        "score": 2.9,
        "box": [255.0, 94.0, 130.0, 316.0],
        "idx": [0.0],
    }
    listed = [{"image_id": f"{k}.jpg", "category_id": 1} | person for k in range(2)]
    bodies = [{"joints": _POINTS[:18].ravel().tolist()}] * 2
    people = [{"pose_keypoints_2d": _POINTS[:18].ravel().tolist()}] * 2
    return [as_json(listed), as_json({"a.jpg": {"bodies": bodies}}), as_json({"a.jpg": {"people": people}})]


def coco_results() -> list[bytes]:
    """Two people of a picture."""
    keypoints = _POINTS[:17].ravel().tolist()
    return [as_json([{"image_id": k, "category_id": 1, "keypoints": keypoints, "score": 0.9} for k in range(2)])]


def coco() -> list[bytes]:
    """Annotations with named keypoints, with feet, and with tracks."""
    people = [
        {"id": k, "image_id": 7, "category_id": 1, "bbox": [1, 2, 300, 400], "track_id": k, "num_keypoints": 17}
        | {"keypoints": np.c_[_POINTS[:17, :2], np.full(17, 2)].ravel().tolist()}
        | ({"foot_kpts": np.c_[_POINTS[:6, :2], np.full(6, 2)].ravel().tolist(), "foot_valid": True} if k else {})
        for k in range(3)
    ]
    names = list(get_layout("coco17").keypoint_names)
    pictures = [{"id": 7, "file_name": "val/street 7.jpg", "width": SIZE[0], "height": SIZE[1]}]
    return [
        as_json(
            {"images": pictures, "annotations": people, "categories": [{"id": 1, "name": "person", "keypoints": names}]}
        )
    ]


def spin() -> list[bytes]:
    """Two people, with names as text and as bytes."""
    points = np.stack([_POINTS, _POINTS])
    people = {
        "center": np.full((2, 2), 300.0),
        "scale": np.full(2, 1.5),
        "openpose": points[:, :25],
        "part": points[:, 25:],
    }
    people |= {
        "gender": np.array(["m", "f"]),
        "pose": np.zeros((2, 72)),
        "shape": np.zeros((2, 10)),
        "has_smpl": np.zeros(2),
    }
    names = np.array(["a.jpg", "b.jpg"])
    return [npz(imgname=names, **people), npz(imgname=names.astype("S"), **people)]


def hmr2() -> list[bytes]:
    """Two people of 4D-Humans."""
    points = np.stack([_POINTS, _POINTS]).astype(np.float32)
    people = {
        "imgname": np.array(["a.jpg", "b.jpg"]),
        "center": np.full((2, 2), 300.0),
        "scale": np.full((2, 2), 200.0),
    }
    return [npz(**people, body_keypoints_2d=points[:, :25], extra_keypoints_2d=points[:, 25:44])]


def hmr2_tar() -> list[bytes]:
    """Two pictures with people of 4D-Humans."""
    person = {"keypoints_2d": _POINTS[:44].astype(np.float32), "center": np.full(2, 300.0), "scale": np.full(2, 1.5)}
    person |= {"has_betas": np.array(1.0), "extra_info": {"source": "test"}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for key in ("a", "b"):
            for name, content in ((f"{key}.data.pyd", pickle.dumps([person] * 2)), (f"{key}.jpg", picture())):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return [out.getvalue()]


def predictions() -> list[bytes]:
    """What VIBE, WHAM, 4D-Humans' tracker, HMR2, SPIN and CLIFF save of two people."""
    pose, betas, transl = _GENERATOR.normal(size=(2, 72)), np.zeros((2, 10)), np.tile([0.1, 0.2, 5.0], (2, 1))
    matrices = np.tile(np.eye(3), (2, 24, 1, 1))
    boxes = np.array([[320.0, 240.0, 300.0, 300.0]] * 2)
    names = np.array(["a.jpg", "b.jpg"])
    frames = {"frame_ids": np.arange(2), "pose": pose, "betas": betas}
    smpl = {"global_orient": matrices[0, :1], "body_pose": matrices[0, 1:], "betas": betas[0]}
    tracked = {"tid": [1], "bbox": [boxes[0]], "camera": [transl[0]], "size": [[480, 640]], "smpl": [smpl], "time": 0}
    cropped = {"pred_cam": transl, "box_center": boxes[:, :2], "box_size": boxes[:, 2]}
    pickles = (
        {1: {**frames, "pred_cam": transl, "bboxes": boxes, "joints2d": None}},
        {0: {**frames, "trans": transl}},
        {"img/000000.jpg": {**tracked, "tracked_time": [0]}},
        [{"img_name": "a.jpg", "pred_pose": matrices[:1], "pred_cam": transl[:1], "bboxes": boxes[:1]}],
        {"pred_smpl_params": {"global_orient": matrices[:, :1], "body_pose": matrices[:, 1:]}, **cropped},
    )
    detections = np.concatenate([np.arange(2)[:, None], boxes, np.ones((2, 2))], axis=1)
    return [
        *map(pickle.dumps, pickles),
        npz(imgname=names, pose=pose, shape=betas, center=boxes[:, :2], scale=boxes[:, 2] / 200, has_smpl=np.ones(2)),
        npz(imgname=names, pose=pose, shape=betas, global_t=transl, focal_l=np.ones(2), detection_all=detections),
    ]


def parquet() -> list[bytes]:
    """Two people with all columns, in lists of a fixed size and of any."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.tile(_POINTS[:17].astype(np.float32).ravel(), 2))
    columns = {
        "layout": ["coco17"] * 2,
        "id": ["a", "b"],
        "image": ["a.jpg", None],
        "image_width": [640.0, None],
        "image_height": [480.0, None],
        "focal_length": [800.0, None],
        "camera_center": [[320.0, 240.0], None],
        "box": [[1.0, 2.0, 300.0, 400.0], None],
        "gender": ["female", None],
        "track_id": [1, 2],
    }
    files = []
    for keypoints in (pa.FixedSizeListArray.from_arrays(flat, 51), pa.array([_POINTS[:17].tolist()] * 2)):
        out = io.BytesIO()
        pq.write_table(pa.table({"keypoints": keypoints, **columns}), out)
        files.append(out.getvalue())
    return files


def cvat() -> list[bytes]:
    """A picture with two people."""
    points = "".join(
        f'<points label="{name}" occluded="0" outside="0" points="{x},{y}"></points>'
        for name, (x, y, _) in zip(get_layout("coco17").keypoint_names, _POINTS.tolist(), strict=False)
    )
    people = f'<skeleton label="person">{points}</skeleton>' * 2
    head = '<?xml version="1.0"?>\n<annotations><image name="a.jpg" width="640" height="480">'
    return [f"{head}{people}</image></annotations>".encode()]


def yolo() -> list[bytes]:
    """Two people with 17 keypoints, with flags and with scores and tracks."""
    fractions = (_POINTS[:17] / [*SIZE, 1]).round(4)
    flagged = np.c_[fractions[:, :2], np.full(17, 2)]
    lines = [" ".join(map(str, (0, 0.5, 0.5, 0.2, 0.6, *rows.ravel()))) for rows in (fractions, flagged)]
    return ["\n".join([lines[0] + " 0.9 1"] * 2).encode(), "\n".join([lines[1]] * 2).encode()]
