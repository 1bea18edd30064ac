"""Synthetic videos: a body on its recorded path before a fixed camera, and what their detections promise."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from motion_folders import write_video_folder

from smplify_jax import load_body
from smplify_jax.camera.pinhole import project
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.tracks import EXACT_TRACK, TrackDetector, TrackOptions, Tracks, make_tracks

OPTIONS = TrackOptions(split="train", num_frames=30)
LAYOUT = get_layout("coco17")


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video_folder(tmp_path_factory.mktemp("motion"))


@pytest.fixture(scope="module")
def exact(folder: Path, body) -> Tracks:
    return make_tracks(folder, body, "coco17", EXACT_TRACK, OPTIONS)


def test_windows_alternate_between_subjects_and_their_actions(exact: Tracks):
    assert exact.clips.tolist() == [
        f"{name}.amc" for name in ("glide", "sway", "glide", "rock", "glide", "sway", "rock")
    ]
    assert exact.keypoints.shape == (7, 30, 17, 3)
    assert exact.truth.transl.shape == (7, 30, 3)
    np.testing.assert_allclose(np.diff(exact.times), 1 / 30)


def test_path_is_as_long_as_the_legs_make_it(exact: Tracks, body):
    joints = np.asarray(body.joints(**exact.truth.blocks()))
    glides = np.flatnonzero(exact.subjects == "cmu_1")
    for track in glides:
        hip, knee, ankle = (
            joints[track, 0, body.joint_names.index(f"left_{part}")] for part in ("hip", "knee", "ankle")
        )
        leg = np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle)
        way = joints[track, -1] - joints[track, 0]
        # 29 of the 90 frames in which two legs are covered; the legs of the two sides differ by 2 %
        np.testing.assert_allclose(np.linalg.norm(way, axis=-1), 2 * leg * 29 / 90, rtol=0.02)
        steps = np.diff(joints[track], axis=0)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[:1, :1], steps.shape), atol=1e-5)  # float32 of metres


def test_each_track_has_one_body_and_one_camera_that_sees_it(exact: Tracks, body):
    betas = np.asarray(exact.truth.betas)
    np.testing.assert_array_equal(betas, np.broadcast_to(betas[:, :1], betas.shape))
    assert len(np.unique(betas[:, 0, 0])) == 7
    assert exact.camera.focal_length.shape == (7, 2)
    points = np.stack(
        [
            project(body.keypoints(**jax.tree.map(lambda a, n=n: a[n], exact.truth).blocks(), layout="coco17"), camera)
            for n in range(7)
            for camera in [jax.tree.map(lambda a, n=n: a[n], exact.camera)]
        ]
    )
    np.testing.assert_allclose(points, exact.true_keypoints_px, atol=1e-3)
    np.testing.assert_allclose(exact.keypoints[..., :2], exact.true_keypoints_px, rtol=1e-6)
    inside = (points > 0) & (points < exact.image_size[:, None, None])
    assert inside.all(axis=-1).mean() > 0.98  # placed by joints: noses may stick out
    assert ((exact.height_px > 200) & (exact.height_px < 700)).all()  # 250 to 500 in the middle of the path


def test_detector_and_layout_and_number_of_tracks_change_nobody(folder: Path, body, exact: Tracks):
    noisy = make_tracks(folder, body, "lsp14", TrackDetector(noise=0.04), replace(OPTIONS, max_tracks=2))
    assert len(noisy) == 2
    for ours, theirs in zip(jax.tree.leaves(noisy.truth), jax.tree.leaves(exact.truth), strict=True):
        np.testing.assert_array_equal(ours, theirs[:2])
    white = make_tracks(
        folder, body, "lsp14", TrackDetector(noise=0.02, drift_share=0.0), replace(OPTIONS, max_tracks=2)
    )
    np.testing.assert_array_equal(white.keypoints[..., 2] == 0, noisy.keypoints[..., 2] == 0)


def test_half_of_the_speed_halves_the_way(folder: Path, body, exact: Tracks):
    slow = make_tracks(folder, body, "coco17", EXACT_TRACK, replace(OPTIONS, speed=(0.5, 0.5)))
    ways = [
        np.linalg.norm(np.ptp(np.asarray(tracks.truth.transl)[tracks.subjects == "cmu_1"][0], axis=0))
        for tracks in (slow, exact)
    ]
    assert ways[0] == pytest.approx(0.5 * ways[1], rel=0.15)  # the two people have other legs


def test_arguments_for_single_frames_are_those_of_the_track(exact: Tracks):
    frames = exact.frames_as_seen()
    assert frames["keypoints"].shape == (210, 17, 3)
    np.testing.assert_array_equal(frames["keypoints"][35], exact.keypoints[1, 5])
    np.testing.assert_array_equal(frames["camera"].focal_length[59], exact.camera.focal_length[1])
    assert exact.as_seen()["keypoints"].shape == (7, 30, 17, 3)


def test_tracks_longer_than_every_recording_are_told(folder: Path, body):
    with pytest.raises(InputError, match="300 good frames"):
        make_tracks(folder, body, "coco17", EXACT_TRACK, replace(OPTIONS, num_frames=300))
