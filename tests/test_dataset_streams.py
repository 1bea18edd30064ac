"""Reading datasets as streams: bad records are rejected and the rest is read, ids are unique and stable, memory stays flat."""

from __future__ import annotations

import json
import pathlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import (
    alphapose,
    hmr2_person,
    read_all,
    spin_arrays,
    write_hmr2_tar,
    write_large_list,
    write_samples,
)
from keypoint_files import coco_annotations, coco_results, figure, flat, write_json, write_npz, write_openpose

from smplify_jax import InputError
from smplify_jax.datasets.read import read_dataset
from smplify_jax.keypoints.formats.registry import FORMATS
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, PassedFile

COCO = figure("coco17")


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Path]:
    return write_samples(tmp_path_factory.mktemp("samples"))


def test_ids_are_unique_and_the_same_when_read_again(samples):
    folder = samples[0].parent
    people, rejected = read_all(folder)
    assert not rejected
    ids = [person.id for person in people]
    assert len(ids) == len(set(ids)) == 42
    assert [person.id for person in read_all(folder)[0]] == ids
    # A shard that holds the same file alone gives its people the same ids.
    alone = [person.id for path in sorted(samples) for person in read_all(path)[0]]
    assert alone == ids


def test_people_of_one_picture_and_annotations_with_one_number_have_ids_of_their_own(tmp_path):
    value = coco_annotations(*[figure("coco17", k, confidence=2) for k in range(3)])
    for annotation in value["annotations"]:
        annotation["id"] = 5
    people, _ = read_all(write_json(tmp_path / "a.json", value))
    assert len({person.id for person in people}) == 3
    tar = write_hmr2_tar(tmp_path / "a.tar", [("x", [hmr2_person()]), ("y", [hmr2_person()]), ("x", [hmr2_person()])])
    assert len({person.id for person in read_all(tar)[0]}) == 3


BAD_RESULTS: list[tuple[Any, str]] = [
    ({"image_id": 7, "keypoints": [1.0, 2.0]}, "2 numbers"),
    ({"image_id": 7, "keypoints": flat(COCO[:14])}, "14 keypoints; known counts are 17"),
    ({"image_id": 7, "keypoints": [float("nan")] * 51}, "no keypoint has finite coordinates"),
    ({"image_id": 7, "keypoints": [0.0] * 51}, "no keypoint has finite coordinates"),
    ({"image_id": 7, "keypoints": flat(COCO / 640)}, "fractions of the picture"),
    ({"image_id": 7, "keypoints": ["1"] * 51}, "holds '1'"),
    ({"image_id": 7}, "no keypoints"),
    (None, "no keypoints"),
    ([1, 2], "no keypoints"),
]


def test_bad_results_are_rejected_with_their_place_and_the_rest_is_read(tmp_path):
    good = coco_results(COCO)[0]
    path = write_json(tmp_path / "a.json", [good, *(bad for bad, _ in BAD_RESULTS), good])
    people, rejected = read_all(path)
    assert [person.position for person in people] == ["[0]", f"[{len(BAD_RESULTS) + 1}]"]
    assert [row.position for row in rejected] == [f"[{k + 1}]" for k in range(len(BAD_RESULTS))]
    assert {row.file for row in rejected} == {"a.json"}
    for row, (_, words) in zip(rejected, BAD_RESULTS, strict=True):
        assert words in row.reason
        assert "\n" not in row.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"keypoints": [1.0] * 42}, "14 keypoints"),
        ({"keypoints": [None] * 51}, "no keypoint has finite"),
        ({"image_id": 8}, "'8' is not among the file's images"),
        ({"image_id": [8]}, "not among the file's images"),
        ({"foot_kpts": [1, 1, 2]}, "1 keypoints of the feet"),
    ],
)
def test_bad_annotations_are_rejected(tmp_path, changes, words):
    value = coco_annotations(figure("coco17", confidence=2), figure("coco17", confidence=2))
    value["annotations"][0].update(changes)
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert (len(people), len(rejected)) == (1, 1)
    assert words in rejected[0].reason


