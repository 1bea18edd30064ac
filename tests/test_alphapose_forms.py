"""AlphaPose's other forms: `--format cmu` and `open`, 68 keypoints, tracks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import alphapose, read_all
from keypoint_files import figure, flat, write_json

from smplify_jax.keypoints.layouts import get_layout

ROWS = figure("openpose18")


def picture(form: str, *people: np.ndarray) -> dict[str, Any]:
    people_key, key = {"cmu": ("bodies", "joints"), "open": ("people", "pose_keypoints_2d")}[form]
    return {"version": "AlphaPose v0.3", people_key: [{key: flat(rows)} for rows in people]}


@pytest.mark.parametrize("form", ["cmu", "open"])
def test_pictures_by_name_are_read(tmp_path, form):
    value = {"street.jpg": picture(form, ROWS, ROWS + 1), "empty.jpg": picture(form), "b.png": picture(form, ROWS)}
    people, rejected = read_all(write_json(tmp_path / "alphapose-results.json", value))
    assert not rejected
    assert [person.image for person in people] == ["street.jpg", "street.jpg", "b.png"]
    assert len({person.id for person in people}) == 3
    assert {person.layout for person in people} == {"openpose18"}
    np.testing.assert_array_equal(people[2].keypoints, ROWS)


def test_one_picture_of_cmus_form_goes_by_the_files_name(tmp_path):
    (tmp_path / "sep-json").mkdir()
    write_json(tmp_path / "sep-json" / "7.json", picture("cmu", ROWS))
    people, rejected = read_all(tmp_path)
    assert not rejected
    assert (people[0].image, people[0].position) == ("sep-json/7", "bodies[0]")
    left_wrist = people[0].keypoints[get_layout("openpose18").index("left_wrist")]
    np.testing.assert_array_equal(left_wrist, figure("coco17")[get_layout("coco17").index("left_wrist")])


def test_68_keypoints_are_halpe_without_the_face(tmp_path):
    body = figure("halpe26")
    rows = np.concatenate([body, np.full((42, 3), 300.0)])
    (entry,) = alphapose(rows)
    people, _ = read_all(write_json(tmp_path / "a.json", [entry | {"idx": [3.0]}]))
    assert (people[0].layout, people[0].track_id) == ("halpe26", "3")
    np.testing.assert_array_equal(people[0].keypoints, body)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"joints": flat(ROWS[:17])}, "17 keypoints"),
        ({"joints": flat(ROWS)[:-1]}, "three for each"),
        ({"joints": None}, "expected a list"),
        ({}, "no joints"),
        (None, "no joints"),
        ({"joints": [0.0] * 54}, "no keypoint"),
    ],
)
def test_a_malformed_body_is_rejected_alone(tmp_path, person, words):
    value = {"a.jpg": picture("cmu", ROWS)}
    value["a.jpg"]["bodies"].insert(0, person)
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert (len(people), [row.position for row in rejected]) == (1, ["a.jpg.bodies[0]"])
    assert words in rejected[0].reason


def test_what_comes_before_the_end_of_a_cut_off_file_is_read(tmp_path):
    path = write_json(tmp_path / "a.json", {f"{k}.jpg": picture("cmu", ROWS) for k in range(3)})
    path.write_text(path.read_text()[:-40])
    people, rejected = read_all(path)
    assert (len(people), len(rejected)) == (2, 1)
    assert "damaged or cut-off" in rejected[0].reason
