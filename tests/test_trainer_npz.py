"""Trainers' .npz that are nearly SPIN's: `part` of another count, BEDLAM's `gtkps`, and the cameras that they give."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import SIZE, read_all
from keypoint_files import figure, write_npz

from smplify_jax import InputError

CASES = Path(__file__).parent / "data" / "cases" / "npz"
CAMERA = [[1200.0, 0, 300], [0, 1200, 250], [0, 0, 1]]


def arrays(layout: str, key: str, **more: Any) -> dict[str, Any]:
    rows = np.stack([figure(layout), figure(layout, 5)]).astype(np.float64)
    about = {"imgname": np.array(["a.jpg", "b.jpg"]), "center": np.full((2, 2), 300.0), "scale": np.full(2, 1.5)}
    return {**about, key: rows, **more}


def test_a_part_of_17_is_read_as_the_layout_that_is_named(tmp_path):
    path = write_npz(tmp_path / "h36m.npz", **arrays("coco17", "part"))
    people, rejected = read_all(path, layout="coco17")
    assert not rejected
    assert [person.layout for person in people] == ["coco17", "coco17"]
    np.testing.assert_array_equal(people[1].keypoints, figure("coco17", 5))
    assert people[0].box is not None
    assert people[0].box.spin_scale == pytest.approx(1.5)


def test_a_part_of_17_without_a_layout_is_refused_with_the_layouts_of_17(tmp_path):
    path = write_npz(tmp_path / "h36m.npz", **arrays("coco17", "part"))
    with pytest.raises(InputError, match=r"'part' has 17 keypoints.*coco17 or h36m17"):
        read_all(path)
    with pytest.raises(InputError, match="layout lsp14 has 14"):
        read_all(path, layout="lsp14")


def test_a_part_whose_count_one_layout_has_is_read_as_that(tmp_path):
    people, _ = read_all(write_npz(tmp_path / "a.npz", **arrays("lsp14", "part")))
    assert people[0].layout == "lsp14"
    with pytest.raises(InputError, match="no layout has so many"):
        read_all(write_npz(tmp_path / "b.npz", **arrays("lsp14", "part", part=np.ones((2, 15, 3)))))


def test_a_part_beside_openposes_keypoints_is_read_alone_only_where_its_layout_is_named(tmp_path):
    path = write_npz(tmp_path / "a.npz", **arrays("lsp14", "part", openpose=np.ones((2, 25, 3))))
    assert read_all(path, layout="lsp14")[0][0].layout == "lsp14"
    with pytest.raises(InputError, match=r"'part' has shape \(2, 14, 3\); expected \(2, 24, 3\)"):
        read_all(path)


def test_a_part_of_24_alone_may_be_smpls(tmp_path):
    path = write_npz(tmp_path / "a.npz", imgname=np.array(["a.jpg"]), part=np.full((1, 24, 3), 100.0))
    assert read_all(path)[0][0].layout == "spin49"
    assert read_all(path, layout="smpl24")[0][0].layout == "smpl24"


def test_bedlams_keypoints_and_camera_are_read(tmp_path):
    path = write_npz(tmp_path / "bedlam.npz", **arrays("coco17", "gtkps", cam_int=np.array([CAMERA] * 2)))
    people, rejected = read_all(path, layout="coco17", image_size=SIZE)
    assert not rejected
    assert [(person.focal_length, person.camera_center) for person in people] == [(1200, (300, 250))] * 2
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17"))
    for layout in (None, "lsp14"):
        with pytest.raises(InputError, match="'gtkps' has 17 keypoints"):
            read_all(path, layout=layout)


def test_bedlams_44_are_the_first_of_spin49_and_points_without_confidence_are_seen(tmp_path):
    given = np.random.default_rng(0).uniform(50, 400, (1, 44, 2))
    path = write_npz(tmp_path / "a.npz", imgname=np.array(["a.jpg"]), gtkps=given)
    people, _ = read_all(path, layout="spin49")
    np.testing.assert_array_equal(people[0].keypoints[:44, :2], given[0].astype(np.float32))
    assert people[0].keypoints[:, 2].tolist() == [1] * 44 + [0] * 5


@pytest.mark.parametrize(
    ("more", "focal_length", "center"),
    [
        ({"cam_int": np.array([CAMERA, np.zeros((3, 3))])}, (1200, None), ((300, 250), None)),
        ({"focal_l": np.array([900.0, 0.0])}, (900, None), (None, None)),
        ({"focal_l": np.array([[900.0], [800.0]])}, (900, 800), (None, None)),
        ({"cam_int": np.array([[[1000.0, 0, 3], [0, 1100, 4], [0, 0, 1]]] * 2)}, (1050, 1050), ((3, 4), (3, 4))),
        ({}, (None, None), (None, None)),
    ],
    ids=["one unknown", "focal lengths", "a column", "two of them", "none"],
)
def test_a_camera_of_each_person_is_kept(tmp_path, more, focal_length, center):
    people, rejected = read_all(write_npz(tmp_path / "a.npz", **arrays("lsp14", "part", **more)))
    assert not rejected
    assert tuple(person.focal_length for person in people) == focal_length
    assert tuple(person.camera_center for person in people) == center


def test_the_size_of_the_picture_is_kept(tmp_path):
    more = {"img_w": np.array([640, 800]), "img_h": np.array([[480], [600]])}
    people, _ = read_all(write_npz(tmp_path / "a.npz", **arrays("lsp14", "part", **more)))
    assert [person.image_size for person in people] == [(640, 480), (800, 600)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cam_int": np.array([np.transpose(CAMERA), CAMERA])}, "expected the camera matrix"),
        ({"cam_int": np.array([np.full((3, 3), np.nan), CAMERA])}, "expected the camera matrix"),
        ({"cam_int": np.array([np.array(CAMERA) * [[-1], [1], [1]], CAMERA])}, "focal length is -1200"),
        ({"focal_l": np.array([-3.0, 800.0])}, "focal length is -3"),
        ({"focal_l": np.array([np.nan, 800.0])}, "focal length is nan"),
        ({"img_w": np.array([0, 640]), "img_h": np.array([480, 480])}, "width 0.0"),
        ({"focal_l": np.array([[1.0, 2.0], [3.0, 4.0]])}, "one number for each person"),
    ],
)
def test_a_camera_or_size_that_is_none_is_rejected_with_its_person(tmp_path, more, words):
    people, rejected = read_all(write_npz(tmp_path / "a.npz", **arrays("lsp14", "part", **more)))
    assert words in rejected[0].reason
    assert len(people) == 2 - len(rejected)


@pytest.mark.parametrize("shape", [(2,), (2, 17), (2, 17, 4), (3, 17, 3), (2, 17, 3, 1)])
@pytest.mark.parametrize("key", ["part", "gtkps"])
def test_arrays_of_another_shape_are_refused(tmp_path, shape, key):
    path = write_npz(tmp_path / "a.npz", **arrays("coco17", key, **{key: np.ones(shape)}))
    with pytest.raises(InputError, match=f"'{key}' has shape"):
        read_all(path, layout="coco17")


def test_the_files_of_human36m_and_bedlam_are_read(tmp_path):
    for name, layout, focal_length in (("h36m_body3d", "h36m17", None), ("bedlam_like", "coco17", 1200)):
        shutil.copy(CASES / f"{name}.npz", tmp_path)
        people, rejected = read_all(tmp_path / f"{name}.npz", layout=layout, image_size=(1280.0, 960.0))
        assert not rejected
        assert [(person.layout, person.focal_length) for person in people] == [(layout, focal_length)] * 2
        assert all((person.keypoints[:, 2] > 0).all() for person in people)
