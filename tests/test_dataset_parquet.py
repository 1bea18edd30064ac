"""Fits in Parquet: nothing is lost, nothing is half written, and an unreadable file gives one sentence."""

import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_fits import draw_fits, provenance, write_drawn
from full_disk import full_disk

from smplify_jax.body.load import load_body
from smplify_jax.camera.crop_box import CropBox
from smplify_jax.datasets.crops_of_fits import crops_of
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.parquet import count_fits, read_fits, write_fits
from smplify_jax.datasets.provenance import SCHEMA_VERSION
from smplify_jax.datasets.schema import fits_table, median_error_percent
from smplify_jax.errors import InputError
from smplify_jax.files.content_hash import content_hash
from smplify_jax.result import FitStatus


def test_every_array_of_a_result_comes_back_bit_for_bit(tmp_path):
    rows, result = write_drawn(tmp_path / "part.parquet", num_failed=1)
    (batch,) = read_fits(tmp_path)
    for name in ("betas", "global_orient", "body_pose", "transl", "joints", "joints_std", "keypoints_px", "quality"):
        np.testing.assert_array_equal(
            batch.array(name), np.asarray(getattr(result, name)).reshape(batch.array(name).shape)
        )
    np.testing.assert_array_equal(batch.array("focal_length"), result.camera.focal_length)
    np.testing.assert_array_equal(batch.array("cost_data"), result.cost_by_term["data"])
    np.testing.assert_array_equal(batch.array("quality_features_noise"), result.quality_features.noise)
    np.testing.assert_array_equal(batch.array("keypoints"), np.stack([row.keypoints.ravel() for row in rows]))
    assert batch.texts("id") == [row.id for row in rows]
    assert batch.texts("status_name") == ["converged"] * 5 + ["too_few_keypoints"]
    assert batch.is_usable.tolist() == [True] * 5 + [False]


def test_pyarrow_alone_reads_lists_with_their_provenance(tmp_path):
    write_drawn(tmp_path / "part.parquet")
    table = pq.read_table(tmp_path / "part.parquet")
    sizes = {
        "betas": 10,
        "body_pose": 69,
        "joints": 72,
        "transl": 3,
        "box_size": 2,
    }
    for name, size in sizes.items():
        assert table.schema.field(name).type == pa.list_(pa.float32(), size)
    # Of several layouts, these have several sizes.
    for name in ("keypoints", "keypoints_px"):
        assert table.schema.field(name).type == pa.list_(pa.float32())
    assert table.schema.field("status").type == pa.int8()
    metadata = table.schema.metadata
    assert metadata[b"smplify_jax.schema_version"] == str(SCHEMA_VERSION).encode()
    assert metadata[b"smplify_jax.layout"] == b"coco17"
    assert metadata[b"smplify_jax.profile"] == b"default"
    assert metadata[b"smplify_jax.body_hash"] == content_hash(load_body()).encode()


def test_columns_of_schema_version_1_are_read_under_their_names_of_today(tmp_path):
    write_drawn(tmp_path / "new.parquet")
    table = pq.read_table(tmp_path / "new.parquet")
    old_names = [name.replace("quality_features_", "evidence_") for name in table.schema.names]
    assert "evidence_noise" in old_names
    metadata = {**table.schema.metadata, b"smplify_jax.schema_version": b"1"}
    pq.write_table(table.rename_columns(old_names).replace_schema_metadata(metadata), tmp_path / "old.parquet")
    wanted = ("quality_features_noise", "id")
    for columns in (None, wanted):
        (new,), (old,) = (read_fits(tmp_path / name, columns) for name in ("new.parquet", "old.parquet"))
        assert old.records.schema.names == new.records.schema.names
        np.testing.assert_array_equal(old.array("quality_features_noise"), new.array("quality_features_noise"))


