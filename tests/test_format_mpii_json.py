"""MPII's annotations as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import FIGURE, write_json

from smplify_jax.keypoints.layouts import get_layout

POINTS = {**FIGURE, "pelvis": FIGURE["mid_hip"], "thorax": FIGURE["neck"]}
JOINTS = np.array([POINTS[name] for name in get_layout("mpii16").keypoint_names], np.float64)


def person(**more: Any) -> dict[str, Any]:
    """A person as the file has them: Matlab's first pixel is 1."""
    return {
        "joints_vis": [1] * 16,
        "joints": (JOINTS + 1).tolist(),
        "image": "015601864.jpg",
        "scale": 3.021046,
        "center": [594.0, 257.0],
        **more,
    }


def test_joints_are_counted_from_pixel_0_and_the_box_is_in_pixels(tmp_path):
    people, rejected = read_all(write_json(tmp_path / "train.json", [person(), person(image="b.jpg")]))
    assert not rejected
    row = people[0]
    assert (row.layout, row.image, row.position, row.image_size) == ("mpii16", "015601864.jpg", "[0]", None)
    np.testing.assert_array_equal(row.keypoints, np.column_stack([JOINTS, np.ones(16)]).astype(np.float32))
    assert row.box is not None
    assert row.box.center == (594, 257)
    assert row.box.spin_scale == pytest.approx(3.021046)


def test_joints_that_are_not_visible_or_not_known_are_not_found(tmp_path):
    visible: list[Any] = [1] * 16
    joints = (JOINTS + 1).tolist()
    visible[2] = 0
    joints[0] = [-1.0, -1.0]
    joints[1], visible[1] = [-1.0, -1.0], 0
    people, _ = read_all(write_json(tmp_path / "valid.json", [person(joints=joints, joints_vis=visible)]))
    assert not people[0].keypoints[:3].any()
    assert (people[0].keypoints[3:, 2] == 1).all()


def test_visibilities_may_be_true_and_false(tmp_path):
    people, _ = read_all(write_json(tmp_path / "a.json", [person(joints_vis=[True] * 15 + [False])]))
    assert people[0].keypoints[:, 2].tolist() == [1.0] * 15 + [0.0]


@pytest.mark.parametrize(
    "box",
    [
        *({"center": [-1.0, -1.0], "scale": -1.0}, {"center": None, "scale": None}, {"center": [1.0], "scale": 2.0}),
        *(
            {"center": [5.0, 6.0], "scale": 0},
            {"center": ["a", 2], "scale": 1},
            {"center": [5.0, 6.0], "scale": 10**400},
        ),
    ],
)
def test_a_box_that_is_not_known_is_no_reason_to_reject(tmp_path, box):
    people, rejected = read_all(write_json(tmp_path / "a.json", [person(**box)]))
    assert not rejected
    assert people[0].box is None


def test_the_test_set_has_no_joints(tmp_path):
    value = [{"image": "a.jpg", "center": [10.0, 20.0], "scale": 2.0}] * 3
    people, rejected = read_all(write_json(tmp_path / "test.json", value))
    assert not people
    assert len(rejected) == 3
    assert "no joints" in rejected[0].reason


@pytest.mark.parametrize(
    "bad",
    [
        *(
            None,
            3,
            [],
            {},
            person(joints=None),
            person(joints=[]),
            person(joints_vis=None),
            person(joints_vis=[1] * 15),
        ),
        *(
            person(joints=[[1.0]] * 16),
            person(joints=[1.0] * 16),
            person(joints_vis=["yes"] * 16),
            person(joints="abc"),
        ),
        *(person(joints=[[1.0, 2.0]] * 13, joints_vis=[1] * 13), person(joints=[[10**400, 2.0]] * 16)),
    ],
)
def test_a_malformed_person_is_one_rejected_row(tmp_path, bad):
    people, rejected = read_all(write_json(tmp_path / "a.json", [person(), bad, person()]))
    assert (len(people), [row.position for row in rejected]) == (2, ["[1]"])


@given(st.lists(st.tuples(st.floats(2, 4000), st.floats(2, 4000), st.booleans()), min_size=16, max_size=16))
def test_visible_joints_lie_where_they_are_and_no_others(tmp_path_factory, joints):
    value = [person(joints=[joint[:2] for joint in joints], joints_vis=[int(joint[2]) for joint in joints])]
    people, _ = read_all(write_json(tmp_path_factory.mktemp("joints") / "a.json", value))
    is_visible = np.array([joint[2] for joint in joints])
    assert len(people) == is_visible.any()
    for row in people:
        np.testing.assert_array_equal(row.keypoints[:, 2] > 0, is_visible)
        expected = np.array([joint[:2] for joint in joints])[is_visible] - 1
        np.testing.assert_allclose(row.keypoints[is_visible, :2], expected, rtol=1e-6)
