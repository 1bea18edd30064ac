"""OpenPose's JSON and what is written like it: counts, canvas, frames, people without keypoints, tracks, pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import SIZE, read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import FIGURE, figure, flat, write_json, write_openpose
from PIL import Image

from smplify_jax.keypoints.formats import openpose
from smplify_jax.keypoints.formats.openpose import image_name_of, read_person
from smplify_jax.keypoints.layouts import get_layout

# Fractions of the picture pass through float64 and come back as pixels.
EXACT = 1e-4

FACE_AND_HANDS = np.full((110, 3), (900.0, 900.0, 0.5))
MPI_LEGS = ("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")
MPI = ("head_top", "upper_neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow")
MPI = (*MPI, "left_wrist", *MPI_LEGS)


def controlnet(*people: np.ndarray, scale: tuple[float, float] = (1.0, 1.0), **about: Any) -> dict[str, Any]:
    """A picture as ControlNet's and ComfyUI's programs write it."""
    nothing = {"face_keypoints_2d": None, "hand_left_keypoints_2d": None, "hand_right_keypoints_2d": None}
    entries = [{"pose_keypoints_2d": flat(rows / np.array([*scale, 1.0])), **nothing} for rows in people]
    return {"people": entries, "animals": [], "canvas_width": SIZE[0], "canvas_height": SIZE[1]} | about


@pytest.mark.parametrize(
    ("layout", "num_more"),
    [("coco17", 0), ("halpe26", 0), ("halpe26", 110), ("coco23", 110), ("openpose25b", 110), ("openpose18", 0)],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_the_count_tells_the_layout_and_a_face_and_hands_in_one_place_are_left_out(
    tmp_path, layout, num_more, is_named
):
    rows = np.concatenate([figure(layout), FACE_AND_HANDS[:num_more]])
    people, rejected = read_all(write_openpose(tmp_path / "a.json", rows), **{"layout": layout} if is_named else {})
    assert not rejected
    assert people[0].layout == layout
    np.testing.assert_array_equal(people[0].keypoints, figure(layout))


def test_mpi_becomes_mpii_without_its_chest(tmp_path):
    rows = np.array([(*FIGURE[name], 0.75) for name in MPI] + [(320.0, 190.0, 0.75)])
    people, _ = read_all(write_openpose(tmp_path / "a.json", rows))
    layout = get_layout("mpii16")
    assert people[0].layout == "mpii16"
    seen = {
        name: tuple(row[:2]) for name, row in zip(layout.keypoint_names, people[0].keypoints, strict=True) if row[2]
    }
    assert seen == {name: FIGURE[name] for name in MPI}


def test_whole_body_in_openposes_order_keeps_its_feet(tmp_path):
    rows = np.concatenate([figure("openpose18"), figure("coco23")[17:], FACE_AND_HANDS])
    people, _ = read_all(write_openpose(tmp_path / "a.json", rows))
    expected = figure("openpose25")
    expected[get_layout("openpose25").index("mid_hip")] = 0
    assert people[0].layout == "openpose25"
    np.testing.assert_array_equal(people[0].keypoints, expected)


@pytest.mark.parametrize("count", [14, 16, 19, 23])
def test_a_count_of_several_meanings_is_rejected_with_the_known_ones(tmp_path, count):
    people, rejected = read_all(write_openpose(tmp_path / "a.json", np.full((count, 3), 50.0)))
    assert not people
    assert f"has {count} keypoints" in rejected[0].reason
    assert "26 (halpe26)" in rejected[0].reason


def test_the_key_of_old_versions_and_lists_of_three_are_read(tmp_path):
    old = write_openpose(tmp_path / "old.json", figure("openpose18"), key="pose_keypoints")
    nested = write_json(tmp_path / "nested.json", {"people": [{"pose_keypoints_2d": figure("openpose18").tolist()}]})
    for path in (old, nested):
        people, rejected = read_all(path)
        assert not rejected
        np.testing.assert_array_equal(people[0].keypoints, figure("openpose18"))


def test_people_without_keypoints_are_rejected_and_keep_their_places(tmp_path):
    good = {"person_id": [-1], "pose_keypoints_2d": flat(figure("openpose25"))}
    empty = [{}, {"pose_keypoints_2d": []}, {"pose_keypoints_2d": None}]
    people, rejected = read_all(write_json(tmp_path / "cam01_000000.json", {"people": [*empty, good]}))
    assert [person.position for person in people] == ["people[3]"]
    assert [row.position for row in rejected] == ["people[0]", "people[1]", "people[2]"]
    assert all("no keypoints" in row.reason for row in rejected)


@pytest.mark.parametrize("value", [{"people": []}, [{"people": []}, {"people": None}]])
def test_a_picture_of_nobody_has_no_rows(tmp_path, value):
    assert read_all(write_json(tmp_path / "a.json", value)) == ([], [])


@pytest.mark.parametrize(
    ("person_id", "track_id"), [([-1], ""), (-1, ""), ([], ""), ([3], "3"), (0, "0"), ("anna", "anna"), (None, "")]
)
def test_a_persons_id_is_their_track_unless_it_is_minus_one(tmp_path, person_id, track_id):
    person = {"person_id": person_id, "pose_keypoints_2d": flat(figure("openpose25"))}
    people, _ = read_all(write_json(tmp_path / "a.json", {"people": [person]}))
    assert people[0].track_id == track_id


@pytest.mark.parametrize("keys", [("canvas_width", "canvas_height"), ("width", "height")])
@pytest.mark.parametrize("scale", [(1.0, 1.0), SIZE])
def test_the_canvas_is_the_pictures_size_and_fractions_of_it_become_pixels_once(tmp_path, keys, scale):
    value = controlnet(figure("openpose18"), figure("openpose18", 20), scale=scale)
    for old, new in zip(("canvas_width", "canvas_height"), keys, strict=True):
        value[new] = value.pop(old)
    for picture in (value, {key: value[key] for key in reversed(value)}):
        people, rejected = read_all(write_json(tmp_path / "pose.json", picture))
        assert not rejected
        assert [person.image_size for person in people] == [SIZE, SIZE]
        np.testing.assert_allclose(people[1].keypoints, figure("openpose18", 20), rtol=0, atol=EXACT)


def test_a_large_file_is_read_like_a_small_one(tmp_path, monkeypatch):
    value = {
        **controlnet(figure("openpose18"), scale=SIZE),
        "people": [{}, *controlnet(figure("openpose18"))["people"]],
    }
    path = write_json(tmp_path / "pose.json", value)
    small = read_all(path)
    monkeypatch.setattr(openpose, "_WHOLE_BYTES", 0)
    large = read_all(path)
    assert [(row.id, row.image_size) for row in large[0]] == [(row.id, row.image_size) for row in small[0]]
    assert large[1] == small[1]
    assert [row.position for row in large[1]] == ["people[0]"]


def test_a_canvas_of_zeros_is_no_size(tmp_path):
    value = controlnet(figure("openpose18"), canvas_width=0, canvas_height=0)
    assert read_all(write_json(tmp_path / "a.json", value))[0][0].image_size is None


def test_a_canvas_that_is_no_size_rejects_its_people(tmp_path):
    value = controlnet(figure("openpose18"), canvas_height="tall")
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not people
    assert "height 'tall'" in rejected[0].reason


def test_fractions_of_an_unknown_picture_are_rejected(tmp_path):
    people, rejected = read_all(write_openpose(tmp_path / "a.json", figure("openpose25") / np.array([*SIZE, 1.0])))
    assert not people
    assert "look like fractions" in rejected[0].reason


def test_a_list_is_the_frames_of_a_video_and_a_bad_frame_is_rejected_alone(tmp_path):
    frames: list[Any] = [controlnet(), controlnet(figure("openpose18"), figure("openpose18", 5)), "damaged"]
    frames += [{"people": 7}, controlnet(figure("openpose18", 9))]
    people, rejected = read_all(write_json(tmp_path / "dance.json", frames))
    assert [person.position for person in people] == ["[1].people[0]", "[1].people[1]", "[4].people[0]"]
    assert [person.source_id for person in people] == ["frame 1", "frame 1", "frame 4"]
    assert [person.frame for person in people] == [1, 1, 4]
    assert {person.image for person in people} == {"dance"}
    assert [row.position for row in rejected] == ["[2]", "[3]"]


def test_the_pictures_ending_is_kept_where_it_is_known(tmp_path):
    keypoints, pictures = tmp_path / "keypoints", tmp_path / "pictures"
    for folder in (keypoints, pictures):
        (folder / "cam").mkdir(parents=True)
    for name in ("a_keypoints", "b.png_keypoints", "c.v2_keypoints", "d_keypoints"):
        write_openpose(keypoints / "cam" / f"{name}.json", figure("openpose25"))
    for name in ("a.PNG", "b.png", "c.v2.jpg"):
        Image.new("RGB", (320, 200)).save(pictures / "cam" / name)
    people, _ = read_all(keypoints, image_folder=pictures)
    assert [person.image for person in people] == ["cam/a.PNG", "cam/b.png", "cam/c.v2.jpg", "cam/d"]
    assert [person.image_size for person in people] == [(320, 200)] * 3 + [None]
    assert [person.image for person in read_all(keypoints)[0]] == ["cam/a", "cam/b.png", "cam/c.v2", "cam/d"]


@pytest.mark.parametrize(
    "person",
    [
        *(None, 3, "person", []),
        *({"pose_keypoints_2d": bad} for bad in (3, "abc", [1.0] * 76, ["1"] * 75, [True] * 75)),
        *({"pose_keypoints_2d": bad} for bad in ([[1, 2, 3]] * 24 + [[1, 2]], [[1, 2, {}]] * 25, {"x": [1]})),
    ],
)
def test_a_malformed_person_is_one_rejected_row(tmp_path, person):
    good = {"pose_keypoints_2d": flat(figure("openpose25"))}
    people, rejected = read_all(write_json(tmp_path / "a.json", {"people": [good, person, good]}))
    assert [row.position for row in rejected] == ["people[1]"]
    assert len(people) == 2
    people, rejected = read_all(write_json(tmp_path / "b.json", [{"people": [good, person]}, {"people": [good]}]))
    assert [row.position for row in rejected] == ["[0].people[1]"]
    assert len(people) == 2


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1)), min_size=25, max_size=25))
def test_keypoints_are_taken_as_they_are(rows):
    given_rows = np.array(rows)
    read, layout = read_person({"pose_keypoints_2d": given_rows.ravel().tolist()}, None)
    assert layout == "openpose25"
    np.testing.assert_array_equal(read, given_rows)


def test_a_file_named_after_nothing_but_the_suffix_keeps_its_name():
    assert image_name_of("_keypoints") == "_keypoints"
    assert image_name_of("000_keypoints") == "000"
