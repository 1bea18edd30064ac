"""A job's folder after a failed start, moved input of a resumed job, and counts of records and files that were passed over."""

import io
import json
import sys
import time

import numpy as np
import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_coco, write_people
from PIL import Image

from smplify_jax.datasets.exports import ExportOptions
from smplify_jax.datasets.job import progress
from smplify_jax.datasets.job.fingerprint import fingerprint
from smplify_jax.datasets.job.folder import JobFolder
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Shard
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.errors import InputError

GOOD = [100.0, 60.0, 2] * 17


def _run(path, folder, **options):
    fitter = options.pop("fitter", FakeFitter(str(folder / "log")))
    return fit_dataset(path, folder / "out", fitter=fitter, batch_size=BATCH_SIZE, **options)


# A job that never started


class FailingFitter(FakeFitter):
    """Finds nothing to fit with."""

    def fit(self, people):
        raise InputError("the device is gone")


@pytest.mark.parametrize("was_there", [True, False])
def test_a_job_that_fitted_nobody_leaves_the_folder_as_it_was(tmp_path, was_there):
    people = write_people(tmp_path / "people.parquet", 5)
    if was_there:
        (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="the device is gone"):
        _run(people, tmp_path, fitter=FailingFitter(str(tmp_path / "log")))
    assert (tmp_path / "out").exists() == was_there
    assert not was_there or not list((tmp_path / "out").iterdir())


def test_an_input_that_cannot_be_read_leaves_the_folder_free(tmp_path):
    bad = tmp_path / "people.json"
    bad.write_text("this is no JSON")
    for _ in range(2):
        with pytest.raises(InputError, match="no known"):
            _run(bad, tmp_path)
    write_coco(bad, [GOOD] * 3)
    assert _run(bad, tmp_path).num_people == 3


def test_a_folder_in_which_nobody_was_fitted_takes_a_job_with_other_settings(tmp_path):
    """As after a kill, or after everybody was rejected."""
    people = write_coco(tmp_path / "people.json", [[100.0, 6000.0, 2] * 17] * 3)
    assert _run(people, tmp_path).num_rejected == 3
    write_coco(people, [GOOD] * 3)
    report = _run(people, tmp_path, box_factor=1.4)
    assert (report.num_people, report.num_rejected) == (3, 0)
    assert report.is_complete


def test_other_shards_may_have_begun_so_that_one_that_fails_leaves_the_settings(tmp_path):
    people = write_people(tmp_path / "people.parquet", 30)
    with pytest.raises(InputError, match="the device is gone"):
        _run(people, tmp_path, fitter=FailingFitter(str(tmp_path / "log")), shard=Shard(0, 2))
    assert (tmp_path / "out" / "job.json").exists()


def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(tmp_path):
    people = write_people(tmp_path / "people.parquet", 5)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("a thesis")
    with pytest.raises(InputError, match="is not empty"):
        _run(people, tmp_path)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["report.html"]


# An input that has moved


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_job_goes_on_with_its_input_wherever_it_lies(tmp_path, is_folder):
    (tmp_path / "here").mkdir()
    people = write_people(tmp_path / "here" / "people.parquet", 30)
    source = people.parent if is_folder else people
    _run(source, tmp_path)
    before = files_of(tmp_path / "out")
    (tmp_path / "out" / "parquet" / "part-00000001.parquet").unlink()
    (tmp_path / "here").rename(tmp_path / "there")
    moved = tmp_path / "there" if is_folder else tmp_path / "there" / "people.parquet"
    assert _run(moved, tmp_path, resume=True).is_complete
    assert files_of(tmp_path / "out") == before
    assert num_lines(tmp_path / "log") == 5


def test_another_input_is_not_taken_for_the_moved_one_even_before_its_people_are_compared(tmp_path):
    (tmp_path / "there").mkdir()
    people = write_people(tmp_path / "people.parquet", 30)
    other = write_people(tmp_path / "there" / "people.parquet", 30, seed=1)
    _run(people, tmp_path, shard=Shard(0, 2))
    with pytest.raises(InputError, match="does not hold the same: give what that was, wherever it lies now"):
        _run(other, tmp_path, shard=Shard(1, 2))


