"""easy_ViTPose's results: y before x, frames of people by number, names in `skeleton`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import FIGURE, figure, write_json

from smplify_jax import InputError
from smplify_jax.keypoints.layouts import get_layout

COCO_NAMES = get_layout("coco17").keypoint_names
BODY_25 = (
    *(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "neck",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
    ),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "hip", "left_knee", "right_knee"),
    *("left_ankle", "right_ankle", "left_big_toe", "left_small_toe", "left_heel"),
    *("right_big_toe", "right_small_toe", "right_heel"),
)


def yx(rows: np.ndarray) -> list[list[float]]:
    return rows[:, [1, 0, 2]].tolist()


def result(*frames: Any, names: tuple[str, ...] = COCO_NAMES) -> dict[str, Any]:
    return {"keypoints": list(frames), "skeleton": {str(k): name for k, name in enumerate(names)}}


def test_x_and_y_are_exchanged_and_ids_are_tracks(tmp_path):
    value = result({"0": yx(figure("coco17")), "1": yx(figure("coco17", 5))}, {}, {"1": yx(figure("coco17", 9))})
    people, rejected = read_all(write_json(tmp_path / "dance_result.json", value))
    assert not rejected
    assert [row.position for row in people] == ["keypoints[0].0", "keypoints[0].1", "keypoints[2].1"]
    assert [(row.track_id, row.source_id) for row in people] == [("0", "frame 0"), ("1", "frame 0"), ("1", "frame 2")]
    assert [row.frame for row in people] == [0, 0, 2]
    for shift, row in zip((0, 5, 9), people, strict=True):
        assert (row.layout, row.image) == ("coco17", "dance")
        np.testing.assert_array_equal(row.keypoints, figure("coco17", shift))


def test_its_25_are_placed_by_their_names(tmp_path):
    points = {**FIGURE, "hip": FIGURE["mid_hip"]}
    rows = np.array([(*points[name], 0.75) for name in BODY_25])
    people, rejected = read_all(write_json(tmp_path / "a.json", result({"0": yx(rows)}, names=BODY_25)))
    assert not rejected
    assert people[0].layout == "openpose25"
    np.testing.assert_array_equal(people[0].keypoints, figure("openpose25"))


def test_whole_bodies_keep_body_and_feet(tmp_path):
    names = (*get_layout("coco23").keypoint_names, *(f"face-{k}" for k in range(68)), *(f"hand{k}" for k in range(42)))
    rows = np.concatenate([figure("coco23"), np.full((110, 3), (900.0, 900.0, 0.5))])
    people, _ = read_all(write_json(tmp_path / "a.json", result({"0": yx(rows)}, names=names)))
    assert people[0].layout == "coco23"
    np.testing.assert_array_equal(people[0].keypoints, figure("coco23"))


def test_names_come_before_counts_and_counts_serve_without_names(tmp_path):
    rows = figure("coco17")[::-1]
    people, _ = read_all(write_json(tmp_path / "a.json", result({"0": yx(rows)}, names=COCO_NAMES[::-1])))
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17"))
    people, _ = read_all(write_json(tmp_path / "b.json", {"keypoints": [{"0": yx(figure("coco17"))}]}))
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17"))


def test_a_video_longer_than_the_head_is_recognised(tmp_path):
    frames = [{"0": yx(figure("coco17", k / 100))} for k in range(800)]
    path = write_json(tmp_path / "long.json", result(*frames))
    assert path.stat().st_size > 2**18
    assert len(read_all(path)[0]) == 800


def test_animals_are_rejected(tmp_path):
    names = ("left_eye", "right_eye", "nose", "neck", "root_of_tail", *COCO_NAMES[5:17])
    _, rejected = read_all(write_json(tmp_path / "a.json", result({"0": yx(figure("coco17"))}, names=names)))
    assert len(rejected) == 1


def test_a_skeleton_that_names_other_numbers_refuses_the_file(tmp_path):
    path = write_json(tmp_path / "a.json", {"keypoints": [{"0": yx(COCO)}], "skeleton": {"1": "nose", "7": "left_eye"}})
    with pytest.raises(InputError, match="does not name keypoints 0, 1, 2"):
        read_all(path)


COCO = figure("coco17")


@pytest.mark.parametrize(
    "bad", [None, 3, [], [1.0] * 51, [[1.0, 2.0]] * 17, [["a", 1.0, 1.0]] * 17, yx(COCO)[:9], {}, "abc", yx(COCO * 0)]
)
def test_a_malformed_person_is_one_rejected_row(tmp_path, bad):
    value = result({"0": yx(COCO), "1": bad, "2": yx(COCO)}, 3, {"0": yx(COCO)})
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert len(people) == 3
    assert [row.position for row in rejected] == ["keypoints[0].1", "keypoints[1]"]


@given(st.lists(st.tuples(st.floats(5, 1e4), st.floats(5, 1e4), st.floats(0.01, 1)), min_size=17, max_size=17))
def test_keypoints_are_taken_as_they_are(tmp_path_factory, rows):
    given_rows = np.array(rows)
    path = write_json(tmp_path_factory.mktemp("any") / "a.json", result({"0": yx(given_rows)}))
    np.testing.assert_array_equal(read_all(path)[0][0].keypoints, given_rows.astype(np.float32))
