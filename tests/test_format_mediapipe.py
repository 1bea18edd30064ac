"""MediaPipe's landmarks in the forms that people save them in: the same person comes out of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dataset_files import SIZE, landmarks, mediapipe_picture, read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import figure, write_json
from PIL import Image

from smplify_jax.keypoints.layouts import get_layout

# Fractions of the picture pass through float64 and come back as pixels.
EXACT = 1e-4

LAYOUT = get_layout("mediapipe33")

NAMES = (
    *("NOSE", "LEFT_EYE_INNER", "LEFT_EYE", "LEFT_EYE_OUTER", "RIGHT_EYE_INNER", "RIGHT_EYE", "RIGHT_EYE_OUTER"),
    *("LEFT_EAR", "RIGHT_EAR", "MOUTH_LEFT", "MOUTH_RIGHT", "LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_ELBOW"),
    *("RIGHT_ELBOW", "LEFT_WRIST", "RIGHT_WRIST", "LEFT_PINKY", "RIGHT_PINKY", "LEFT_INDEX", "RIGHT_INDEX"),
    *("LEFT_THUMB", "RIGHT_THUMB", "LEFT_HIP", "RIGHT_HIP", "LEFT_KNEE", "RIGHT_KNEE", "LEFT_ANKLE", "RIGHT_ANKLE"),
    *("LEFT_HEEL", "RIGHT_HEEL", "LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX"),
)

Points = list[dict[str, Any]]


def person(shift: float = 0.0) -> Points:
    return landmarks(figure("mediapipe33", shift))


def lists(points: Points, keys: str) -> list[list[float]]:
    by_letter = {"x": "x", "y": "y", "z": "z", "v": "visibility"}
    return [[point[by_letter[key]] for key in keys] for point in points]


def assert_is_figure(row: Any, shift: float = 0.0, confidence: float = 0.75) -> None:
    assert row.layout == LAYOUT.name
    expected = figure("mediapipe33", shift, confidence)
    np.testing.assert_allclose(row.keypoints, expected, rtol=0, atol=EXACT)


CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "python": lambda points: {"pose_landmarks": [points]},
    "python, one person": lambda points: {"pose_landmarks": points},
    "solutions": lambda points: {"pose_landmarks": {"landmark": points}},
    "legacy web": lambda points: {"poseLandmarks": points, "poseWorldLandmarks": []},
    "web": lambda points: {"worldLandmarks": [], "segmentationMasks": [], "landmarks": [points]},
    "message": lambda points: {"landmark": points},
    "nothing": lambda points: points,
    "people": lambda points: [points],
    "frames of people": lambda points: [[], [points], None],
    "frames": lambda points: [{"frame": 0, "landmarks": None}, {"frame": 1, "landmarks": points}],
    "frames under a key": lambda points: {"fps": 30, "frames": [{"pose_landmarks": points}]},
    "frames by number": lambda points: {"0": {"pose_landmarks": points}, "1": {"pose_landmarks": None}},
    "frames by number, bare": lambda points: {"7": points},
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_person_is_found_in_every_container(tmp_path, container):
    people, rejected = read_all(write_json(tmp_path / "a.json", CONTAINERS[container](person())), image_size=SIZE)
    assert not rejected
    (row,) = people
    assert_is_figure(row)
    assert row.image_size == SIZE


SPELLINGS: dict[str, tuple[Callable[[Points], Any], float]] = {
    "objects": (lambda points: points, 0.75),
    "keys in another order": (lambda points: [dict(reversed(point.items())) for point in points], 0.75),
    "no visibility": (lambda points: [{key: point[key] for key in "xyz"} for point in points], 1.0),
    "null visibility": (lambda points: [{**point, "visibility": None, "presence": None} for point in points], 1.0),
    "presence alone": (lambda points: [{"x": p["x"], "y": p["y"], "presence": 0.5} for p in points], 0.5),
    "x, y": (lambda points: lists(points, "xy"), 1.0),
    "x, y, z": (lambda points: lists(points, "xyz"), 1.0),
    "x, y, visibility": (lambda points: lists(points, "xyv"), 0.75),
    "x, y, z, visibility": (lambda points: lists(points, "xyzv"), 0.75),
    "number, x, y": (lambda points: [[k, *item] for k, item in enumerate(lists(points, "xy"))], 1.0),
    "number, x, y, z, visibility": (lambda points: [[k, *item] for k, item in enumerate(lists(points, "xyzv"))], 0.75),
    "flat": (lambda points: [number for item in lists(points, "xyzv") for number in item], 0.75),
    "ids in another order": (lambda points: [{"id": k, **point} for k, point in enumerate(points)][::-1], 0.75),
    "names": (lambda points: [{**point, "name": name} for name, point in zip(NAMES, points, strict=True)][::-1], 0.75),
    "by name": (lambda points: dict(zip(NAMES, points, strict=True)), 0.75),
    "by number": (lambda points: {str(k): point for k, point in enumerate(points)}, 0.75),
}


@pytest.mark.parametrize("unit", ["fractions", "pixels"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_person_is_read_in_every_spelling_and_unit(tmp_path, spelling, unit):
    scale = SIZE if unit == "pixels" else (1.0, 1.0)
    points = [{**point, "x": point["x"] * scale[0], "y": point["y"] * scale[1]} for point in person()]
    spell, confidence = SPELLINGS[spelling]
    value = {"width": SIZE[0], "height": SIZE[1], "pose_landmarks": spell(points)}
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    (row,) = people
    assert_is_figure(row, confidence=confidence)


def test_people_keep_their_places_and_pictures(tmp_path):
    pictures = [mediapipe_picture(figure("mediapipe33", 1), figure("mediapipe33", 2)), mediapipe_picture(image="b.jpg")]
    pictures += [mediapipe_picture(figure("mediapipe33", 3), image="c.jpg") | {"frame_id": 2}]
    people, rejected = read_all(write_json(tmp_path / "a.json", pictures))
    assert not rejected
    assert [row.position for row in people] == [
        "[0].pose_landmarks[0]",
        "[0].pose_landmarks[1]",
        "[2].pose_landmarks[0]",
    ]
    assert [(row.image, row.source_id) for row in people] == [("a.jpg", ""), ("a.jpg", ""), ("c.jpg", "frame 2")]
    assert [row.frame for row in people] == [None, None, 2]
    for shift, row in enumerate(people, start=1):
        assert_is_figure(row, shift)


def test_pictures_by_name_find_their_sizes(tmp_path):
    Image.new("RGB", (640, 480)).save(tmp_path / "street.png")
    value = {"street.png": {"landmarks": [person()]}, "lost.png": {"landmarks": [person()]}}
    people, rejected = read_all(write_json(tmp_path / "a.json", value), image_folder=tmp_path)
    assert [row.image for row in people] == ["street.png"]
    assert_is_figure(people[0])
    assert [row.position for row in rejected] == ["lost.png.landmarks[0]"]
    assert "size of the picture is not known" in rejected[0].reason


def test_the_size_may_stand_behind_the_frames(tmp_path):
    value = {"frames": [{"landmarks": [person()]}] * 2, "width": SIZE[0], "height": SIZE[1]}
    people, _ = read_all(write_json(tmp_path / "a.json", value))
    assert [row.position for row in people] == ["frames[0].landmarks[0]", "frames[1].landmarks[0]"]
    assert_is_figure(people[1])


def test_pixels_need_no_size(tmp_path):
    points = [{"x": point["x"] * SIZE[0], "y": point["y"] * SIZE[1]} for point in person()]
    people, rejected = read_all(write_json(tmp_path / "a.json", {"landmarks": [points]}))
    assert not rejected
    assert people[0].image_size is None
    assert_is_figure(people[0], confidence=1)


def test_legs_far_below_the_picture_are_fractions_still(tmp_path):
    points = person()
    for point, name in zip(points, LAYOUT.keypoint_names, strict=True):
        if name.endswith(("knee", "ankle", "heel", "foot_index")):
            point["y"] = 3.5
    people, _ = read_all(write_json(tmp_path / "a.json", {"landmarks": [points]}), image_size=SIZE)
    row = people[0].keypoints[LAYOUT.index("left_ankle")]
    assert row[1] == pytest.approx(3.5 * SIZE[1])


def test_few_landmarks_with_names_are_placed_by_them(tmp_path):
    kept = {
        name: point for name, point in zip(NAMES, person(), strict=True) if name.endswith(("SHOULDER", "HIP", "KNEE"))
    }
    people, rejected = read_all(write_json(tmp_path / "a.json", {"pose_landmarks": kept}), image_size=SIZE)
    assert not rejected
    layout = get_layout(people[0].layout)
    seen = {name for name, row in zip(layout.keypoint_names, people[0].keypoints, strict=True) if row[2] > 0}
    assert seen == {f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "hip", "knee")}


MALFORMED = [
    *(3, "person", [1, 2], [[0.1]] * 33, ["x"] * 33, person()[:21], [*person()[:32], 7], [*person()[:32], {"x": 0.1}]),
    *([*person()[:32], {"x": "a", "y": 0.2}], [*person()[:32], {"x": 0.1, "y": 0.2, "visibility": "high"}]),
    *([*person()[:32], {"x": True, "y": 0.2}], [*person()[:32], {"x": 10**400, "y": 1}], {"landmarks": 3}, {"a": 1}),
    {"left_tail": {"x": 1, "y": 2}},
]


@pytest.mark.parametrize("bad", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_person_is_one_rejected_row(tmp_path, bad):
    value = [{"landmarks": [person()]}, {"landmarks": bad}, {"landmarks": [person()]}]
    people, rejected = read_all(write_json(tmp_path / "a.json", value), image_size=SIZE)
    assert (len(people), len(rejected)) == (2, 1)
    assert rejected[0].position.startswith("[1]")


def test_a_null_coordinate_is_not_found_and_the_rest_is_read(tmp_path):
    points = person()
    points[LAYOUT.index("left_knee")]["x"] = None
    people, _ = read_all(write_json(tmp_path / "a.json", {"landmarks": [points]}), image_size=SIZE)
    is_seen = people[0].keypoints[:, 2] > 0
    assert not is_seen[LAYOUT.index("left_knee")]
    assert is_seen.sum() == 32


@given(
    st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(0.05, 1.5), st.floats(0.01, 1)), min_size=33, max_size=33),
    st.permutations(["x", "y", "visibility"]),
)
def test_fractions_become_pixels_whatever_the_order_of_keys(tmp_path_factory, rows, keys):
    points = [{key: dict(zip(("x", "y", "visibility"), row, strict=True))[key] for key in keys} for row in rows]
    path = write_json(tmp_path_factory.mktemp("order") / "a.json", {"landmarks": [points]})
    (row,), rejected = read_all(path, image_size=SIZE)
    assert not rejected
    nose = row.keypoints[LAYOUT.index("nose")]
    np.testing.assert_allclose(nose, (rows[0][0] * SIZE[0], rows[0][1] * SIZE[1], rows[0][2]), rtol=1e-6)