def test_a_fingerprint_changes_with_content_and_names_and_not_with_pictures_beside_them(tmp_path):
    folder = tmp_path / "a"
    (folder / "sub").mkdir(parents=True)
    for number in range(3):
        (folder / "sub" / f"{number}.json").write_text(f"[{number}]")
    first = fingerprint(folder)
    (folder / "0.jpg").write_bytes(b"a picture")
    (folder / ".hidden").write_bytes(b"")
    assert fingerprint(folder.rename(tmp_path / "b")) == first
    (tmp_path / "b" / "sub" / "1.json").write_text("[7]")
    changed = fingerprint(tmp_path / "b")
    assert changed != first
    (tmp_path / "b" / "sub" / "1.json").rename(tmp_path / "b" / "sub" / "4.json")
    assert fingerprint(tmp_path / "b") not in (first, changed)


def test_the_end_of_a_large_file_counts(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(3 * 2**20))
    first = fingerprint(path)
    path.write_bytes(bytes(3 * 2**20 - 1) + b"1")
    assert fingerprint(path) != first


# What is told


def test_what_is_passed_over_is_counted_in_the_report(tmp_path):
    (tmp_path / "in").mkdir()
    people = write_coco(tmp_path / "in" / "people.json", [GOOD, [0.0] * 51, [0.0] * 51, GOOD])
    (tmp_path / "in" / "readme.txt").write_text("about")
    content = json.loads(people.read_text())
    content["annotations"].append({"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]})
    people.write_text(json.dumps(content))
    report = _run(tmp_path / "in", tmp_path)
    assert report.passed_over == {"records without keypoints": 3, "files of other kinds": 1}
    assert report.is_clean
    assert json.loads((tmp_path / "out" / "report.json").read_text())["passed_over"] == report.passed_over
    assert "records without keypoints passed over" in (tmp_path / "out" / "report.html").read_text()
    assert JobFolder(tmp_path / "out").input_count().passed_over == report.passed_over


def test_exports_at_the_end_of_a_job_leave_out_missing_pictures_and_are_in_the_report(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / "one.jpg")
    people = write_coco(tmp_path / "people.json", [GOOD] * 3)
    content = json.loads(people.read_text())
    content["images"].append({"id": 2, "file_name": "gone.jpg", "width": 640, "height": 480})
    content["annotations"][1]["image_id"] = 2
    people.write_text(json.dumps(content))
    options = ExportOptions(images=tmp_path / "images")
    report = _run(people, tmp_path, exports=("4dhumans", "people"), export_options=options)
    assert report.exports["4dhumans"].num_people == 2
    assert [one.image for one in report.exports["4dhumans"].missing] == ["gone.jpg"]
    assert not report.is_clean
    written = json.loads((tmp_path / "out" / "report.json").read_text())["exports"]
    assert written == {
        "4dhumans": {"num_people": 2, "left_out": {"picture cannot be used": 1}},
        "people": {"num_people": 3, "left_out": {}},
    }
    assert "picture cannot be used" in (tmp_path / "out" / "report.html").read_text()


def test_two_layouts_in_one_job_are_read_and_exported_together(tmp_path):
    (tmp_path / "in").mkdir()
    write_people(tmp_path / "in" / "a.parquet", 10)
    write_coco(tmp_path / "in" / "b.json", [[100.0, 60.0, 2] * 23] * 3)
    report = _run(tmp_path / "in", tmp_path, exports=("spin",))
    assert report.num_people == 13
    assert {batch.provenance.layout for batch in read_fits(tmp_path / "out")} == {"coco17", "coco23"}
    with np.load(tmp_path / "out" / "spin" / "fits.npz") as data:
        assert data["part"].shape == (13, 24, 3)


def test_off_a_terminal_a_line_tells_every_so_often_how_far_it_is(tmp_path, monkeypatch):
    people, log = write_people(tmp_path / "people.parquet", 30), io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    slow = FakeFitter(str(tmp_path / "log"), 0.2)
    _run(people, tmp_path, fitter=slow, shows_progress=True)
    lines = log.getvalue().splitlines()
    assert len(lines) >= 4
    assert lines[0].startswith("nobody is fitted yet after 0 s")
    assert any("8 people fitted in" in line and "fits/s" in line for line in lines)
    time.sleep(0.2)
    assert log.getvalue().splitlines() == lines  # it has ended with the job

    log.truncate(0)
    for number in (0, 1, 2):
        (tmp_path / "out" / "parquet" / f"part-{number:08d}.parquet").unlink()
    _run(people, tmp_path, fitter=slow, shows_progress=True, resume=True)
    assert "8 of about 22 people fitted" in log.getvalue()  # one of four batches of 8 is there, of 30 people


def test_without_progress_nothing_is_written(tmp_path, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    _run(write_people(tmp_path / "people.parquet", 10), tmp_path, fitter=FakeFitter(str(tmp_path / "log"), 0.1))
    assert not log.getvalue()
