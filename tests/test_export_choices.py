"""How exports state the fitted body, whom they leave out, and which crops and pictures they name."""

import json
import pickle
import tarfile
import warnings

import numpy as np
import pytest
from dataset_fits import write_drawn
from PIL import Image

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.datasets.exports import EXPORTS, ExportOptions, export_fits
from smplify_jax.datasets.exports.slots import in_slots, with_hidden_as_seen
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.errors import InputError

SMPL = {"neutral": "SMPL_NEUTRAL", "female": "SMPL_FEMALE", "male": "SMPL_MALE", "": "mine"}


def made_with(gender):
    return {"body_name": SMPL[gender], "body_gender": gender, "is_open_body": False}


@pytest.fixture
def images(tmp_path):
    """Pictures 0 and 1 of the three that six people are in."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (64, 48)).save(folder / f"street {number}.png")
    return folder


def arrays(path):
    with np.load(path) as data:
        return {name: data[name] for name in data.files}


# The body that was fitted


@pytest.mark.parametrize(("fitted", "expected"), [("neutral", None), ("female", "f"), ("male", "m"), ("", None)])
@pytest.mark.parametrize("row", ["female", "male", None])
def test_every_export_says_the_gender_of_the_body_and_never_the_rows(tmp_path, fitted, expected, row):
    write_drawn(tmp_path / "a.parquet", 2, gender=row, made_with=made_with(fitted))
    spin = arrays(export_fits(tmp_path, "spin", tmp_path / "spin").files[0])
    assert (spin["gender"].tolist() if "gender" in spin else None) == (expected and [expected] * 2)
    assert spin["has_smpl"].tolist() == [1, 1]
    for path in export_fits(tmp_path, "amass", tmp_path / "amass"):
        assert str(arrays(path)["gender"]) == (fitted or "neutral")
    for path in export_fits(tmp_path, "smpl", tmp_path / "smpl"):
        assert arrays(path)["gender"] == {"female": 2, "male": 1}.get(fitted, 0)


def test_rows_of_another_gender_than_the_bodys_are_told_of(tmp_path):
    write_drawn(tmp_path / "a.parquet", 2, gender="female", made_with=made_with("neutral"))
    (note,) = export_fits(tmp_path, "amass", tmp_path / "out").notes
    assert "2 rows say another gender" in note
    assert "SMPL_NEUTRAL" in note


def test_spin_has_no_gender_where_people_have_bodies_of_several(tmp_path):
    write_drawn(tmp_path / "a.parquet", 2, made_with=made_with("female"))
    write_drawn(tmp_path / "b.parquet", 2, made_with=made_with("neutral"))
    assert "gender" not in arrays(export_fits(tmp_path, "spin", tmp_path / "out").files[0])


def test_the_open_bodys_betas_are_marked_for_spin_and_left_out_where_no_mark_is_possible(tmp_path):
    write_drawn(tmp_path / "a.parquet", 3)
    exported = export_fits(tmp_path, "spin", tmp_path / "out")
    data, static_fits = arrays(exported.files[0]), np.load(exported.files[1])
    assert data["has_smpl"].tolist() == [0, 0, 0]
    assert data["body_name"].tolist() == ["open body"] * 3
    assert np.abs(data["shape"]).max() > 0.5
    np.testing.assert_array_equal(static_fits[:, :72], data["pose"])
    assert (static_fits[:, 72:] == 0).all()
    assert any("betas are not SMPL's" in note for note in exported.notes)


def test_the_open_bodys_betas_are_marked_in_files_of_one_person(tmp_path):
    _, result = write_drawn(tmp_path / "a.parquet", 2)
    amass = arrays(export_fits(tmp_path, "amass", tmp_path / "amass").files[1])
    assert str(amass["body_name"]) == "open body"
    np.testing.assert_allclose(amass["betas"][:10], result.betas[1])
    avatar = arrays(export_fits(tmp_path, "smpl", tmp_path / "smpl").files[1])
    assert (avatar["shapeParameters"] == 0).all()  # its readers refuse any array that they do not know


@pytest.mark.parametrize("name", EXPORTS)
def test_betas_of_smpl_and_those_wanted_as_smpls_are_exported_without_a_note(tmp_path, images, name):
    write_drawn(tmp_path / "a.parquet", 4)
    assert not export_fits(tmp_path, name, tmp_path / "as", ExportOptions(images=images, open_body_as_smpl=True)).notes
    write_drawn(tmp_path / "a.parquet", 4, made_with=made_with("male"))
    assert not export_fits(tmp_path, name, tmp_path / "own", ExportOptions(images=images)).notes


def test_open_body_betas_wanted_as_smpls_are_in_every_file(tmp_path):
    _, result = write_drawn(tmp_path / "a.parquet", 2)
    options = ExportOptions(open_body_as_smpl=True)
    archive, static_fits = export_fits(tmp_path, "spin", tmp_path / "spin", options)
    assert arrays(archive)["has_smpl"].tolist() == [1, 1]
    np.testing.assert_allclose(np.load(static_fits)[:, 72:], result.betas)
    avatar = arrays(export_fits(tmp_path, "smpl", tmp_path / "smpl", options).files[0])
    np.testing.assert_allclose(avatar["shapeParameters"], result.betas[0])


# Who is left out


def test_people_of_low_quality_or_high_error_are_left_out_and_counted(tmp_path):
    write_drawn(tmp_path / "a.parquet", 6, num_failed=1)
    (batch,) = read_fits(tmp_path)
    quality, error = batch.array("quality"), batch.array("error_percent")
    least, most = float(np.nanmedian(quality)), float(np.nanmax(error))
    is_good = quality >= least
    exported = export_fits(tmp_path, "spin", tmp_path / "out", ExportOptions(min_quality=least))
    assert arrays(exported.files[0])["id"].tolist() == [f"people.json#{k}" for k in np.flatnonzero(is_good)]
    assert len(np.load(exported.files[1])) == exported.num_people == is_good.sum()
    assert exported.left_out == {"quality too low or not known": int((~is_good).sum())}
    # Who was not fitted has no error.
    exported = export_fits(tmp_path, "spin", tmp_path / "out", ExportOptions(max_error=most))
    assert exported.left_out == {"error too high or not known": 1}
    assert exported.num_people == 5


def test_files_of_people_who_are_left_out_now_are_removed_and_no_others(tmp_path):
    write_drawn(tmp_path / "a.parquet", 4)
    out = tmp_path / "out"
    assert len(export_fits(tmp_path, "amass", out)) == 4
    (out / "mine.npz").write_bytes(b"")
    (batch,) = read_fits(tmp_path)
    best = float(batch.array("quality").max())
    (path,) = export_fits(tmp_path, "amass", out, ExportOptions(min_quality=best))
    assert {file.name for file in out.iterdir()} == {path.name, "mine.npz"}


def test_shards_of_an_earlier_export_are_removed(tmp_path, images):
    write_drawn(tmp_path / "a.parquet", 4)
    out = tmp_path / "out"
    assert len(export_fits(tmp_path, "4dhumans", out, ExportOptions(images=images, people_per_shard=2))) == 2
    (out / "fits-mine.tar").write_bytes(b"")
    export_fits(tmp_path, "4dhumans", out, ExportOptions(images=images))
    assert {file.name for file in out.iterdir()} == {"fits-000000.tar", "fits-mine.tar"}


def test_an_export_of_nobody_says_why(tmp_path):
    write_drawn(tmp_path / "a.parquet", 4, num_failed=4)
    with pytest.raises(InputError, match="nobody is left to export: 4 with quality too low or not known"):
        export_fits(tmp_path, "spin", tmp_path / "out", ExportOptions(min_quality=0.1))


@pytest.mark.parametrize("name", ["spin", "4dhumans"])
def test_a_missing_picture_leaves_its_rows_out_and_is_named(tmp_path, images, name):
    write_drawn(tmp_path / "a.parquet", 6)
    exported = export_fits(tmp_path, name, tmp_path / "out", ExportOptions(images=images))
    assert exported.num_people == 4
    assert exported.left_out == {"picture cannot be used": 2}
    assert exported.complaint is not None
    assert "2 people were left out" in exported.complaint
    assert "street 2.png (not there" in exported.complaint
    lines = [json.loads(line) for line in (tmp_path / "out" / "left_out.jsonl").read_text().splitlines()]
    assert [(line["id"], line["image"]) for line in lines] == [(f"people.json#{k}", "street 2.png") for k in (4, 5)]
    Image.new("RGB", (64, 48)).save(images / "street 2.png")
    assert export_fits(tmp_path, name, tmp_path / "out", ExportOptions(images=images)).complaint is None
    assert not (tmp_path / "out" / "left_out.jsonl").exists()


@pytest.mark.parametrize(
    "options", [{"box_factor": 0.0}, {"min_quality": 1.5}, {"max_error": -1.0}, {"frame_rate": 0.0}], ids=str
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError, match="expected"):
        ExportOptions(**options)


# Pictures and crops


def test_pictures_whose_names_have_no_ending_get_that_of_their_file(tmp_path, images):
    (images / "street 1.png").rename(images / "street 1.JPG")
    write_drawn(tmp_path / "a.parquet", 2, "openpose25", image="street 0")
    write_drawn(tmp_path / "b.parquet", 2, "openpose25", image="street 1")
    exported = export_fits(tmp_path, "spin", tmp_path / "out", ExportOptions(images=images))
    assert arrays(exported.files[0])["imgname"].tolist() == ["street 0.png"] * 2 + ["street 1.JPG"] * 2
    (note,) = (note for note in export_fits(tmp_path, "spin", tmp_path / "out").notes if "no suffix" in note)
    assert "picture names of 4 people" in note
    assert len(export_fits(tmp_path, "4dhumans", tmp_path / "tars", ExportOptions(images=images))) == 1


def loader_of_4dhumans_cuts(scale):
    """Side [px] of the square that its loader cuts out, of which networks see the middle three quarters: box to 192 : 256, larger side."""
    width, height = 200 * scale
    if height / width < 256 / 192:
        return max(width * 256 / 192, height)
    return max(height, width)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((60.0, 200.0), (180.0, 240.0)), ((200.0, 60.0), (240.0, 320.0)), ((100.0, 100.0), (120.0, 160.0))],
    ids=["standing", "lying", "square"],
)
def test_4dhumans_scale_is_what_its_loader_cuts_out(tmp_path, images, size, expected):
    write_drawn(tmp_path / "a.parquet", 2, box=CropBox((30.0, 20.0), size))
    (path,) = export_fits(tmp_path, "4dhumans", tmp_path / "out", ExportOptions(images=images))
    with tarfile.open(path) as tar:
        member = tar.extractfile(next(name for name in tar.getnames() if name.endswith(".pyd")))
        assert member is not None
        (person, _) = pickle.loads(member.read())
    np.testing.assert_allclose(200 * person["scale"], expected, rtol=1e-6)
    assert loader_of_4dhumans_cuts(person["scale"]) == pytest.approx(expected[1])
    assert person["has_body_pose"] == 1
    assert person["has_betas"] == 0
    assert person["extra_info"]["body_name"] == "open body"


def test_coco_s_flags_weigh_as_in_spin_and_detectors_confidences_stay():
    keypoints = np.ones((2, 17, 3), np.float32)
    keypoints[0, :3, 2] = (0.5, 0.0, 1.0)
    keypoints[1, :3, 2] = (0.5, 0.0, 0.9)
    placed = in_slots(with_hidden_as_seen(keypoints), "coco17", 49)
    nose, left_eye, right_eye = (25 + k for k in (19, 20, 21))
    assert placed[0, [nose, left_eye, right_eye], 2].tolist() == [1, 0, 1]
    np.testing.assert_allclose(placed[1, [nose, left_eye, right_eye], 2], [0.5, 0, 0.9])


def test_two_layouts_in_one_folder_are_exported_together(tmp_path, images):
    write_drawn(tmp_path / "a.parquet", 3, "coco17")
    write_drawn(tmp_path / "b.parquet", 3, "openpose25")
    for name in EXPORTS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exported = export_fits(tmp_path, name, tmp_path / name, ExportOptions(images=images))
        assert exported.num_people == 6
