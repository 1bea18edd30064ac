"""YOLO-pose's results as JSON and its text files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import SIZE, read_all
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import figure, write_json
from PIL import Image

from smplify_jax import InputError
from smplify_jax.keypoints.layouts import get_layout

# Fractions of the picture pass through float64 and come back as pixels.
EXACT = 1e-4

BOX = (255.0, 94.0, 385.0, 410.0)
XYWH = (255.0, 94.0, 130.0, 316.0)


def result(rows: np.ndarray, scale: tuple[float, float] = (1.0, 1.0), **more: Any) -> dict[str, Any]:
    """A person as `Results.summary` writes them; `scale` is the picture's size with `normalize=True`."""
    corners = (np.array(BOX) / np.array(2 * scale)).tolist()
    x, y, visible = (rows.astype(np.float64) / np.array([*scale, 1.0])).T.tolist()
    return {
        "name": "person",
        "class": 0,
        "confidence": 0.91,
        "box": dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)),
        **more,
        "keypoints": {"x": x, "y": y, "visible": visible},
    }


@pytest.mark.parametrize("scale", [(1.0, 1.0), SIZE])
def test_results_are_read_in_pixels_and_normalised(tmp_path, scale):
    value = [result(figure("coco17"), scale), result(figure("coco17", 7), scale, track_id=3)]
    people, rejected = read_all(write_json(tmp_path / "street.json", value), image_size=SIZE)
    assert not rejected
    for shift, person in zip((0, 7), people, strict=True):
        assert (person.layout, person.image, person.image_size) == ("coco17", "street", SIZE)
        np.testing.assert_allclose(person.keypoints, figure("coco17", shift), rtol=0, atol=EXACT)
        assert person.box is not None
        np.testing.assert_allclose(person.box.xywh, XYWH, rtol=0, atol=EXACT)
    assert [person.track_id for person in people] == ["", "3"]