@pytest.mark.parametrize("size", [(0, 480), (640, None), ("640", 480), (float("nan"), 480)])
def test_a_picture_of_an_impossible_size_rejects_its_people(tmp_path, size):
    value = coco_annotations(figure("coco17", confidence=2))
    value["images"][0].update(width=size[0], height=size[1])
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert (people, len(rejected)) == ([], 1)
    assert "expected pixels, or neither" in rejected[0].reason


def test_annotations_with_keypoints_of_another_order_are_rejected(tmp_path):
    value = coco_annotations(figure("coco17", confidence=2))
    value["categories"][0]["keypoints"] = ["left_shoulder", "right_shoulder"]
    _, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert "'left_shoulder' where layout coco17 has 'nose'" in rejected[0].reason


def test_bad_people_of_an_npz_are_rejected_one_by_one(tmp_path):
    arrays = spin_arrays(4)
    arrays["openpose"][1], arrays["part"][1] = np.nan, np.nan
    arrays["scale"][2] = -1
    people, rejected = read_all(write_npz(tmp_path / "a.npz", **arrays))
    assert [person.position for person in people] == ["[0]", "[3]"]
    assert [row.position for row in rejected] == ["[1]", "[2]"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"part": np.zeros((4, 14, 3))}, "'part' has shape (4, 14, 3); expected (4, 24, 3)"),
        ({"center": np.zeros((3, 2))}, "'center' has shape (3, 2)"),
        ({"imgname": np.array("one")}, "lacks an array 'imgname'"),
        ({"openpose": np.zeros((4, 9_000_000))[:, :0]}, "'openpose' has shape (4, 0)"),
    ],
)
def test_an_npz_with_arrays_of_another_shape_is_refused(tmp_path, changes, words):
    with pytest.raises(InputError) as raised:
        read_all(write_npz(tmp_path / "a.npz", **(spin_arrays(4) | changes)))
    assert words in str(raised.value)


def test_people_of_a_tar_that_are_malformed_are_rejected(tmp_path):
    people = [
        {"keypoints_2d": np.zeros((17, 3))},
        5,
        hmr2_person() | {"scale": "large"},
        hmr2_person() | {"center": None},
    ]
    path = write_hmr2_tar(tmp_path / "a.tar", [("a", people), ("b", {"no": "list"}), ("c", [hmr2_person()])])
    found, rejected = read_all(path)
    assert len(found) == 1
    reasons = ["(17, 3)", "no dict", "a box is not made of numbers", "a box has", "expected a list of people"]
    for row, words in zip(rejected, reasons, strict=True):
        assert words in row.reason


def test_cut_off_json_gives_what_came_before_and_says_where_it_ends(tmp_path):
    text = json.dumps(coco_results(COCO, COCO, COCO))
    (tmp_path / "a.json").write_text(text[: int(0.8 * len(text))])
    people, rejected = read_all(tmp_path / "a.json")
    assert (len(people), len(rejected)) == (2, 1)
    assert rejected[0].position == "[2]"
    assert "cut-off JSON" in rejected[0].reason


def test_cut_off_tar_gives_what_came_before(tmp_path):
    samples = [(f"{k}", [hmr2_person()]) for k in range(3)]
    data = write_hmr2_tar(tmp_path / "whole.tar", samples).read_bytes()
    (tmp_path / "a.tar").write_bytes(data[: int(0.6 * len(data.rstrip(b"\0")))])
    people, rejected = read_all(tmp_path / "a.tar")
    assert len(people) in (1, 2)
    assert "cut-off tar" in rejected[0].reason


def test_a_damaged_npz_gives_the_blocks_before_the_damage(tmp_path):
    data = bytearray(write_npz(tmp_path / "whole.npz", **spin_arrays(2000)).read_bytes())
    start = data.index(b"part.npy") + 200 + 1500 * 24 * 3 * 8  # in the 1,500th person's part
    data[start : start + 8] = b"\xff" * 8
    (tmp_path / "a.npz").write_bytes(data)
    people, rejected = read_all(tmp_path / "a.npz")
    # The checksum is known to be wrong at the end of the array only, with its last block.
    assert len(people) + sum("no keypoint" in row.reason for row in rejected) >= 1536
    assert "damaged" in rejected[-1].reason


