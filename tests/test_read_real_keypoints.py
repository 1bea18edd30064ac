"""Reading real detections and annotations: counts, orders and sides are what the pictures show."""

from __future__ import annotations

import numpy as np
import pytest
from keypoint_files import write_npz

from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import LAYOUTS
from smplify_jax.keypoints.load import load_keypoints

pytestmark = pytest.mark.real_data


def left_of_right(people: KeypointSet, keypoint: str) -> np.ndarray:
    """x of the left keypoint minus x of the right one, of people who show both."""
    layout = LAYOUTS[people.layout]
    left, right = (people.keypoints[:, layout.index(f"{side}_{keypoint}")] for side in ("left", "right"))
    both = (left[:, 2] > 0.3) & (right[:, 2] > 0.3)
    return left[both, 0] - right[both, 0]


def test_real_coco_annotations_are_read_and_mostly_face_the_camera(shared_data):
    people = load_keypoints(shared_data / "keypoints/coco/person_keypoints_train2017_mini.json")
    assert len(people) == 86
    assert people.layout == "coco17"
    assert np.isfinite(people.image_size).all()
    # People mostly look at the photographer; swapped sides would show as a share below one half.
    for keypoint in ("eye", "shoulder", "hip"):
        assert (left_of_right(people, keypoint) > 0).mean() > 0.6


def test_real_openpose_output_is_read(shared_data):
    people = load_keypoints(shared_data / "keypoints/openpose")
    assert (len(people), people.layout) == (1, "openpose25_hands")
    x, y, confidence = people.keypoints[0].T
    names = LAYOUTS["openpose25_hands"].keypoint_names
    assert confidence.max() <= 1
    # An upright person: the nose above the hips above the ankles, where y points down.
    assert (
        y[names.index("nose")]
        < y[names.index("mid_hip")]
        < max(y[names.index("left_ankle")], y[names.index("right_ankle")])
    )
    assert 0 < x[confidence > 0].min() < x.max() < 200


def test_real_whole_body_annotations_have_feet_below_the_knees(shared_data):
    plain = load_keypoints(shared_data / "keypoints/mmpose/test_coco.json")
    whole = load_keypoints(shared_data / "keypoints/mmpose/test_coco_wholebody.json")
    assert (plain.layout, whole.layout, len(plain), len(whole)) == ("coco17", "coco23_hands", 12, 12)
    np.testing.assert_array_equal(plain.keypoints, whole.keypoints[:, :17])
    layout = LAYOUTS["coco23_hands"]
    num_feet = 0
    for side in ("left", "right"):
        knee = whole.keypoints[:, layout.index(f"{side}_knee")]
        ankle = whole.keypoints[:, layout.index(f"{side}_ankle")]
        for part in ("big_toe", "small_toe", "heel"):
            foot = whole.keypoints[:, layout.index(f"{side}_{part}")]
            seen = (knee[:, 2] > 0) & (ankle[:, 2] > 0) & (foot[:, 2] > 0)
            num_feet += seen.sum()
            # A foot's point is nearer to its own ankle than to the knee above it.
            to_ankle, to_knee = (np.linalg.norm((foot - other)[seen, :2], axis=1) for other in (ankle, knee))
            assert (to_ankle < to_knee).all()
    assert num_feet > 10


def test_knuckles_of_real_whole_body_annotations_are_nearer_to_their_own_wrist(shared_data):
    people = load_keypoints(shared_data / "keypoints/mmpose/test_coco_wholebody.json")
    layout, num_seen = LAYOUTS["coco23_hands"], 0
    for side, other in (("left", "right"), ("right", "left")):
        own_wrist, other_wrist = (people.keypoints[:, layout.index(f"{one}_wrist")] for one in (side, other))
        for finger in ("thumb", "index", "middle", "pinky"):
            knuckle = people.keypoints[:, layout.index(f"{side}_{finger}_knuckle")]
            seen = (own_wrist[:, 2] > 0) & (other_wrist[:, 2] > 0) & (knuckle[:, 2] > 0)
            num_seen += seen.sum()
            to_own, to_other = (np.linalg.norm((knuckle - one)[seen, :2], axis=1) for one in (own_wrist, other_wrist))
            # One of these people has their hands together.
            assert to_own.mean() < to_other.mean() / 2
    assert num_seen > 10


def test_real_body_25b_detections_agree_with_the_order(shared_data, tmp_path):
    with np.load(shared_data / "keypoints/pose2sim/pose2sim_S00_P00_T00_StaticTrial.npz") as sample:
        detections, sizes = sample["keypoints2d"], sample["image_size"]
    first_frame = detections[0]
    path = write_npz(tmp_path / "a.npz", keypoints=first_frame, layout="openpose25b", image_size=sizes)
    people = load_keypoints(path)
    y = {name: people.keypoints[:, k, 1] for k, name in enumerate(LAYOUTS["openpose25b"].keypoint_names)}
    seen = {name: people.keypoints[:, k, 2] > 0 for k, name in enumerate(LAYOUTS["openpose25b"].keypoint_names)}
    # The person stands upright in every view, so height orders what each view shows.
    for upper, lower in [
        ("head_top", "upper_neck"),
        ("upper_neck", "left_shoulder"),
        ("left_shoulder", "left_hip"),
        ("right_hip", "right_knee"),
        ("right_knee", "right_ankle"),
        ("left_knee", "left_heel"),
        ("right_ankle", "right_heel"),
    ]:
        both = seen[upper] & seen[lower]
        assert both.any()
        assert (y[upper][both] < y[lower][both]).all()