def test_features_that_an_older_release_did_not_write_are_nan_and_other_missing_columns_a_sentence(tmp_path):
    write_drawn(tmp_path / "a_new.parquet", 3)
    table = pq.read_table(tmp_path / "a_new.parquet")
    old = table.drop_columns(["quality_features_uprightness", "start_margin"])
    pq.write_table(old, tmp_path / "b_old.parquet")
    new_batch, old_batch = read_fits(tmp_path, ("id", "quality_features_uprightness", "start_margin"))
    assert np.isfinite(new_batch.array("quality_features_uprightness")).all()
    assert np.isnan(old_batch.array("quality_features_uprightness")).all()
    assert old_batch.array("quality_features_uprightness").shape == (3,)
    with pytest.raises(InputError, match=r"no column 'start_margin' in these fits: it was not read, or the release"):
        old_batch.array("start_margin")
    (whole,) = read_fits(tmp_path / "b_old.parquet")
    for read in (whole.array, whole.texts, lambda name: whole.points(name, 3)):
        with pytest.raises(InputError, match="no column 'nothing'"):
            read("nothing")


@pytest.mark.parametrize("rows_at_a_time", [1, 3, 4, 7, 100])
def test_batches_are_as_large_as_asked_for_wherever_groups_of_rows_end(tmp_path, rows_at_a_time):
    rows, _ = write_drawn(tmp_path / "part.parquet", 8)
    pq.write_table(pq.read_table(tmp_path / "part.parquet"), tmp_path / "part.parquet", row_group_size=3)
    batches = list(read_fits(tmp_path, rows_at_a_time=rows_at_a_time))
    assert [len(batch) for batch in batches[:-1]] == [rows_at_a_time] * (len(batches) - 1)
    assert [name for batch in batches for name in batch.texts("id")] == [row.id for row in rows]
    read = np.concatenate([batch.points("keypoints", 3) for batch in batches])
    np.testing.assert_array_equal(read, np.stack([row.keypoints for row in rows]))


def test_what_is_unknown_of_a_person_is_null_or_nan(tmp_path):
    write_drawn(tmp_path / "known.parquet", box=CropBox((5.0, 6.0), (7.0, 8.0)), gender="female")
    write_drawn(tmp_path / "unknown.parquet", image_size=None, image="")
    known, unknown = read_fits(tmp_path)
    assert np.concatenate([known.array("box_center"), known.array("box_size")], axis=1)[0].tolist() == [5, 6, 7, 8]
    assert known.texts("gender")[0] == "female"
    assert np.isnan(unknown.array("box_center")).all()
    assert np.isnan(unknown.array("image_size")).all()
    assert unknown.texts("image")[0] is None
    assert unknown.texts("gender")[0] is None


def test_boxes_are_stored_as_given_beside_how_much_larger_trainers_cut_them():
    rows, result = draw_fits(3)
    boxes = [CropBox((100.0, 200.0), (40.0, 80.0)), CropBox.from_spin(np.array([100.0, 200.0]), 0.4), None]
    boxed = [replace(row, box=box) for row, box in zip(rows, boxes, strict=True)]
    table = fits_table(boxed, result)
    assert table["box_center"].to_pylist()[:2] == [[100.0, 200.0]] * 2
    assert table["box_size"].to_pylist()[:2] == [[40.0, 80.0], [80.0, 80.0]]
    np.testing.assert_allclose(table["box_factor"].to_numpy(), [1.2, 1.0, 1.2], rtol=1e-6)
    np.testing.assert_allclose(fits_table(boxed, result, 1.25)["box_factor"].to_numpy(), 1.25)


def test_numbers_of_who_was_not_fitted_are_null_and_read_as_nan(tmp_path):
    write_drawn(tmp_path / "part.parquet", 3, num_failed=1)
    table = pq.read_table(tmp_path / "part.parquet")
    for name in ("quality", "error_percent", "cost", "start_margin"):
        assert [number is None for number in table[name].to_pylist()] == [False, False, True]
    (batch,) = read_fits(tmp_path)
    assert np.isnan(batch.array("quality")).tolist() == [False, False, True]


def test_pyarrow_reads_a_folder_of_several_layouts_as_one_table(tmp_path):
    write_drawn(tmp_path / "a.parquet", 3, "coco17")
    write_drawn(tmp_path / "b.parquet", 2, "openpose25")
    table = pq.read_table(tmp_path)
    assert [len(points) for points in table["keypoints"].to_pylist()] == [51] * 3 + [75] * 2


