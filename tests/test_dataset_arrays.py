"""Readers of datasets in arrays: the .npz of SPIN and 4D-Humans, the latter's tar files, Parquet and our own .npz."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from dataset_files import COCO, SIZE, figure_spin49, hmr2_person, read_all, spin_arrays, write_hmr2_tar
from keypoint_files import write_npz

from smplify_jax import InputError


@pytest.mark.parametrize("is_text", [True, False])
def test_spin_files_keep_both_sets_of_keypoints_and_the_box(tmp_path, is_text):
    arrays = spin_arrays(600, is_text=is_text)  # more than a block
    people, rejected = read_all(write_npz(tmp_path / "lsp_train.npz", **arrays))
    assert not rejected
    assert len(people) == 600
    for k in (0, 511, 512, 599):
        person = people[k]
        assert (person.id, person.image) == (f"lsp_train.npz#[{k}]", f"images/{k:05d}.jpg")
        assert person.gender == ("female" if k % 2 else "male")
        np.testing.assert_array_equal(person.keypoints, figure_spin49(k).astype(np.float32))
        assert person.box is not None
        assert person.box.spin_scale == pytest.approx(arrays["scale"][k])
        assert person.box.center == pytest.approx(arrays["center"][k])


@pytest.mark.parametrize("missing", ["part", "openpose"])
def test_spin_files_may_lack_one_set_of_keypoints(tmp_path, missing):
    arrays = spin_arrays(3)
    del arrays[missing], arrays["gender"]
    people, _ = read_all(write_npz(tmp_path / "a.npz", **arrays))
    unseen = people[0].keypoints[25:] if missing == "part" else people[0].keypoints[:25]
    assert not unseen.any()
    assert people[0].gender is None


def test_spin_files_may_be_compressed_in_fortran_order_or_hold_names_as_objects(tmp_path):
    arrays = spin_arrays(3)
    arrays["part"] = np.asfortranarray(arrays["part"])
    arrays["imgname"] = arrays["imgname"].astype(object)
    np.savez_compressed(tmp_path / "a.npz", allow_pickle=True, **arrays)
    people, rejected = read_all(tmp_path / "a.npz")
    assert not rejected
    np.testing.assert_array_equal(people[2].keypoints, figure_spin49(2).astype(np.float32))
    assert people[2].image == "images/00002.jpg"


@pytest.mark.parametrize("scale", [300.0, [300.0], [130.0, 316.0]])
def test_4d_humans_npz_has_boxes_in_pixels(tmp_path, scale):
    rows = figure_spin49()
    arrays = {
        "imgname": np.array(["a/1.jpg"]),
        "center": np.array([[320.0, 252.0]]),
        "scale": np.array([scale]),
        "body_keypoints_2d": rows[None, :25],
        "extra_keypoints_2d": rows[None, 25:44],
        "extra_info": np.array([{"any": "object"}]),
    }
    people, rejected = read_all(write_npz(tmp_path / "a.npz", **arrays))
    assert not rejected
    (person,) = people
    assert person.layout == "spin49"
    np.testing.assert_array_equal(person.keypoints[:44], rows[:44].astype(np.float32))
    assert not person.keypoints[44:].any()
    assert person.box is not None
    assert person.box.size == tuple(np.broadcast_to(scale, 2))


@pytest.mark.parametrize("is_one_file", [True, False])
def test_4d_humans_tar_has_boxes_in_units_of_200_px(tmp_path, is_one_file):
    samples = [("aic/000a", [hmr2_person(), hmr2_person(3)]), ("aic/000b", []), ("aic/000c", [hmr2_person(5)])]
    path = write_hmr2_tar(tmp_path / "000000.tar", samples, (500, 400))
    people, rejected = read_all(path if is_one_file else tmp_path)
    assert not rejected
    assert [person.id for person in people] == [
        "000000.tar#0/aic/000a[0]",
        "000000.tar#0/aic/000a[1]",
        "000000.tar#2/aic/000c[0]",
    ]
    person = people[1]
    assert (person.image, person.image_size) == ("aic/000a.jpg", (500, 400))
    np.testing.assert_array_equal(person.keypoints[:44], hmr2_person(3)["keypoints_2d"])
    assert person.box is not None
    assert person.box.size == pytest.approx((130, 316))


def test_a_pickle_that_wants_more_than_arrays_is_rejected(tmp_path):
    harmful = b"cos\nsystem\n(S'touch harm'\ntR."
    path = write_hmr2_tar(tmp_path / "a.tar", [("bad", harmful), ("good", [hmr2_person()])])
    people, rejected = read_all(path)
    assert (len(people), len(rejected)) == (1, 1)
    assert "nothing was executed" in rejected[0].reason


def test_parquet_is_read_with_every_column(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    keypoints = pyarrow.FixedSizeListArray.from_arrays(np.stack([COCO, COCO + 1]).ravel(), 51)
    table = {
        "keypoints": keypoints,
        "layout": ["coco17", "coco17"],
        "id": ["anna", "ben"],
        "image": ["a.jpg", None],
        "image_width": [640, None],
        "image_height": [480, None],
        "focal_length": [900.0, None],
        "camera_center": [[310.0, 250.0], None],
        "box": [[255.0, 94.0, 130.0, 316.0], None],
        "gender": ["F", None],
        "frame": [4, None],
        "comment": ["not read", ""],
    }
    parquet.write_table(pyarrow.table(table), tmp_path / "part-0.parquet")
    (anna, ben), rejected = read_all(tmp_path)
    assert not rejected
    assert (anna.source_id, anna.id) == ("anna", "part-0.parquet#[0]")
    assert (anna.image, anna.image_size) == ("a.jpg", SIZE)
    assert (anna.focal_length, anna.camera_center, anna.gender) == (900, (310, 250), "female")
    assert anna.box is not None
    assert anna.box.xywh == (255, 94, 130, 316)
    np.testing.assert_array_equal(anna.keypoints, COCO)
    assert (anna.frame, ben.frame) == (4, None)
    assert (ben.image, ben.image_size, ben.focal_length, ben.box, ben.gender) == ("", None, None, None, None)


def test_parquet_may_nest_its_keypoints_and_be_told_its_layout(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"keypoints": [COCO.tolist(), COCO[:3].tolist(), None]})
    parquet.write_table(table, tmp_path / "a.parquet")
    people, rejected = read_all(tmp_path / "a.parquet", layout="coco17")
    assert len(people) == 1
    assert "3 keypoints" in rejected[0].reason
    assert "expected 3 K numbers" in rejected[1].reason
    assert "does not say its layout" in read_all(tmp_path / "a.parquet")[1][0].reason


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    real_import = builtins.__import__

    def without_pyarrow(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(InputError, match=r"pip install 'smplify-jax\[datasets\]"):
        read_all(tmp_path / "a.parquet")


def test_our_own_npz_is_read(tmp_path):
    path = write_npz(tmp_path / "a.npz", keypoints=np.stack([COCO, COCO]), layout="coco17", names=["anna", "ben"])
    people, _ = read_all(path)
    assert [(person.source_id, person.image_size) for person in people] == [("anna", None), ("ben", None)]
