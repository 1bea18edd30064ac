"""Inputs of users for which `fit` or the commands once gave a wrong answer without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from bodies import random_body_arrays
from body_files import write_pickle
from cases import CASES, FOCAL_LENGTH, SIZE, pelvis_error_mm, true_joints

from smplify_jax import fit, load_keypoints


def test_zeros_with_a_score_are_no_keypoints():
    joints = {}
    for name in ("yolo", "yolo_clean"):
        people = load_keypoints(CASES / f"{name}.json")
        fitted = fit(people.keypoints, layout=people.layout, image_size=SIZE, camera=FOCAL_LENGTH)
        joints[name] = np.asarray(fitted.joints[0])
    np.testing.assert_array_equal(joints["yolo"], joints["yolo_clean"])


def test_one_matrix_for_two_people_is_everybodys():
    keypoints = np.load(CASES / "unequal_focal_lengths.npz")["keypoints"]
    matrix = np.array([[1000.0, 0, 640], [0, 1400.0, 480], [0, 0, 1]])
    fitted = fit(keypoints, layout="coco17", image_size=SIZE, camera=matrix)
    np.testing.assert_array_equal(fitted.camera.focal_length, [[1000, 1400]] * 2)
    depths = true_joints("unequal_focal_lengths")[:, 0, 2]
    # One for each was a metre off; exact points leave a few centimetres.
    np.testing.assert_allclose(fitted.joints[:, 0, 2], depths, atol=0.3)


def test_keypoints_of_a_larger_picture_are_noticed():
    keypoints = np.load(CASES / "other_resolution.npz")["keypoints"]
    with pytest.warns(UserWarning, match="outside"):
        fit(keypoints, layout="openpose25", image_size=SIZE)


@pytest.fixture(scope="module")
def gendered_bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three bodies that differ in size."""
    folder = tmp_path_factory.mktemp("bodies") / "smpl"
    for name, size in (("NEUTRAL", 1.0), ("FEMALE", 0.94), ("MALE", 1.05)):
        arrays = random_body_arrays()
        write_pickle(folder / f"SMPL_{name}.pkl", {**arrays, "v_template": arrays["v_template"] * size})
    return folder


@pytest.mark.parametrize(("options", "gender", "code"), [([], "neutral", 0), (["--gender", "female"], "female", 2)])
def test_exports_say_the_gender_of_the_body_that_was_fitted(gendered_bodies, tmp_path: Path, options, gender, code):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "smplify_jax.cli.dataset", CASES / "genders.npz", "--out", out]
    command += ["--body", gendered_bodies, "--image-size", *map(str, SIZE), "--export", "spin", "amass", "smpl"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    schema = pq.read_schema(next((out / "parquet").glob("*.parquet")))
    assert schema.metadata[b"smplify_jax.body_name"] == f"SMPL_{gender.upper()}".encode()
    assert {str(np.load(path)["gender"]) for path in (out / "amass").iterdir()} == {gender}
    assert {int(np.load(path)["gender"]) for path in (out / "smpl").iterdir()} == {code}
    spin = np.load(out / "spin" / "fits.npz")
    assert set(dict(spin).get("gender", ())) == (set() if gender == "neutral" else {"f"})


def test_an_unusual_pose_is_right_or_known_to_be_wrong():
    data = np.load(CASES / "wheel.npz")
    fitted = fit(data["keypoints"], layout="openpose25", image_size=SIZE, camera=FOCAL_LENGTH)
    errors = [pelvis_error_mm(joints, true) for joints, true in zip(fitted.joints, true_joints("wheel"), strict=True)]
    quality = np.asarray(fitted.quality)
    assert sum(error < 150 for error in errors) >= 3, errors
    assert all(error < 150 or score < 0.5 for error, score in zip(errors, quality, strict=True)), (errors, quality)