def _as_version_1(path):
    """The file as version 1 of the columns has it."""
    table = pq.read_table(path).drop_columns(["box_factor"])
    gone = (b"smplify_jax.body_gender", b"smplify_jax.is_open_body")
    metadata = {key: value for key, value in table.schema.metadata.items() if key not in gone}
    for name, size in (("keypoints", 51), ("keypoints_px", 34)):
        values = pa.array(np.concatenate(table[name].to_numpy(zero_copy_only=False)))
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.FixedSizeListArray.from_arrays(values, size))
    metadata |= {b"smplify_jax.schema_version": b"1", b"smplify_jax.body_name": b"SMPL_FEMALE"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_files_of_version_1_are_still_read(tmp_path):
    rows, _ = write_drawn(tmp_path / "part.parquet", 3, box=CropBox((5.0, 6.0), (7.0, 80.0)))
    _as_version_1(tmp_path / "part.parquet")
    (batch,) = read_fits(tmp_path)
    assert batch.provenance.body_gender == "female"
    assert not batch.provenance.is_open_body
    np.testing.assert_array_equal(batch.points("keypoints", 3), np.stack([row.keypoints for row in rows]))
    np.testing.assert_array_equal(crops_of(batch).side, 80.0)  # enlarged already


def test_files_of_several_layouts_are_read_in_the_order_of_their_names(tmp_path):
    write_drawn(tmp_path / "parquet" / "b.parquet", 3, "openpose25")
    write_drawn(tmp_path / "parquet" / "a.parquet", 5, "coco17")
    (tmp_path / "parquet" / ".c.parquet.1234.part").write_bytes(b"half a file")
    batches = list(read_fits(tmp_path, rows_at_a_time=2))
    assert [(batch.provenance.layout, len(batch)) for batch in batches] == [
        ("coco17", 2),
        ("coco17", 2),
        ("coco17", 1),
        ("openpose25", 2),
        ("openpose25", 1),
    ]
    assert batches[3].array("keypoints").shape == (2, 75)
    assert count_fits(tmp_path) == 8


def test_only_the_columns_asked_for_are_read(tmp_path):
    write_drawn(tmp_path / "part.parquet")
    (batch,) = read_fits(tmp_path / "part.parquet", ("id", "quality"))
    assert batch.records.schema.names == ["id", "quality"]


def test_the_error_is_the_median_over_observed_keypoints_in_percent_of_the_height():
    error = np.array([[1.0, 3.0, np.nan], [np.nan] * 3])
    np.testing.assert_allclose(median_error_percent(error, np.array([100.0, 50.0])), [2.0, np.nan])


def test_a_body_of_other_content_has_another_hash():
    body = load_body()
    assert content_hash(body) == content_hash(load_body())
    assert content_hash(body) != content_hash(replace(body, v_template=body.v_template + 1e-3))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows, result: (rows[:3], result[:2]), "3 people were given and 2 fits"),
        (lambda rows, result: (rows[:2], result[:3]), "2 people were given and 3 fits"),
        (lambda rows, result: ([rows[0], rows[0]], result[:2]), "same id"),
        (lambda rows, result: ([replace(rows[0], keypoints=np.zeros((5, 3)))], result[:1]), r"expected \(17, 3\)"),
    ],
)
def test_rows_that_do_not_go_with_their_fits_are_refused(spoil, message):
    with pytest.raises(InputError, match=message):
        fits_table(*spoil(*draw_fits(3)))


def test_a_full_disk_is_told_and_leaves_no_file(tmp_path, monkeypatch):
    rows, result = draw_fits(3)
    table, made_with = fits_table(rows, result), provenance(result)
    with full_disk(monkeypatch), pytest.raises(InputError, match="the disk is full"):
        write_fits(tmp_path / "part.parquet", table, made_with)
    assert list(tmp_path.iterdir()) == []


def _damaged(path):
    write_drawn(path)
    path.write_bytes(path.read_bytes()[:-100])


def _foreign(path):
    pq.write_table(pa.table({"a": [1]}), path)


