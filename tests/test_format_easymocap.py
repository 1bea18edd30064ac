"""EasyMocap's annotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import SIZE, read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import figure, write_json

HANDS = np.full((42, 3), (500.0, 500.0, 0.5))
FACE = np.full((70, 3), (600.0, 600.0, 0.5))


def annot(rows: np.ndarray, person: Any = 0, **more: Any) -> dict[str, Any]:
    return {
        "personID": person,
        "bbox": [255.0, 94.0, 385.0, 410.0, 0.98],
        "keypoints": rows.tolist(),
        "handl2d": HANDS[:21].tolist(),
        "isKeyframe": False,
        **more,
    }


def picture(*annots: Any) -> dict[str, Any]:
    about = {"filename": "images/1/000000.jpg", "height": SIZE[1], "width": SIZE[0]}
    return {**about, "annots": list(annots), "isKeyframe": False}


def test_people_have_their_tracks_boxes_and_picture(tmp_path):
    people, rejected = read_all(
        write_json(
            tmp_path / "000000.json", picture(annot(figure("openpose25"), 3), annot(figure("openpose25", 9), -1))
        )
    )
    assert not rejected
    assert [row.track_id for row in people] == ["3", ""]
    assert [row.position for row in people] == ["annots[0]", "annots[1]"]
    for shift, row in zip((0, 9), people, strict=True):
        assert (row.layout, row.image, row.image_size) == ("openpose25", "images/1/000000.jpg", SIZE)
        np.testing.assert_array_equal(row.keypoints, figure("openpose25", shift))
        assert row.box is not None
        assert row.box.xywh == (255, 94, 130, 316)


def test_the_picture_may_be_said_behind_the_people(tmp_path):
    value = dict(reversed(picture(annot(figure("openpose25"))).items()))
    people, _ = read_all(write_json(tmp_path / "000000.json", value))
    assert (people[0].image, people[0].image_size) == ("images/1/000000.jpg", SIZE)


def test_a_list_of_people_has_the_files_name(tmp_path):
    (tmp_path / "cam").mkdir()
    renamed = annot(figure("openpose25"))
    renamed["id"], renamed["keypoints2d"] = 7, renamed.pop("keypoints")
    del renamed["personID"]
    write_json(tmp_path / "cam" / "000001.json", [annot(figure("openpose25"), 4)])
    write_json(tmp_path / "cam" / "000002.json", [renamed])
    people, rejected = read_all(tmp_path)
    assert not rejected
    assert [(row.image, row.track_id) for row in people] == [("cam/000001", "4"), ("cam/000002", "7")]


@pytest.mark.parametrize(
    ("rows", "layout"),
    [
        (np.concatenate([figure("openpose25"), HANDS]), "openpose25"),
        (np.concatenate([figure("openpose25"), HANDS, FACE]), "openpose25"),
        (figure("coco17"), "coco17"),
    ],
)
def test_hands_and_faces_behind_the_body_are_left_out(tmp_path, rows, layout):
    people, _ = read_all(write_json(tmp_path / "a.json", picture(annot(rows))))
    assert people[0].layout == layout
    np.testing.assert_array_equal(people[0].keypoints, figure(layout))


def test_fifteen_are_the_first_of_body_25(tmp_path):
    people, _ = read_all(write_json(tmp_path / "a.json", picture(annot(figure("openpose25")[:15]))))
    expected = figure("openpose25")
    expected[15:] = 0
    np.testing.assert_array_equal(people[0].keypoints, expected)


def test_nobody_is_no_row(tmp_path):
    assert read_all(write_json(tmp_path / "a.json", picture())) == ([], [])


@pytest.mark.parametrize(
    "bad",
    [
        *(None, 3, [], {}, annot(figure("openpose25"), keypoints=None), annot(figure("openpose25"), keypoints=[])),
        *(annot(figure("openpose25")[:13]), annot(figure("openpose25"), keypoints=[[1.0, 2.0]] * 25)),
        *(annot(figure("openpose25"), keypoints=[1.0] * 75), annot(figure("openpose25"), keypoints=[["a", 1, 1]] * 25)),
        annot(np.zeros((25, 3))),
    ],
)
def test_a_malformed_person_is_one_rejected_row(tmp_path, bad):
    good = annot(figure("openpose25"))
    people, rejected = read_all(write_json(tmp_path / "a.json", picture(good, bad, good)))
    assert (len(people), [row.position for row in rejected]) == (2, ["annots[1]"])


def test_annots_that_are_no_list_and_sizes_that_are_none_are_rejected(tmp_path):
    _, rejected = read_all(write_json(tmp_path / "a.json", picture() | {"annots": 3}))
    assert len(rejected) == 1
    _, rejected = read_all(write_json(tmp_path / "b.json", picture(annot(figure("openpose25"))) | {"height": None}))
    assert "height None" in rejected[0].reason


@given(st.lists(st.tuples(st.floats(5, 1e4), st.floats(5, 1e4), st.floats(0.01, 1)), min_size=25, max_size=25))
def test_keypoints_are_taken_as_they_are(tmp_path_factory, rows):
    people, _ = read_all(write_json(tmp_path_factory.mktemp("any") / "a.json", picture(annot(np.array(rows)))))
    np.testing.assert_array_equal(people[0].keypoints, np.array(rows, np.float32))
