"""Writers of the formats of datasets, for the tests of their readers."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from keypoint_files import coco_annotations, coco_results, figure, flat, write_json, write_npz, write_openpose
from PIL import Image

from smplify_jax.datasets.read import read_dataset
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

SIZE = (640.0, 480.0)

COCO = figure("coco17")


def read_all(path: Path, format: str | None = None, **options: Any) -> tuple[list[DatasetRow], list[RejectedRow]]:
    """The people and the rejected records of a dataset."""
    rows = list(read_dataset(path, format, ReadOptions(**options)))
    people = [row for row in rows if isinstance(row, DatasetRow)]
    return people, [row for row in rows if isinstance(row, RejectedRow)]


def alphapose(*people: np.ndarray, image: str = "street/7.jpg") -> list[dict[str, Any]]:
    return [
        {
            "image_id": image,
            "category_id": 1,
            "keypoints": flat(rows),
            "score": 2.9,
            "box": [255.0, 94.0, 130.0, 316.0],
            "idx": [0.0],
        }
        for rows in people
    ]


def mmpose_people(*people: np.ndarray) -> list[dict[str, Any]]:
    return [
        {
            "keypoints": rows[:, :2].tolist(),
            "keypoint_scores": rows[:, 2].tolist(),
            "bbox": [[255.0, 94.0, 385.0, 410.0]],
            "bbox_score": 0.99,
        }
        for rows in people
    ]


def landmarks(rows: np.ndarray, size: tuple[float, float] = SIZE) -> list[dict[str, float]]:
    """A person of layout mediapipe33 as MediaPipe has them: x and y are fractions of the picture."""
    return [
        {"x": float(x / size[0]), "y": float(y / size[1]), "z": -0.1, "visibility": float(c), "presence": 1.0}
        for x, y, c in rows
    ]


def mediapipe_picture(*people: np.ndarray, image: str = "a.jpg") -> dict[str, Any]:
    return {
        "image": image,
        "width": SIZE[0],
        "height": SIZE[1],
        "pose_landmarks": [landmarks(rows) for rows in people],
        "pose_world_landmarks": [],
    }


def posetrack(*people: np.ndarray) -> dict[str, Any]:
    """A file of PoseTrack; `people` are of layout openpose25b."""
    layout = get_layout("openpose25b")
    names = ["nose", "head_bottom", "head_top", *get_layout("coco17").keypoint_names[3:]]
    ours = ["upper_neck" if name == "head_bottom" else name for name in names]
    picked = [rows[[layout.index(name) for name in ours]] for rows in people]
    for rows in picked:
        rows[:, 2] = 1
        rows[3:5] = 0  # nobody labelled the ears
    return {
        "images": [{"id": 10000, "file_name": "images/val/000342/000000.jpg", "vid_id": "000342", "frame_id": 10000}],
        "annotations": [
            {
                "id": 1000000 + k,
                "image_id": 10000,
                "track_id": k,
                "person_id": k,
                "category_id": 1,
                "bbox": [255, 70, 130, 340],
                "keypoints": flat(rows),
            }
            for k, rows in enumerate(picked)
        ],
        "categories": [{"supercategory": "person", "id": 1, "name": "person", "keypoints": names}],
    }


def spin_arrays(num_people: int, *, is_text: bool = True) -> dict[str, np.ndarray]:
    """Arrays as SPIN's preprocessing saves them."""
    rows = np.stack([figure_spin49(shift=float(k)) for k in range(num_people)])
    names = np.array([f"images/{k:05d}.jpg" for k in range(num_people)])
    return {
        "imgname": names if is_text else names.astype("S"),
        "center": np.full((num_people, 2), (320.0, 240.0)) + np.arange(num_people)[:, None],
        "scale": np.linspace(1.5, 2.5, num_people),
        "openpose": rows[:, :25],
        "part": rows[:, 25:],
        "S": np.zeros((num_people, 24, 4)),
        "pose": np.zeros((num_people, 72)),
        "shape": np.zeros((num_people, 10)),
        "has_smpl": np.zeros(num_people),
        "gender": np.array(["m", "f"] * num_people)[:num_people],
    }


def figure_spin49(shift: float = 0.0) -> np.ndarray:
    """(49, 3) float64: OpenPose's 25, then the 24 with the endings of their datasets, those of Human3.6M not seen."""
    openpose = figure("openpose25", shift).astype(np.float64)
    lsp = figure("coco17", shift).astype(np.float64)
    parts = np.zeros((24, 3))
    names = get_layout("spin49").keypoint_names[25:]
    for k, name in enumerate(names):
        base, _, _ = name.rpartition("_")
        if base in get_layout("coco17").keypoint_names:
            parts[k] = lsp[get_layout("coco17").index(base)]
            parts[k, 2] = 1
    return np.concatenate([openpose, parts])


def hmr2_person(shift: float = 0.0) -> dict[str, Any]:
    """A person as the tar files of 4D-Humans hold them."""
    return {
        "keypoints_2d": figure_spin49(shift)[:44].astype(np.float32),
        "keypoints_3d": np.zeros((44, 4), np.float32),
        "center": np.array([320.0, 252.0]),
        "scale": np.array([0.65, 1.58]),
        "body_pose": np.zeros(72, np.float32),
        "betas": np.zeros(10, np.float32),
        "has_body_pose": np.array(1.0),
        "has_betas": np.array(1.0),
        "extra_info": {"fitting_loss": np.array({"reprojection_loss": 12.5}), "source": "test"},
    }


