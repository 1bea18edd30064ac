"""Readers of datasets: each format's keys, orders and units, on files written as their makers write them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from dataset_files import (
    SIZE,
    alphapose,
    mediapipe_picture,
    mmpose_people,
    posetrack,
    read_all,
)
from keypoint_files import (
    coco_annotations,
    coco_results,
    figure,
    flat,
    write_json,
    write_openpose,
)
from PIL import Image

from smplify_jax import InputError
from smplify_jax.keypoints.formats.parquet import COLUMNS
from smplify_jax.keypoints.hands import with_hands_alike
from smplify_jax.keypoints.layouts import get_layout

COCO = figure("coco17")

# Keypoints pass through float32 once, or twice where a file has fractions of the picture.
EXACT = 1e-4


def whole_body(rows: np.ndarray, num_others: int) -> np.ndarray:
    """A body with face and hands behind it, far from it."""
    return np.concatenate([rows, np.full((num_others, 3), 900.0)])


def test_a_folder_of_openpose_files_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "walk").mkdir()
    write_openpose(tmp_path / "walk" / "b_keypoints.json", figure("openpose25", 1), figure("openpose18", 2))
    write_openpose(tmp_path / "walk" / "a_keypoints.json")
    people, rejected = read_all(tmp_path)
    assert not rejected
    assert [person.id for person in people] == [
        "walk/b_keypoints.json#people[0]",
        "walk/b_keypoints.json#people[1]",
    ]
    assert [person.layout for person in people] == ["openpose25", "openpose18"]
    assert {person.image for person in people} == {"walk/b"}
    np.testing.assert_array_equal(people[0].keypoints, figure("openpose25", 1))


def test_body_25b_is_read_when_it_is_named(tmp_path):
    path = write_openpose(tmp_path / "a.json", figure("openpose25b"))
    people, _ = read_all(path, layout="openpose25b")
    assert people[0].layout == "openpose25b"


def test_coco_annotations_get_their_pictures_by_id(tmp_path):
    value = coco_annotations(figure("coco17", confidence=2), np.zeros((17, 3)), bbox=[255, 94, 130, 316])
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    assert len(people) == 1  # the other one has nothing labelled
    (person,) = people
    assert (person.source_id, person.position) == ("40", "annotations[0]")
    assert (person.image, person.image_size) == ("val/street 7.jpg", SIZE)
    assert person.box is not None
    assert person.box.xywh == (255, 94, 130, 316)
    np.testing.assert_array_equal(person.keypoints, figure("coco17", confidence=1))


def test_coco_pictures_may_come_after_the_annotations(tmp_path):
    value = coco_annotations(figure("coco17", confidence=2))
    reversed_value = dict(reversed(value.items()))
    people, _ = read_all(write_json(tmp_path / "a.json", reversed_value))
    assert people[0].image_size == SIZE


def test_whole_body_annotations_keep_body_and_feet(tmp_path):
    body = figure("coco23", confidence=2)
    value = coco_annotations(body[:17], foot_kpts=flat(body[17:]), face_kpts=[9.0] * 204)
    apart, _ = read_all(write_json(tmp_path / "apart.json", value))
    together, _ = read_all(write_json(tmp_path / "together.json", coco_annotations(whole_body(body, 110))))
    for people in (apart, together):
        assert people[0].layout == "coco23"
        np.testing.assert_array_equal(people[0].keypoints, figure("coco23", confidence=1))


@pytest.mark.parametrize("num_others", [0, 110])
def test_halpe_annotations_keep_body_and_feet(tmp_path, num_others):
    rows = whole_body(figure("halpe26", confidence=2), num_others)
    value = coco_annotations(rows)
    value["categories"][0]["keypoints"] = ["nose", "left_eye"]
    people, rejected = read_all(write_json(tmp_path / "halpe.json", value))
    assert not rejected
    assert people[0].layout == "halpe26"
    np.testing.assert_array_equal(people[0].keypoints, figure("halpe26", confidence=1))


def test_posetrack_is_told_by_its_names_and_keeps_neck_and_head(tmp_path):
    given = figure("openpose25b")
    people, rejected = read_all(write_json(tmp_path / "000342.json", posetrack(given)), image_size=(1280.0, 720.0))
    assert not rejected
    (person,) = people
    assert (person.layout, person.image_size) == ("openpose25b", (1280, 720))
    assert person.image == "images/val/000342/000000.jpg"
    names = get_layout("openpose25b").keypoint_names
    seen = {name for name, row in zip(names, person.keypoints, strict=True) if row[2] > 0}
    assert {"upper_neck", "head_top", "nose", "left_wrist"} <= seen
    assert not seen & {"left_eye", "right_ear", "left_heel"}
    is_seen = person.keypoints[:, 2] == 1  # the flag is 0 or 1, and not halved
    assert is_seen.sum() == len(seen) == 15
    np.testing.assert_array_equal(person.keypoints[is_seen, :2], given[is_seen, :2])


def test_coco_results_find_the_size_of_numbered_pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (320, 200)).save(tmp_path / "pictures" / "000000000007.jpg")
    path = write_json(tmp_path / "results.json", coco_results(COCO))
    people, _ = read_all(path, image_folder=tmp_path / "pictures", image_size=(1.0, 1.0))
    assert (people[0].image, people[0].image_size) == ("000000000007.jpg", (320, 200))
    assert read_all(path)[0][0].image_size is None
    assert read_all(path, image_size=SIZE)[0][0].image_size == SIZE


def test_a_picture_that_is_none_rejects_its_people(tmp_path):
    (tmp_path / "000000000007.jpg").write_bytes(b"no picture")
    path = write_json(tmp_path / "results.json", coco_results(COCO))
    _, rejected = read_all(path, image_folder=tmp_path)
    assert "cannot be read as a picture" in rejected[0].reason


@pytest.mark.parametrize(
    ("layout", "num_others"), [("coco17", 0), ("halpe26", 0), ("halpe26", 110), ("coco23", 110), ("mpii16", 0)]
)
def test_alphapose_is_read_with_scores_cut_at_one(tmp_path, layout, num_others):
    given = figure(layout if layout != "mpii16" else "lsp14", confidence=5.8)
    if layout == "mpii16":
        given = np.concatenate([given, given[:2]])
    given[0, 2] = 0.25
    people, rejected = read_all(write_json(tmp_path / "r.json", alphapose(whole_body(given, num_others))), "alphapose")
    assert not rejected
    (person,) = people
    assert (person.layout, person.image) == (layout, "street/7.jpg")
    assert person.keypoints[0, 2] == 0.25
    assert (person.keypoints[1:, 2] == 1).all()
    assert person.box is not None
    assert person.box.xywh == (255, 94, 130, 316)


@pytest.mark.parametrize("form", ["list", "object", "video list", "video object"])
def test_mmpose_predictions_are_read_in_every_form(tmp_path, form):
    people_value = mmpose_people(COCO, COCO + 1)
    value: object = people_value
    if form.startswith("video"):
        value = [{"frame_id": 0, "instances": []}, {"frame_id": 1, "instances": people_value}]
    if form.endswith("object"):
        meta = {"dataset_name": "coco", "sigmas": {"__ndarray__": [0.026], "dtype": "float32", "shape": [1]}}
        value = {"meta_info": meta, "instance_info": value}
    people, rejected = read_all(write_json(tmp_path / "results_street.json", value))
    assert not rejected
    assert [person.layout for person in people] == ["coco17", "coco17"]
    assert people[0].image == "street"
    assert people[0].source_id == ("frame 1" if form.startswith("video") else "")
    assert people[0].frame == (1 if form.startswith("video") else None)
    assert people[0].box is not None
    assert people[0].box.xywh == (255, 94, 130, 316)
    np.testing.assert_allclose(people[1].keypoints[:, :2], COCO[:, :2] + 1, EXACT)
    np.testing.assert_allclose(people[1].keypoints[:, 2], 1)  # 1.75, cut


def test_mmpose_predictions_of_animals_are_refused(tmp_path):
    value = {"meta_info": {"dataset_name": "ap10k"}, "instance_info": mmpose_people(COCO)}
    path = write_json(tmp_path / "a.json", value)
    with pytest.raises(InputError, match="dataset 'ap10k'"):
        read_all(path)
    assert len(read_all(path, layout="coco17")[0]) == 1


@pytest.mark.parametrize("form", ["list", "object", "single", "solutions"])
def test_mediapipe_landmarks_become_pixels(tmp_path, form):
    given = figure("mediapipe33")
    picture = mediapipe_picture(given)
    if form == "single":
        picture["pose_landmarks"] = picture["pose_landmarks"][0]
    if form == "solutions":
        picture["pose_landmarks"] = {"landmark": picture["pose_landmarks"][0]}
    people, rejected = read_all(write_json(tmp_path / "a.json", [picture] if form == "list" else picture))
    assert not rejected
    (person,) = people
    assert (person.layout, person.image, person.image_size) == ("mediapipe33", "a.jpg", SIZE)
    np.testing.assert_allclose(person.keypoints, given, rtol=0, atol=EXACT)


def test_mediapipe_without_the_size_of_the_picture_is_rejected(tmp_path):
    picture = mediapipe_picture(figure("mediapipe33"))
    del picture["width"], picture["height"]
    path = write_json(tmp_path / "a.json", [picture, mediapipe_picture(figure("mediapipe33"))])
    people, rejected = read_all(path)
    assert (len(people), [row.position for row in rejected]) == (1, ["[0].pose_landmarks[0]"])
    assert "size of the picture is not known" in rejected[0].reason
    assert len(read_all(path, image_size=SIZE)[0]) == 2


def test_the_columns_shown_are_those_of_the_library():
    page = (Path(__file__).resolve().parents[1] / "docs" / "formats.md").read_text()
    columns = page.split("### Parquet")[1].split("(body-files)=")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", columns, re.MULTILINE)
    assert tuple(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == COLUMNS


@pytest.mark.real_data
def test_real_samples_are_read_as_load_keypoints_reads_them(shared_data):
    from smplify_jax import load_keypoints

    for name, num_people in (
        ("coco/person_keypoints_train2017_mini.json", 86),
        ("mmpose/test_coco.json", 12),
        ("mmpose/test_coco_wholebody.json", 12),
        ("openpose/im1010_openpose.json", 1),
    ):
        path: Path = shared_data / "keypoints" / name
        people, rejected = read_all(path)
        expected = load_keypoints(path)
        assert (len(people), rejected) == (num_people, [])
        # Row by row, only people whose hands are labelled have a layout with hands.
        alike = with_hands_alike(people)
        assert {person.layout for person in alike} == {expected.layout}
        np.testing.assert_array_equal(np.stack([person.keypoints for person in alike]), expected.keypoints)
        if "annotations" in json.loads(path.read_text()):
            sizes = np.array([person.image_size for person in people], np.float32)
            np.testing.assert_array_equal(sizes, expected.image_size)
            assert all(person.source_id for person in people)
