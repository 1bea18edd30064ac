"""MMPose's predictions: what `meta_info` says of the keypoints, and the shapes that its versions write."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import mmpose_people, read_all
from keypoint_files import FIGURE, figure, write_json
from test_coco_names import PLACES, placed
from test_point_names import AIC, AP10K, CROWDPOSE, JHMDB, MHP, POSETRACK

from smplify_jax import InputError
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.point_names import point_of

COCO = figure("coco17")
COCO_NAMES = get_layout("coco17").keypoint_names


def rows_of(names: tuple[str, ...]) -> np.ndarray:
    places = [PLACES.get(point_of(name), (5.0, 5.0)) for name in names]
    return np.array([(x, y, 0.75) for x, y in places])


def info(names: tuple[str, ...], dataset: str = "somebody's") -> dict[str, Any]:
    numbered = {str(k): name for k, name in enumerate(names)}
    return {"dataset_name": dataset, "num_keypoints": len(names), "keypoint_id2name": numbered}


@pytest.mark.parametrize(
    ("names", "layout"),
    [(CROWDPOSE, "lsp14"), (AIC, "lsp14"), (POSETRACK, "openpose25b"), (MHP, "mpii16"), (COCO_NAMES[::-1], "coco17")],
    ids=["crowdpose", "aic", "posetrack18", "mhp", "coco reversed"],
)
@pytest.mark.parametrize("is_by_name", [False, True])
def test_keypoints_are_placed_by_the_names_of_meta_info(tmp_path, names, layout, is_by_name):
    meta = info(names)
    if is_by_name:
        meta["keypoint_name2id"] = {name: int(k) for k, name in meta.pop("keypoint_id2name").items()}
    value = {"meta_info": meta, "instance_info": mmpose_people(rows_of(names))}
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    assert people[0].layout == layout
    assert placed(people[0])["left_wrist"] == FIGURE["left_wrist"]
    assert (people[0].keypoints[:, 2] > 0).sum() == len(names)


@pytest.mark.parametrize(
    ("dataset", "names", "layout"),
    [
        ("Human-Art", COCO_NAMES, "coco17"),
        ("posetrack18", POSETRACK, "openpose25b"),
        ("crowdpose", CROWDPOSE, "lsp14"),
        ("aic", AIC, "lsp14"),
        ("jhmdb", JHMDB, "lsp14"),
    ],
)
def test_a_dataset_without_names_has_its_own(tmp_path, dataset, names, layout):
    value = {"meta_info": {"dataset_name": dataset}, "instance_info": mmpose_people(rows_of(names))}
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    assert people[0].layout == layout
    assert placed(people[0])["left_wrist"] == FIGURE["left_wrist"]
    assert placed(people[0])["right_ankle"] == FIGURE["right_ankle"]


def test_meta_info_may_come_behind_the_people(tmp_path):
    value = {"instance_info": mmpose_people(rows_of(CROWDPOSE)), "meta_info": info(CROWDPOSE)}
    people, _ = read_all(write_json(tmp_path / "a.json", value))
    assert people[0].layout == "lsp14"


def old_version(*people: np.ndarray) -> list[dict[str, Any]]:
    return [{"keypoints": rows.tolist(), "bbox": [255.0, 94.0, 385.0, 410.0, 0.99], "track_id": 4} for rows in people]


def wrapped(*people: np.ndarray) -> list[dict[str, Any]]:
    return [
        {key: [value] if key.startswith("keypoint") else value for key, value in person.items()} | {"track_id": 4}
        for person in mmpose_people(*people)
    ]


@pytest.mark.parametrize(
    ("value", "position"),
    [
        ({"predictions": [wrapped(COCO)], "visualization": []}, "predictions[0][0]"),
        ([wrapped(COCO)], "[0][0]"),
        (wrapped(COCO), "[0]"),
        (old_version(COCO), "[0]"),
        ({"predictions": [{"frame_id": 3, "instances": wrapped(COCO)}]}, "predictions[0].instances[0]"),
    ],
    ids=["returned", "list of lists", "wrapped", "version 0.x", "returned video"],
)
def test_every_shape_that_mmpose_writes_is_read_with_box_and_track(tmp_path, value, position):
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    (person,) = people
    assert (person.layout, person.position, person.track_id) == ("coco17", position, "4")
    np.testing.assert_array_equal(person.keypoints, COCO)
    assert person.box is not None
    assert person.box.xywh == (255, 94, 130, 316)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"keypoints": [[1, 2]] * 17}, "one score each"),
        ({"keypoints": [1, 2, 3], "keypoint_scores": [1, 1, 1]}, "one score each"),
        ({"keypoints": COCO.tolist(), "keypoint_scores": 7}, "same length"),
        ({"keypoints": None}, "no keypoint_scores"),
        ({"keypoints": [[[]]], "keypoint_scores": [[]]}, "same length|one score each"),
        ([3], "no keypoints"),
        (None, "no keypoints"),
    ],
)
def test_a_malformed_person_is_rejected_alone(tmp_path, person, words):
    value = {"instance_info": [*mmpose_people(COCO), person]}
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert (len(people), len(rejected)) == (1, 1)
    assert any(word in rejected[0].reason for word in words.split("|"))


@pytest.mark.parametrize("numbers", [{"0": "nose", "7": "left_eye"}, {"a": "nose"}, [], {"0": None}, 7])
def test_names_with_gaps_are_none(tmp_path, numbers):
    meta = {"dataset_name": "coco", "keypoint_id2name": numbers}
    people, _ = read_all(write_json(tmp_path / "a.json", {"meta_info": meta, "instance_info": mmpose_people(COCO)}))
    assert people[0].layout == "coco17"


def test_animals_are_refused_once_with_their_names(tmp_path):
    value = {"meta_info": info(AP10K, "ap10k"), "instance_info": mmpose_people(rows_of(AP10K), rows_of(AP10K))}
    with pytest.raises(InputError, match=r"an animal's"):
        read_all(write_json(tmp_path / "a.json", value))


@pytest.mark.parametrize(
    ("name", "layout"), [("demo_coco", "coco17"), ("demo_humanart", "coco17"), ("demo_posetrack18", "openpose25b")]
)
def test_the_demos_files_are_read(tmp_path, name, layout):
    shutil.copy(Path(__file__).parent / "data/cases/mmpose" / f"{name}.json", tmp_path)
    people, rejected = read_all(tmp_path / f"{name}.json")
    assert not rejected
    assert [person.layout for person in people] == [layout, layout]
    assert all((person.keypoints[:, 2] > 0).sum() == 17 for person in people)
