"""The benchmark of videos, on a tiny motion folder."""

from pathlib import Path

import numpy as np
import pytest
from motion_folders import write_video_folder

from benchmarks.video import Options, run
from benchmarks.video_memory import to_and_fro
from smplify_jax import load_body
from smplify_jax.learn.tracks import EXACT_TRACK, TrackOptions, joints_of_tracks, make_tracks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video_folder(tmp_path_factory.mktemp("motion"))


def test_smoothing_calms_what_was_fitted_frame_by_frame(folder: Path):
    methods = ("per frame", "smoothed by hand", "2D smoothed", "both smoothed")
    options = Options(
        folder, num_clips=2, num_frames=20, noise=(2.0,), kinds=("white",), methods=methods, split="train"
    )
    frames, *calmed = run(options)
    assert [row["method"] for row in (frames, *calmed)] == list(methods)
    for row in calmed:
        assert row["acceleration"] < 0.3 * frames["acceleration"]
        assert row["pa_mpjpe_mm"] < frames["pa_mpjpe_mm"]
    assert frames["frames_per_s"] > 0


def test_joints_are_those_of_each_track_and_long_videos_do_not_jump(folder: Path):
    body = load_body()
    tracks = make_tracks(folder, body, "coco17", EXACT_TRACK, TrackOptions(split="train", num_frames=20, max_tracks=2))
    joints = joints_of_tracks(body, tracks.truth)
    alone = body.joints(**{name: block[1] for name, block in tracks.truth.blocks().items()})
    np.testing.assert_array_equal(joints[1], alone)
    long = to_and_fro(tracks, 100)
    np.testing.assert_array_equal(long[:20], tracks.keypoints[0])
    steps = np.abs(np.diff(long, axis=0)).max(axis=(1, 2))
    assert steps.max() == pytest.approx(steps[:19].max())
