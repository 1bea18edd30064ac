"""Reading keypoints: each format gives the people that are in the file, in its layout, under stable names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keypoint_files import (
    coco_annotations,
    coco_results,
    figure,
    flat,
    write_json,
    write_npz,
    write_openpose,
)

from smplify_jax.camera.observed import is_observed
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import LAYOUTS
from smplify_jax.keypoints.load import load_keypoints

SAMPLES = Path(__file__).parent / "data" / "keypoints"


def assert_read(people: KeypointSet, layout: str, expected: list[np.ndarray], names: tuple[str, ...]) -> None:
    assert people.layout == layout
    assert people.names == names
    assert people.keypoints.dtype == np.float32
    # Files hold the figure's float32 values exactly.
    np.testing.assert_array_equal(people.keypoints, np.stack(expected))


def test_our_npz_gives_people_names_and_picture_size():
    people = load_keypoints(SAMPLES / "people.npz")
    ben = figure("coco17", shift=150)
    ben[9] = 0
    assert_read(people, "coco17", [figure("coco17"), ben], ("anna", "ben"))
    np.testing.assert_array_equal(people.image_size, [[640, 480], [640, 480]])
    assert people.image_names == (None, None)
    assert len(people) == 2


def test_our_npz_of_one_person_is_named_by_the_file(tmp_path):
    people = load_keypoints(write_npz(tmp_path / "jump.npz", keypoints=figure("lsp14"), layout="lsp14"))
    assert_read(people, "lsp14", [figure("lsp14")], ("jump",))
    assert np.isnan(people.image_size).all()


def test_deepcut_npz_gives_positions_and_confidence_without_the_offsets():
    assert_read(load_keypoints(SAMPLES / "deepcut.npz"), "lsp14", [figure("lsp14")], ("deepcut",))


@pytest.mark.parametrize("num_rows", [3, 5])
@pytest.mark.parametrize("people_axis", [0, -1])
def test_lsp_npz_of_several_people_may_have_them_first_or_last(tmp_path, num_rows, people_axis):
    expected = [figure("lsp14", shift=10 * k) for k in range(3)]
    rows = [np.pad(rows.T, ((0, num_rows - 3), (0, 0))) for rows in expected]
    path = write_npz(tmp_path / "est_joints.npz", est_joints=np.stack(rows, axis=people_axis))
    assert_read(load_keypoints(path), "lsp14", expected, ("est_joints_0", "est_joints_1", "est_joints_2"))


def test_lsp_npz_is_found_under_any_name_and_beside_rotations_called_pose(tmp_path):
    path = write_npz(tmp_path / "a.npz", pose=np.zeros(72), found=figure("lsp14").T)
    assert_read(load_keypoints(path), "lsp14", [figure("lsp14")], ("a",))


def test_openpose_folder_gives_every_person_of_every_picture():
    people = load_keypoints(SAMPLES / "openpose")
    second = figure("openpose25", shift=-180)
    second[[11, 22, 23, 24]] = 0
    assert_read(
        people,
        "openpose25",
        [figure("openpose25"), second, figure("openpose25", shift=6)],
        ("walk_000000000000_0", "walk_000000000000_1", "walk_000000000002_0"),
    )
    assert people.image_names == ("walk_000000000000", "walk_000000000000", "walk_000000000002")
    assert np.isnan(people.image_size).all()


def test_old_openpose_json_with_18_keypoints_is_read():
    people = load_keypoints(SAMPLES / "openpose_coco18.json")
    assert_read(people, "openpose18", [figure("openpose18")], ("openpose_coco18_0",))


def test_body_25b_is_read_when_the_layout_is_named(tmp_path):
    path = write_openpose(tmp_path / "a_keypoints.json", figure("openpose25b"))
    assert load_keypoints(path).layout == "openpose25"
    assert_read(load_keypoints(path, layout="openpose25b"), "openpose25b", [figure("openpose25b")], ("a_0",))


def test_coco_annotations_give_labelled_people_with_half_the_visibility_as_confidence():
    people = load_keypoints(SAMPLES / "coco_annotations.json")
    expected = figure("coco17", confidence=1.0)
    expected[10, 2] = 0.5
    expected[[1, 3]] = 0
    assert_read(people, "coco17", [expected], ("street_7_40",))
    assert people.image_names == ("street 7.jpg",)
    np.testing.assert_array_equal(people.image_size, [[640, 480]])


def test_coco_results_give_scores_as_they_are():
    people = load_keypoints(SAMPLES / "coco_results.json")
    expected = [figure("coco17", shift=shift) for shift in (0, 100, 50)]
    assert_read(people, "coco17", expected, ("000000000007_0", "000000000007_1", "000000000012_0"))
    assert people.image_names == ("000000000007", "000000000007", "000000000012")  # as COCO names its pictures


def test_results_that_name_the_picture_keep_its_name(tmp_path):
    high = figure("halpe26", confidence=3.0)
    path = write_json(tmp_path / "alphapose-results.json", coco_results(high, image_id="photos/anna.jpg"))
    people = load_keypoints(path)
    assert_read(people, "halpe26", [figure("halpe26", confidence=1.0)], ("anna_0",))  # a confidence is a probability
    assert people.image_names == ("anna.jpg",)


@pytest.mark.parametrize(
    ("count", "layout"), [(17, "coco17"), (23, "coco23"), (26, "halpe26"), (133, "coco23"), (136, "halpe26")]
)
def test_results_of_whole_body_detectors_give_the_body_and_the_feet(tmp_path, count, layout):
    body = figure(layout)
    rows = np.concatenate([body, np.full((count - len(body), 3), 9, dtype=np.float32)])
    people = load_keypoints(write_json(tmp_path / "results.json", coco_results(rows)))
    assert_read(people, layout, [body], ("000000000007_0",))


def test_whole_body_annotations_give_the_feet(tmp_path):
    rows = figure("coco23", confidence=2)
    value = coco_annotations(rows[:17], rows[:17], foot_kpts=flat(rows[17:]))
    del value["annotations"][1]["foot_kpts"]
    people = load_keypoints(write_json(tmp_path / "wholebody.json", value))
    without_feet = figure("coco23", confidence=1)
    without_feet[17:] = 0
    assert_read(people, "coco23", [figure("coco23", confidence=1), without_feet], ("street_7_40", "street_7_41"))


def test_annotations_of_unlisted_pictures_are_read_without_their_size(tmp_path):
    value = coco_annotations(figure("coco17", confidence=2))
    value["images"] = []
    people = load_keypoints(write_json(tmp_path / "a.json", value))
    assert people.names == ("000000000007_40",)
    assert people.image_names == ("000000000007",)
    assert np.isnan(people.image_size).all()


def test_the_format_is_recognised_whatever_the_file_is_called(tmp_path):
    for sample, layout in [("people.npz", "coco17"), ("deepcut.npz", "lsp14"), ("coco_results.json", "coco17")]:
        renamed = tmp_path / "file.txt"
        renamed.write_bytes((SAMPLES / sample).read_bytes())
        assert load_keypoints(renamed).layout == layout
        assert load_keypoints(str(renamed)).layout == layout


@pytest.mark.parametrize(
    ("sample", "format"),
    [("people.npz", "npz"), ("deepcut.npz", "lsp"), ("openpose", "openpose"), ("coco_annotations.json", "coco")],
)
def test_naming_the_format_gives_what_recognising_it_gives(sample, format):
    recognised, named = load_keypoints(SAMPLES / sample), load_keypoints(SAMPLES / sample, format)
    np.testing.assert_array_equal(named.keypoints, recognised.keypoints)
    assert named.names == recognised.names


def test_a_folder_may_mix_formats_of_one_layout_and_hold_other_files(tmp_path):
    write_npz(tmp_path / "a.npz", keypoints=figure("coco17"), layout="coco17")
    write_json(tmp_path / "b.json", coco_results(figure("coco17", shift=5)))
    write_json(tmp_path / "box.json", {"bbox": [1, 2, 3, 4]})
    write_npz(tmp_path / "result.npz", pose=np.zeros(72), betas=np.zeros(10))
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "sub.json").mkdir()
    assert_read(
        load_keypoints(tmp_path), "coco17", [figure("coco17"), figure("coco17", shift=5)], ("a", "000000000007_0")
    )
    assert load_keypoints(tmp_path, "coco").names == ("000000000007_0",)


def test_equal_names_are_told_apart_by_numbers_and_unsafe_ones_made_safe(tmp_path):
    names = ["Anna", "anna", "../../etc/x", "con", "", "naïve 王"]
    rows = np.stack([figure("coco17")] * len(names))
    people = load_keypoints(write_npz(tmp_path / "a.npz", keypoints=rows, layout="coco17", names=names))
    assert people.names == ("Anna", "anna_2", "_.._etc_x", "_con", "person", "naïve_王")


def test_what_is_no_observation_becomes_a_row_of_zeros(tmp_path):
    rows = figure("coco17").astype(np.float64)
    rows[0], rows[1, 2], rows[2, 0], rows[3, 2], rows[4, 1] = 0, np.nan, np.inf, -0.5, 1e300
    people = load_keypoints(write_npz(tmp_path / "a.npz", keypoints=rows, layout="coco17"))
    np.testing.assert_array_equal(people.keypoints[0, :5], 0)
    np.testing.assert_array_equal(people.keypoints[0, 5:], figure("coco17")[5:])


def test_null_in_json_is_not_found(tmp_path):
    results = coco_results(figure("coco17"))
    results[0]["keypoints"][3:6] = [None, None, None]
    people = load_keypoints(write_json(tmp_path / "a.json", results))
    np.testing.assert_array_equal(people.keypoints[0, 1], 0)


@st.composite
def people_of_a_layout(draw, layouts):
    layout = draw(st.sampled_from(layouts))
    shape = (draw(st.integers(1, 3)), LAYOUTS[layout].num_keypoints)
    coordinates = draw(hnp.arrays(np.float32, (*shape, 2), elements=st.floats(-1000, 5000, width=32)))
    confidence = draw(hnp.arrays(np.float32, (*shape, 1), elements=st.floats(0.0625, 1, width=32)))
    rows = np.concatenate([coordinates, confidence], axis=-1)
    rows[~is_observed(rows), :2] = 7  # what is drawn at (0, 0) or (-1, -1) would be read as not found
    rows[:, 0, :2] += 9000  # otherwise a draw of nothing but small numbers is refused as fractions of the picture
    return layout, rows


@given(people=people_of_a_layout(list(LAYOUTS)), size=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)))
def test_our_npz_returns_what_was_written(tmp_path_factory, people, size):
    layout, rows = people
    more = {} if size is None else {"image_size": size}
    path = write_npz(tmp_path_factory.mktemp("npz") / "a.npz", keypoints=rows, layout=layout, **more)
    read = load_keypoints(path)
    assert_read(read, layout, list(rows), tuple(f"a_{k}" for k in range(len(rows))))
    np.testing.assert_array_equal(read.image_size, np.broadcast_to(size or (np.nan, np.nan), (len(rows), 2)))


@given(people=people_of_a_layout(["openpose18", "openpose25"]))
def test_openpose_returns_what_was_written(tmp_path_factory, people):
    layout, rows = people
    path = write_openpose(tmp_path_factory.mktemp("openpose") / "a_keypoints.json", *rows)
    assert_read(load_keypoints(path), layout, list(rows), tuple(f"a_{k}" for k in range(len(rows))))


@given(people=people_of_a_layout(["coco17", "coco23", "halpe26"]))
def test_coco_results_return_what_was_written(tmp_path_factory, people):
    layout, rows = people
    path = write_json(tmp_path_factory.mktemp("coco") / "a.json", coco_results(*rows))
    assert_read(load_keypoints(path), layout, list(rows), tuple(f"000000000007_{k}" for k in range(len(rows))))
