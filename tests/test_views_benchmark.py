"""The benchmark of several views, on a tiny motion folder."""

from pathlib import Path

import numpy as np
import pytest
from motion_folders import write_video_folder

from benchmarks.views import EXACT, Options, make_scene, ring, run, triangulated
from smplify_jax import load_body


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    folder = write_video_folder(tmp_path_factory.mktemp("motion"))
    return Options(folder, num_people=2, noise=("2 %",), calibrated=(1, 3), uncalibrated=(), split="train")


def test_people_stand_in_the_middle_of_level_cameras(options: Options):
    scene = make_scene(options, load_body(), EXACT)
    assert scene.keypoints.shape == (2, 4, 17, 3)
    assert np.linalg.norm(scene.joints[:, 0, :2], axis=-1).max() < 2
    # Exact keypoints are triangulated exactly: the cameras, the people and their pictures agree. Float32 pixels, 4 m away.
    np.testing.assert_allclose(triangulated(scene, 4), scene.points, atol=1e-3)
    for camera in ring():
        np.testing.assert_allclose(np.asarray(camera.rotation)[0, 2], 0, atol=1e-12)


def test_every_row_has_its_numbers_and_more_views_are_better(options: Options):
    picture, one, three = run(options)
    assert [row["method"] for row in (picture, one, three)] == ["one picture", "calibrated", "calibrated"]
    assert one["over_one_view"] == 1
    assert three["over_one_view"] < 1
    assert np.isnan(one["triangulated_mean_mm"])
    assert np.isfinite(three["triangulated_mean_mm"])
    assert three["keypoints_mean_mm"] < one["keypoints_mean_mm"]