def test_a_folder_goes_on_after_a_file_that_is_none(tmp_path):
    write_openpose(tmp_path / "b_keypoints.json", figure("openpose25"))
    write_json(tmp_path / "a.json", {"bbox": [1, 2, 3, 4]})
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "d.json").write_text('{"people": [')
    (tmp_path / "e.txt").write_text("passed over")
    (tmp_path / ".f.json").write_text("hidden")
    people, rejected = read_all(tmp_path)
    assert len(people) == 1
    assert [row.file for row in rejected] == ["c.npz", "d.json"]
    passed = [row for row in read_rows(tmp_path) if isinstance(row, PassedFile)]
    assert [row.file for row in passed] == ["a.json", "e.txt"]
    assert "JSON object with the keys bbox, which is no known keypoint format" in passed[0].reason


def test_a_folder_without_any_dataset_is_refused(tmp_path):
    write_json(tmp_path / "a.json", {"bbox": [1, 2, 3, 4]})
    with pytest.raises(InputError, match="no keypoint file among its 1 files"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xd8\xff a picture", "a JPEG picture, not a file of keypoints"),
        (b"[1, 2]", "a JSON list without keys"),
        (b"PK\x03\x04", "damaged or cut-off .npz"),
        (b'{"corpses": []}', "keys corpses"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_all(tmp_path / "a")


def test_missing_files_unknown_formats_and_layouts_are_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="'bvh'; use one of openpose, "):
        read_dataset(tmp_path, "bvh")
    with pytest.raises(InputError, match="no keypoint layout 'coco'"):
        read_all(tmp_path, layout="coco")


def test_every_format_is_recognised_by_itself_and_refused_under_another_name(samples):
    names = [name for name in FORMATS if name != "parquet"]
    expected = {
        "openpose_keypoints.json": "openpose",
        "posetrack.json": "coco",
        "results.json": "coco-results",
        "hmr2.tar": "4dhumans-tar",
        "own.npz": "npz",
        "part.npz": "spin",
        "cmu.json": "alphapose",
        "comfyui.json": "openpose",
        "vitpose_result.json": "easy-vitpose",
    }
    for path in samples:
        own = expected.get(path.name, path.stem)
        for name in names:
            if name == own:
                assert read_all(path, name)[0]
            elif {name, own} < {
                "coco",
                "coco-results",
                "alphapose",
            }:  # the same keys, and COCO is the name of two formats
                continue
            else:
                with pytest.raises(InputError, match="not of the format that was named"):
                    read_all(path, name)


def long_list(num_records: int) -> Iterator[str]:
    record = json.dumps(alphapose(COCO)[0])
    for _ in range(num_records):
        yield record


def count_people(path: Path) -> int:
    return sum(isinstance(row, DatasetRow) for row in read_dataset(path))


@pytest.mark.parametrize("num_records", [2_000, 10_000])
def test_memory_does_not_grow_with_the_file(tmp_path, num_records):
    path = write_large_list(tmp_path / "a.json", long_list(num_records))
    count_people(path)  # Python's table of interned names may grow by 4 MB at any import: not while measuring
    tracemalloc.start()
    num_people = count_people(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_people == num_records
    # Both take 1.84 MB: the head of the file as text, which Python holds in 4 bytes a character, is the most.
    assert peak < 2.2e6


def test_memory_does_not_grow_with_an_npz(tmp_path):
    path = write_npz(tmp_path / "a.npz", **spin_arrays(4_000))  # 5 MB in keypoints alone
    num_people = largest = 0
    tracemalloc.start()
    for row in read_dataset(path):
        num_people += isinstance(row, DatasetRow)
        if num_people % 500 == 499:
            largest = max(largest, _traced_bytes())
    tracemalloc.stop()
    assert num_people == 4_000
    assert largest < 2.5e6  # a block is 0.7 MB, and read before the last one goes


def _traced_bytes() -> int:
    """What is held now, without Python's own table of interned strings, which may grow by 4 MB at once at any name of a picture."""
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, pathlib.__file__)])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


def test_a_not_a_number_written_by_python_costs_nobody_else(tmp_path):
    bad = figure("coco17")
    bad[3] = np.nan
    path = write_json(tmp_path / "a.json", coco_results(COCO, bad, COCO))
    assert "NaN" in path.read_text()
    people, rejected = read_all(path)
    assert (len(people), rejected) == (3, [])
    assert not people[1].keypoints[3].any()
