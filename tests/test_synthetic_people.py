"""The benchmark's synthetic people: what their detections promise, and that a seed repeats them."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax import load_body
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.mocap.limits import is_possible
from smplify_jax.learn.mocap.poses import PoseSet
from smplify_jax.learn.mocap.recombination import recombined
from smplify_jax.learn.people import EXACT, LOWER_BODY, Detector, PeopleOptions, detect, make_people

LAYOUT = get_layout("coco17")


def _points() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.uniform(100, 500, size=(400, 17, 2)), np.full(400, 400.0)


def _detect(detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    points, height = _points()
    return points, detect(points, height, LAYOUT, detector, np.random.default_rng(1))


def test_exact_detections_are_the_truth():
    points, found = _detect(EXACT)
    np.testing.assert_allclose(found[..., :2], points, rtol=1e-6)  # float32
    assert (found[..., 2] > 0).all()


def test_noise_is_a_share_of_the_height_and_confidence_tells_it():
    points, found = _detect(replace(EXACT, noise=0.02))
    error = np.linalg.norm(found[..., :2] - points, axis=-1)
    # 6800 points; a lognormal spread of 0.4 raises the rms by exp(0.4²) over 0.02 · 400 · √2
    np.testing.assert_allclose(np.sqrt(np.mean(error**2)), 8.0 * np.sqrt(2) * np.exp(0.16), rtol=0.05)
    sure = found[..., 2] > 0.9
    assert error[sure].mean() < 0.8 * error[~sure].mean()


def test_shares_of_missing_points_outliers_and_exchanges_are_kept():
    _, found = _detect(replace(EXACT, missing=0.1))
    assert np.mean(found[..., 2] == 0) == pytest.approx(0.1, abs=0.015)  # 4 standard errors of 6800 draws
    points, found = _detect(replace(EXACT, outliers=0.03))
    assert np.mean(np.linalg.norm(found[..., :2] - points, axis=-1) > 1) == pytest.approx(0.03, abs=0.009)
    points, found = _detect(replace(EXACT, swaps=0.02))
    exchanged = np.all(np.isclose(found[..., :2], points[:, list(LAYOUT.flip)], rtol=1e-6), axis=-1)
    exchanged[:, LAYOUT.index("nose")] = False
    assert exchanged.sum() / exchanged[:, 1:].size == pytest.approx(0.02, abs=0.01)
    np.testing.assert_array_equal(exchanged, exchanged[:, list(LAYOUT.flip)])


def test_unseen_parts_have_no_confidence():
    _, found = _detect(replace(EXACT, unseen=LOWER_BODY))
    is_hidden = np.array([any(part in name for part in LOWER_BODY) for name in LAYOUT.keypoint_names])
    assert is_hidden.sum() == 6
    assert (found[:, is_hidden] == 0).all()
    assert (found[:, ~is_hidden, 2] > 0).all()


def test_recombined_poses_are_possible_ones_that_nobody_was_recorded_in():
    generator = np.random.default_rng(0)
    poses = generator.normal(0, 0.1, size=(500, 24, 3))
    names = np.arange(500).astype(str)
    recorded = PoseSet(poses.reshape(500, 72), **{one.name: names for one in fields(PoseSet) if one.name != "poses"})
    drawn = recombined(recorded, np.random.default_rng(1))
    assert len(drawn) > 400
    assert is_possible(drawn.poses).all()
    vectors, of_name = drawn.poses.reshape(-1, 24, 3), poses[drawn.clips.astype(int)]
    legs = [0, 1, 2, 4, 5, 7, 8, 10, 11]
    np.testing.assert_array_equal(vectors[:, legs], of_name[:, legs])
    for part in ([12, 15], [13, 16, 18, 20, 22], [14, 17, 19, 21, 23]):
        donors = np.array([np.flatnonzero((poses[:, part] == one).all(axis=(1, 2))).item() for one in vectors[:, part]])
        assert np.mean(donors != drawn.clips.astype(int)) > 0.9
    assert np.abs(vectors[:, 3, 0]).std() > 1.5 * np.abs(poses[:, 3, 0]).std()


@pytest.mark.real_data
def test_people_any_way_up_have_the_poses_of_those_who_stand(shared_data: Path):
    body = load_body()
    options = PeopleOptions(max_frames_per_clip=1)
    folder = shared_data / "mocap"
    usual, turned = (make_people(folder, body, options=one) for one in (options, replace(options, is_any_way_up=True)))
    np.testing.assert_array_equal(usual.truth.body_pose, turned.truth.body_pose)
    up = [-Rotation.from_rotvec(np.asarray(p.truth.global_orient)).as_matrix()[:, 1, 1] for p in (usual, turned)]
    assert np.median(up[0]) > 0.9
    assert (up[1] < 0).mean() > 0.25  # half of 27 are expected, with a standard error of 0.1


@pytest.mark.real_data
def test_same_seed_gives_the_same_people_in_the_picture_whatever_the_noise(shared_data: Path):
    body = load_body()
    options = PeopleOptions(max_frames_per_clip=1)
    exact, noisy = (
        make_people(shared_data / "mocap", body, "coco17", detector, options)
        for detector in (EXACT, Detector(noise=0.02))
    )
    np.testing.assert_array_equal(exact.true_keypoints_px, noisy.true_keypoints_px)
    np.testing.assert_allclose(exact.keypoints[..., :2], exact.true_keypoints_px, rtol=1e-6)
    assert len(exact) == 27
    assert set(exact.poses.subjects) <= {"cmu_6", "cmu_12", "cmu_43", "cmu_131"}
    assert np.abs(np.asarray(exact.truth.betas)).max() <= 2.0
    assert (exact.height_px >= 200).all()
    assert (exact.height_px <= 800).all()
    inside = (exact.true_keypoints_px > 0) & (exact.true_keypoints_px < exact.image_size[:, None])
    assert inside.all(axis=-1).mean() > 0.95  # placed by joints at the root's depth: noses and toes may stick out
