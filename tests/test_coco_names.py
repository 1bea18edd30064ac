"""COCO's JSON of many data sets: keypoints placed by the names in `categories`, flags, tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import read_all
from keypoint_files import FIGURE, write_json
from test_point_names import AIC, AP10K, CROWDPOSE, JHMDB, MHP, MMPOSE_H36M, POSETRACK

from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.point_names import point_of

CASES = Path(__file__).parent / "data" / "cases"

HUMAN_ART = get_layout("coco17").keypoint_names
PLACES = {**FIGURE, "neck": FIGURE["upper_neck"], "head": FIGURE["head_top"], "thorax": FIGURE["neck"]}


def annotation(names: tuple[str, ...], flag: float = 2, **more: Any) -> dict[str, Any]:
    """The stick figure with these keypoints; points that it has not are not labelled."""
    rows = [(*PLACES[point_of(name)], flag) if point_of(name) in PLACES else (0, 0, 0) for name in names]
    keypoints = [float(value) for row in rows for value in row]
    return {"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints, "num_keypoints": len(rows), **more}


def file_of(path: Path, names: Any, *annotations: dict[str, Any]) -> Path:
    value = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "person", "keypoints": names, "skeleton": [[1, 2]]}],
    }
    return write_json(path, value)


def placed(person) -> dict[str, tuple[float, float]]:
    names = get_layout(person.layout).keypoint_names
    return {name: (x, y) for name, (x, y, c) in zip(names, person.keypoints.tolist(), strict=True) if c > 0}


@pytest.mark.parametrize(
    ("names", "layout", "num_seen"),
    [
        (CROWDPOSE, "lsp14", 14),
        (AIC, "lsp14", 14),
        (MHP, "mpii16", 16),
        (HUMAN_ART, "coco17", 17),
        (tuple(reversed(HUMAN_ART)), "coco17", 17),
        (POSETRACK, "openpose25b", 17),
        (("shoulder_l", "hip_l", "knee_l", "nose", "shoulder_r"), "coco17", 5),
    ],
    ids=["crowdpose", "aic", "mhp", "human-art", "another order", "posetrack", "five of one's own"],
)
def test_keypoints_are_placed_by_the_names_of_the_category(tmp_path, names, layout, num_seen):
    people, rejected = read_all(file_of(tmp_path / "a.json", list(names), annotation(names)))
    assert not rejected
    (person,) = people
    assert person.layout == layout
    assert (person.keypoints[:, 2] == 1).sum() == num_seen
    for name, place in placed(person).items():
        expected = PLACES["upper_neck"] if (layout, name) == ("lsp14", "neck") else PLACES[point_of(name)]
        assert place == expected, name


def test_jhmdb_counts_pixels_from_one_and_its_head_is_no_head_top(tmp_path):
    people, _ = read_all(file_of(tmp_path / "a.json", JHMDB, annotation(JHMDB, track_id=0)))
    seen = placed(people[0])
    assert "head_top" not in seen
    assert seen["left_wrist"] == tuple(np.subtract(FIGURE["left_wrist"], 1))


def test_flags_of_human36m_are_whole_and_its_feet_are_ankles(tmp_path):
    names = MMPOSE_H36M
    given = annotation(names, flag=1)
    for k, name in enumerate(names):
        given["keypoints"][3 * k : 3 * k + 3] = [100.0 + k, 200.0, 1.0] if name == "left_foot" else [9.0, 90.0, 1.0]
    people, _ = read_all(file_of(tmp_path / "a.json", names, given))
    (person,) = people
    assert person.layout == "h36m17"
    assert (person.keypoints[:, 2] == 1).all()
    assert placed(person)["left_ankle"] == (100.0 + names.index("left_foot"), 200.0)


def test_a_hidden_point_counts_half_and_one_outside_the_picture_not_at_all(tmp_path):
    given = annotation(CROWDPOSE)
    given["keypoints"][2] = 1
    given["keypoints"][5] = 3
    people, _ = read_all(file_of(tmp_path / "a.json", CROWDPOSE, given))
    layout = get_layout("lsp14")
    confidences = people[0].keypoints[:, 2]
    assert confidences[layout.index("left_shoulder")] == 0.5
    assert confidences[layout.index("right_shoulder")] == 0
    assert confidences[layout.index("left_wrist")] == 1


def test_an_annotation_without_a_category_uses_the_only_names(tmp_path):
    given = annotation(CROWDPOSE)
    del given["category_id"]
    people, _ = read_all(file_of(tmp_path / "a.json", CROWDPOSE, given))
    assert people[0].layout == "lsp14"


@pytest.mark.parametrize("names", [[], None, [str(k) for k in range(17)], [f"point_{k}" for k in range(17)]])
def test_without_names_the_count_decides(tmp_path, names):
    people, _ = read_all(file_of(tmp_path / "a.json", names, annotation(HUMAN_ART)))
    assert people[0].layout == "coco17"
    assert placed(people[0])["left_wrist"] == FIGURE["left_wrist"]


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (AP10K, annotation(AP10K), "an animal's"),
        (("thumb", "index"), annotation(("thumb", "index"), keypoints=[1, 2, 2, 3, 4, 2]), "knows 0 of the 2 names"),
        (CROWDPOSE, annotation(HUMAN_ART), "the file names 14 keypoints"),
        (HUMAN_ART, annotation(CROWDPOSE), "has 14 keypoints, and the file names 17"),
        ([], annotation(CROWDPOSE), "known counts"),
        ([3, None, {}], annotation(("a", "b", "c"), keypoints=[5.0, 6.0, 2.0] * 3), "knows 0 of the 3 names"),
        (HUMAN_ART, annotation(HUMAN_ART, keypoints={}), "expected a list"),
    ],
)
def test_what_cannot_be_placed_is_rejected_alone(tmp_path, names, given, words):
    people, rejected = read_all(file_of(tmp_path / "a.json", names, given, given | {"id": 2}))
    assert (people, len(rejected)) == ([], 2)
    assert words in rejected[0].reason


def test_a_named_layout_takes_names_too_and_the_order_where_it_has_none_of_them(tmp_path):
    by_name, _ = read_all(file_of(tmp_path / "a.json", CROWDPOSE, annotation(CROWDPOSE)), layout="coco17")
    assert placed(by_name[0])["left_wrist"] == FIGURE["left_wrist"]
    assert len(placed(by_name[0])) == 12
    words = tuple(f"Punkt {chr(97 + k)}" for k in range(17))
    by_order, _ = read_all(file_of(tmp_path / "b.json", words, annotation(HUMAN_ART)), layout="coco17")
    assert placed(by_order[0])["left_wrist"] == FIGURE["left_wrist"]


@pytest.mark.parametrize(
    ("more", "track"),
    [
        ({"track_id": 0, "person_id": 5}, "0"),
        ({"person_id": 5}, "5"),
        ({"attributes": {"occluded": False, "track_id": 3}}, "3"),
        ({"track_id": None}, ""),
        ({"track_id": -1}, ""),
        ({"track_id": 1.5, "attributes": []}, ""),
        ({"track_id": float("nan")}, ""),
    ],
)
def test_tracks_are_kept(tmp_path, more, track):
    people, _ = read_all(file_of(tmp_path / "a.json", HUMAN_ART, annotation(HUMAN_ART, **more)))
    assert people[0].track_id == track