def _of_the_future(path):
    rows, result = draw_fits(2)
    write_fits(path, fits_table(rows, result), replace(provenance(result), schema_version=SCHEMA_VERSION + 1))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_damaged, "not a readable Parquet file"),
        (_foreign, "holds no fits of this package"),
        (_of_the_future, "update smplify-jax"),
        (lambda path: None, "there are no .parquet files"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path, write, message):
    write(tmp_path / "part.parquet")
    with pytest.raises(InputError, match=message):
        list(read_fits(tmp_path))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write_drawn(tmp_path / "part.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"pip install 'smplify-jax\[datasets\]'"):
        list(read_fits(tmp_path))


def test_every_status_has_its_name_in_the_column():
    rows, result = draw_fits(len(FitStatus))
    table = fits_table(rows, replace(result, status=np.array([int(status) for status in FitStatus])))
    assert table["status_name"].to_pylist() == [status.name.lower() for status in FitStatus]


def test_files_say_which_statuses_have_a_body_and_others_have_none(tmp_path):
    rows, result = draw_fits(len(FitStatus))
    table = fits_table(rows, replace(result, status=np.array([int(status) for status in FitStatus])))
    write_fits(tmp_path / "part.parquet", table, provenance(result))
    usable = [status for status in FitStatus if status.is_usable]
    metadata = pq.read_schema(tmp_path / "part.parquet").metadata
    assert metadata[b"smplify_jax.statuses_with_body"].decode() == ",".join(str(int(status)) for status in usable)
    (batch,) = read_fits(tmp_path)
    assert batch.is_usable.tolist() == [status in usable for status in FitStatus]


def _as_double(table):
    return "joints", pa.array(table.column("joints").to_pylist(), pa.list_(pa.float64(), 72))


def _without_a_list(table):
    return "body_pose", pa.array([None, *table.column("body_pose").to_pylist()[1:]], pa.list_(pa.float32(), 69))


def _with_nan(table):
    values = table.column("body_pose").to_pylist()
    values[1][5] = float("nan")
    return "body_pose", pa.array(values, pa.list_(pa.float32(), 69))


def _numbers_for_names(table):
    return "image", pa.array(range(len(table)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_as_double, "'joints' of fits holds"),
        (
            _without_a_list,
            "lists that are missing|all lists to be of size",
        ),  # older releases of pyarrow refuse it themselves
        (_with_nan, "not finite for somebody who has a body"),
        (_numbers_for_names, "no text"),
    ],
)
def test_columns_that_no_job_wrote_are_refused_where_they_are_used(tmp_path, change, message):
    path = tmp_path / "fits.parquet"
    write_drawn(path, num_people=4)
    table = pq.read_table(path)
    name, column = change(table)
    pq.write_table(table.set_column(table.column_names.index(name), pa.field(name, column.type), column), path)
    with pytest.raises(InputError, match=message):
        export_fits(path, "spin", tmp_path / "out")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "fits.parquet"
    write_drawn(path, num_people=2)
    table = pq.read_table(path)
    pq.write_table(table.append_column("layout", table.column("layout")), path)
    with pytest.raises(InputError, match="2 columns 'layout'"):
        list(read_fits(path))


@pytest.mark.parametrize("codes", ["", ",", "0,x", "0,,1", "9" * 5000])
def test_odd_codes_of_statuses_are_no_fits(tmp_path, codes):
    path = tmp_path / "fits.parquet"
    write_drawn(path, num_people=2, made_with={"statuses_with_body": codes})
    if codes == "":  # not said: those of this release
        assert next(iter(read_fits(path))).is_usable.all()
        return
    with pytest.raises(InputError, match="holds no fits of this package"):
        list(read_fits(path))


def test_a_name_of_a_column_that_is_not_utf8_is_a_sentence(tmp_path):
    path = tmp_path / "fits.parquet"
    write_drawn(path, num_people=2)
    path.write_bytes(path.read_bytes().replace(b"person_height_px", b"person_height\xd0px"))
    with pytest.raises(InputError, match=r"fits\.parquet"):
        list(read_fits(path))