SHAPES: dict[str, tuple[Any, str]] = {
    "web": ({"results": [result(figure("coco17"))]}, "results[0]"),
    "api": (
        {"images": [{"results": [result(figure("coco17"))], "shape": [480, 640]}], "metadata": {}},
        "images[0].results[0]",
    ),
    "old api": ({"data": [result(figure("coco17"))], "message": "ok", "success": True}, "data[0]"),
    "video": ([[], [result(figure("coco17"))]], "[1][0]"),
    "pictures": ([{"results": None}, {"results": [result(figure("coco17"))]}], "[1].results[0]"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_results_are_found_in_every_shape(tmp_path, shape):
    value, position = SHAPES[shape]
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    assert [person.position for person in people] == [position]
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17"))
    assert people[0].image_size == (SIZE if shape == "api" else None)
    assert people[0].frame == {"video": 1, "pictures": 1, "api": 0}.get(shape)


def test_keypoints_without_scores_are_seen_and_zeros_are_not_found(tmp_path):
    value = result(figure("coco17"))
    del value["keypoints"]["visible"]
    value["keypoints"]["x"][3] = value["keypoints"]["y"][3] = 0.0
    scored = result(figure("coco17"))
    scored["keypoints"]["x"][3] = scored["keypoints"]["y"][3] = 0.0
    people, _ = read_all(write_json(tmp_path / "a.json", [value, scored]))
    assert set(people[0].keypoints[:, 2]) == {0.0, 1.0}
    for person in people:
        assert not person.keypoints[3].any()
        assert (person.keypoints[:, 2] > 0).sum() == 16


def test_normalised_results_of_a_picture_of_unknown_size_are_rejected(tmp_path):
    people, rejected = read_all(write_json(tmp_path / "a.json", [result(figure("coco17"), SIZE)]))
    assert not people
    assert "fractions" in rejected[0].reason


@pytest.mark.parametrize(
    "keypoints",
    [
        *(None, 3, [], {}, {"x": []}, {"x": [1.0] * 17}, {"x": 1, "y": 2}, {"x": [1.0] * 17, "y": [2.0] * 16}),
        *({"x": [1.0] * 12, "y": [2.0] * 12}, {"x": ["a"] * 17, "y": [2.0] * 17}),
        {"x": [1.0] * 17, "y": [2.0] * 17, "visible": 0.5},
    ],
)
def test_a_malformed_result_is_one_rejected_row(tmp_path, keypoints):
    good = result(figure("coco17"))
    people, rejected = read_all(write_json(tmp_path / "a.json", [good, good | {"keypoints": keypoints}, 3, good]))
    assert len(people) == 2
    assert [row.position for row in rejected] == ["[1]", "[2]"]


@pytest.mark.parametrize(
    "box", [None, 3, {}, {"x1": 1}, {"x1": "a", "y1": 0, "x2": 1, "y2": 1}, {"x1": 9, "y1": 9, "x2": 1, "y2": 1}]
)
def test_a_bad_box_is_no_reason_to_reject(tmp_path, box):
    people, _ = read_all(write_json(tmp_path / "a.json", [result(figure("coco17")) | {"box": box}]), image_size=SIZE)
    assert people[0].box is None


def label(rows: np.ndarray, *behind: float, num_columns: int = 3) -> str:
    """A line of a label file: fractions, with as many digits as Ultralytics writes."""
    left, top, width, height = XYWH
    box = (np.array([left + width / 2, top + height / 2, width, height]) / np.array(2 * SIZE)).tolist()
    points = (rows.astype(np.float64) / np.array([*SIZE, 1.0]))[:, :num_columns].ravel().tolist()
    return " ".join(["0", *(f"{value:.6f}" for value in (*box, *points)), *(f"{value:g}" for value in behind)]) + "\n"


def write_label(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines))
    return path


# Half of the last of six digits, of a picture of 640 pixels.
ROUNDED = 0.5e-6 * 640 + EXACT


@pytest.mark.parametrize(("behind", "track_id"), [((), ""), ((0.91,), ""), ((4,), "4"), ((0.91, 12), "12")])
@pytest.mark.parametrize(("num_columns", "confidence"), [(3, 0.75), (2, 1.0)])
def test_labels_are_read_with_what_predictions_have_behind_them(tmp_path, behind, track_id, num_columns, confidence):
    lines = [label(figure("coco17", shift), *behind, num_columns=num_columns) for shift in (0, 9)]
    people, rejected = read_all(write_label(tmp_path / "a.txt", *lines), image_size=SIZE)
    assert not rejected
    assert [person.position for person in people] == ["line 1", "line 2"]
    for shift, person in zip((0, 9), people, strict=True):
        assert (person.layout, person.track_id, person.image) == ("coco17", track_id, "a")
        expected = figure("coco17", shift, confidence)
        np.testing.assert_allclose(person.keypoints, expected, rtol=0, atol=ROUNDED)
        assert person.box is not None
        np.testing.assert_allclose(person.box.xywh, XYWH, rtol=0, atol=2 * ROUNDED)


@pytest.mark.parametrize(
    ("layout", "num_columns", "is_named"),
    [("halpe26", 3, False), ("halpe26", 2, True), ("mpii16", 3, True), ("lsp14", 2, True)],
)
def test_other_layouts_are_read_by_count_or_by_name(tmp_path, layout, num_columns, is_named):
    names = get_layout(layout).keypoint_names
    rows = np.array([(100 + 10 * k, 50 + 5 * k, 0.5) for k in range(len(names))])
    path = write_label(tmp_path / "a.txt", label(rows, num_columns=num_columns))
    people, _ = read_all(path, image_size=SIZE, **{"layout": layout} if is_named else {})
    assert people[0].layout == layout
    np.testing.assert_allclose(people[0].keypoints[:, :2], rows[:, :2], rtol=0, atol=ROUNDED)


def test_flags_of_a_file_with_a_two_are_halved(tmp_path):
    rows = figure("coco17", confidence=2)
    rows[0, 2], rows[1] = 1, 0
    hidden = figure("coco17", confidence=1)
    people, _ = read_all(write_label(tmp_path / "a.txt", label(rows), label(hidden)), image_size=SIZE)
    assert people[0].keypoints[:3, 2].tolist() == [0.5, 0.0, 1.0]
    assert set(people[1].keypoints[:, 2]) == {0.5}
    people, _ = read_all(write_label(tmp_path / "b.txt", label(hidden)), image_size=SIZE)
    assert set(people[0].keypoints[:, 2]) == {1.0}


def test_a_dataset_finds_its_pictures(tmp_path):
    for folder in ("labels/train", "images/train"):
        (tmp_path / folder).mkdir(parents=True)
    write_label(tmp_path / "labels/train/a.txt", label(figure("coco17")))
    write_label(tmp_path / "labels/train/nobody.txt")
    Image.new("RGB", (640, 480)).save(tmp_path / "images/train/a.jpg")
    for root in (tmp_path, tmp_path / "labels"):
        people, rejected = read_all(root, image_folder=tmp_path / "images")
        assert not rejected
        assert [(person.image, person.image_size) for person in people] == [("train/a.jpg", SIZE)]


def test_labels_of_a_picture_of_unknown_size_are_rejected(tmp_path):
    people, rejected = read_all(write_label(tmp_path / "a.txt", label(figure("coco17"))))
    assert not people
    assert "size of the picture is not known" in rejected[0].reason


BAD_LINES = {
    "0 0.5 0.5 0.1 0.1\n": "without keypoints",
    "0 0.5 0.5 0.1 0.1 0.91\n": "without keypoints",
    "0 0.5 0.5 0.1 0.1" + 24 * " 0.5" + "\n": "24 numbers behind its box",
    "0 0.5 0.5 0.1 0.1" + 50 * " 0.5" + " x\n": "other words than numbers",
    "person\n": "other words than numbers",
}


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_malformed_line_is_one_rejected_row(tmp_path, bad):
    good = label(figure("coco17"))
    people, rejected = read_all(write_label(tmp_path / "a.txt", good, "\n", bad, good), image_size=SIZE)
    assert [person.position for person in people] == ["line 1", "line 4"]
    assert [row.position for row in rejected] == ["line 3"]
    assert BAD_LINES[bad] in rejected[0].reason


@pytest.mark.parametrize("text", ["read me\n", "1,2,3,4,5,6\n", "train: images/train\n", "0.5 0.5 0.5 0.5 0.5\n"])
def test_other_texts_are_no_labels(tmp_path, text):
    with pytest.raises(InputError, match="a text file, which is no known keypoint format"):
        read_all(write_label(tmp_path / "a.txt", text))


def test_a_line_without_end_is_the_end_of_the_file(tmp_path):
    path = write_label(tmp_path / "a.txt", label(figure("coco17")), "0 " * 2**17)
    people, rejected = read_all(path, image_size=SIZE)
    assert len(people) == 1
    assert [row.position for row in rejected] == ["line 2"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=4, max_size=60))
def test_any_numbers_are_read_or_rejected(tmp_path_factory, numbers):
    text = " ".join(["0", *map(repr, numbers)]) + "\n"
    people, rejected = read_all(write_label(tmp_path_factory.mktemp("any") / "a.txt", text), image_size=SIZE)
    assert len(people) + len(rejected) == 1


def test_other_texts_beside_the_labels_are_passed_over(tmp_path):
    write_label(tmp_path / "a.txt", label(figure("coco17")))
    write_label(tmp_path / "classes.txt", "person\n")
    write_label(tmp_path / "train.txt", "images/a.jpg\n")
    people, rejected = read_all(tmp_path, image_size=SIZE)
    assert (len(people), rejected) == (1, [])