def write_hmr2_tar(path: Path, samples: Iterable[tuple[str, object]], size: tuple[int, int] = (640, 480)) -> Path:
    """A tar with a picture and a `data.pyd` for each (key, people); people that are bytes are written as they are."""
    picture = io.BytesIO()
    Image.new("RGB", size).save(picture, "JPEG")
    with tarfile.open(path, "w") as archive:
        for key, people in samples:
            data = people if isinstance(people, bytes) else pickle.dumps(people)
            for name, content in ((f"{key}.data.pyd", data), (f"{key}.jpg", picture.getvalue())):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def write_large_list(path: Path, records: Iterator[str]) -> Path:
    """A JSON list of records that are JSON already, never all in memory."""
    with path.open("w") as file:
        separator = "["
        for record in records:
            file.write(f"{separator}\n{record}")
            separator = ","
        file.write("]")
    return path


def part_arrays() -> dict[str, np.ndarray]:
    """Arrays like SPIN's with a part of 14, and a camera for each of two people."""
    return {
        "imgname": np.array(["a.jpg", "b.jpg"]),
        "part": np.stack([figure("lsp14"), figure("lsp14", 5)]).astype(np.float64),
        "center": np.full((2, 2), 300.0),
        "scale": np.full(2, 1.5),
        "cam_int": np.array([[[1200.0, 0, 320], [0, 1200, 240], [0, 0, 1]]] * 2),
    }


def write_deeplabcut(path: Path, individuals: list[str]) -> Path:
    """Two frames of each individual."""
    names = get_layout("coco17").keypoint_names
    columns = [(who, name, word) for who in individuals for name in names for word in ("x", "y", "likelihood")]
    rows = [[str(value) for _ in individuals for value in COCO.ravel()] for _ in range(2)]
    lines = [["scorer", *("walk" for _ in columns)]]
    lines += [
        [word, *values]
        for word, values in zip(("individuals", "bodyparts", "coords"), zip(*columns, strict=True), strict=True)
    ]
    lines += [[str(number), *row] for number, row in enumerate(rows)]
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    return path


def write_cvat(path: Path, num_people: int) -> Path:
    """A picture with some people."""
    names = get_layout("coco17").keypoint_names
    points = "".join(
        f'<points label="{name}" occluded="0" outside="0" points="{x},{y}"></points>'
        for name, (x, y, _) in zip(names, COCO.tolist(), strict=True)
    )
    people = f'<skeleton label="person">{points}</skeleton>' * num_people
    path.write_text(
        f'<?xml version="1.0"?>\n<annotations><image name="a.jpg" width="640" height="480">{people}</image></annotations>'
    )
    return path


def write_json_of_programs(folder: Path) -> list[Path]:
    """One file of each JSON format that a single program writes, with two people in each."""
    rows = COCO.tolist()
    x, y, visible = COCO.T.tolist()
    canvas = {"canvas_width": 640, "canvas_height": 480}
    body = {"pose_keypoints_2d": flat(figure("openpose18")), "face_keypoints_2d": None}
    result = {"name": "person", "class": 0, "box": {"x1": 1.0, "y1": 2.0, "x2": 300.0, "y2": 400.0}, "track_id": 1}
    joints = {
        "joints": COCO[:16, :2].tolist(),
        "joints_vis": [1] * 16,
        "image": "a.jpg",
        "center": [9.0, 9.0],
        "scale": 2.0,
    }
    annots = [{"personID": k, "bbox": [1.0, 2.0, 300.0, 400.0, 0.9], "keypoints": rows} for k in range(2)]
    names = {str(k): name for k, name in enumerate(get_layout("coco17").keypoint_names)}
    frame = {str(k): COCO[:, [1, 0, 2]].tolist() for k in range(2)}
    return [
        write_json(folder / "comfyui.json", [{"people": [body], **canvas}] * 2),
        write_json(folder / "ultralytics.json", [result | {"keypoints": {"x": x, "y": y, "visible": visible}}] * 2),
        write_json(folder / "easymocap.json", {"filename": "a.jpg", "height": 480, "width": 640, "annots": annots}),
        write_json(folder / "mpii.json", [joints] * 2),
        write_json(folder / "vitpose_result.json", {"keypoints": [frame], "skeleton": names}),
    ]


def write_samples(folder: Path) -> list[Path]:
    """One file of each format, with three people in most."""
    annotations = coco_annotations(*(figure("coco17", k, confidence=2) for k in range(3)))
    return [
        write_openpose(folder / "openpose_keypoints.json", *(figure("openpose25", k) for k in range(3))),
        write_json(folder / "coco.json", annotations),
        write_json(folder / "posetrack.json", posetrack(figure("openpose25b"))),
        write_json(folder / "results.json", coco_results(COCO, COCO + 1)),
        write_json(folder / "alphapose.json", alphapose(COCO, COCO + 1)),
        write_json(folder / "mmpose.json", mmpose_people(COCO, COCO + 1)),
        write_json(folder / "mediapipe.json", [mediapipe_picture(figure("mediapipe33")) for _ in range(2)]),
        *write_json_of_programs(folder),
        write_npz(folder / "spin.npz", **spin_arrays(3)),
        write_hmr2_tar(folder / "hmr2.tar", [("a", [hmr2_person()]), ("b", [hmr2_person(), hmr2_person()])], (64, 48)),
        write_npz(folder / "own.npz", keypoints=COCO, layout="coco17"),
        write_npz(folder / "part.npz", **part_arrays()),
        write_json(folder / "cmu.json", {"a.jpg": {"bodies": [{"joints": flat(figure("openpose18"))}] * 2}}),
        write_deeplabcut(folder / "deeplabcut.csv", ["anna", "ben"]),
        write_cvat(folder / "cvat.xml", 2),
    ]
