"""Files as other programs write them: the same two people in each, read and fitted."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES, FOCAL_LENGTH, SIZE, pelvis_error_mm, true_joints

from smplify_jax import fit, load_keypoints
from smplify_jax.datasets.read import read_dataset
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.rows import DatasetRow

MAX_ERROR_MM = 80.0
"""Points without noise leave the depth of limbs to the prior; a point taken for another, or x for y, costs hundreds."""

FILES: dict[str, tuple[str, str | None]] = {
    "crowdpose.json": ("lsp14", None),
    "coco17_keypoints.json": ("coco17", None),
    "halpe26_keypoints.json": ("halpe26", None),
    "wholebody133_keypoints.json": ("coco23", None),
    "mediapipe_message_to_dict.json": ("mediapipe33", None),
    "mediapipe_no_visibility.json": ("mediapipe33", None),
    "mediapipe_web.json": ("mediapipe33", None),
    "mmpose_inferencer.json": ("coco17", None),
    "mmpose_demo_coco.json": ("coco17", None),
    "mmpose_demo_humanart.json": ("coco17", None),
    "mmpose_demo_posetrack18.json": ("openpose25b", None),
    "ultralytics.json": ("coco17", None),
    "easy_vitpose.json": ("coco17", None),
    "controlnet_a1111.json": ("openpose18", None),
    "comfyui.json": ("openpose18", None),
    "hrnet_mpii.json": ("mpii16", None),
    "h36m_body3d.npz": ("h36m17", "h36m17"),
    "bedlam_like.npz": ("coco17", "coco17"),
}
"""File to the layout that its people are in, and the one that a caller must name."""


@cache
def rows_of(name: str) -> list[Any]:
    return list(read_dataset(CASES / name, options=ReadOptions(layout=FILES[name][1], image_size=SIZE)))


@pytest.mark.parametrize("name", FILES)
def test_everybody_of_a_file_is_read(name: str):
    rows = rows_of(name)
    num_people = 1 if name == "mediapipe_message_to_dict.json" else 2  # such a message is of one person
    assert [getattr(row, "reason", "read") for row in rows] == ["read"] * num_people
    assert {row.layout for row in rows} == {FILES[name][0]}


@pytest.mark.parametrize("layout", sorted({layout for layout, _ in FILES.values()}))
def test_the_people_read_are_those_whose_pose_is_known(layout: str):
    rows = [(name, k, row) for name in FILES if FILES[name][0] == layout for k, row in enumerate(rows_of(name))]
    keypoints = np.stack([row.keypoints for _, _, row in rows])
    fitted = fit(keypoints, layout=layout, image_size=SIZE, camera=FOCAL_LENGTH)
    true = true_joints("two_people")
    errors = {(name, k): pelvis_error_mm(fitted.joints[i], true[k]) for i, (name, k, _) in enumerate(rows)}
    assert max(errors.values()) < MAX_ERROR_MM, errors


@pytest.mark.parametrize("name", FILES)
def test_what_a_data_set_job_reads_one_file_of_keypoints_is_too(name: str):
    people = load_keypoints(CASES / name, layout=FILES[name][1], image_size=SIZE)
    assert people.layout == FILES[name][0]
    np.testing.assert_array_equal(people.keypoints, np.stack([row.keypoints for row in rows_of(name)]))


@pytest.mark.parametrize("name", ["controlnet_a1111.json", "comfyui.json"])
def test_the_canvas_is_the_size_of_the_picture(name: str):
    rows = [row for row in read_dataset(CASES / name) if isinstance(row, DatasetRow)]
    assert [row.image_size for row in rows] == [SIZE, SIZE]


def test_the_camera_of_every_person_is_kept():
    assert [row.focal_length for row in rows_of("bedlam_like.npz")] == [FOCAL_LENGTH] * 2


def test_a_person_without_keypoints_keeps_their_place_and_stops_nobody(tmp_path: Path):
    command = [sys.executable, "-m", "smplify_jax.cli.fit", CASES / "associated", "--out", tmp_path / "fits"]
    options = ["--image-size", *map(str, SIZE), "--no-obj", "--no-overlay"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    written = sorted(path.name for path in (tmp_path / "fits").glob("*.npz"))
    assert written == ["cam01_000000_0.npz", "cam01_000001_0.npz", "cam01_000001_1.npz"]
    assert done.stderr.count("no keypoints") == 1
