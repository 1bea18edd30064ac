"""Whatever a row of a data set holds, a job fits all others, in every run the same; and what concerns two runs of one job."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import one_sentence
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_coco, write_people

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.cli.dataset import main
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.job.intake import JobInput
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Batch, Shard
from smplify_jax.datasets.job.row_content import row_content
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.rows import DatasetRow

GOOD = [100.0, 60.0, 2] * 17
HUGE = 10**400
"""No float holds it."""


def _run(path, folder, **options):
    fitter = options.pop("fitter", FakeFitter(str(folder / "log")))
    return fit_dataset(path, folder / "out", fitter=fitter, batch_size=BATCH_SIZE, **options)


def _row(number=0, **fields):
    row = DatasetRow(f"f#{number}", np.full((17, 3), 50.0, np.float32), "coco17", "f", str(number), image="a.jpg")
    return replace(row, **{"image_size": (640.0, 480.0), **fields})


# Rows


BAD_ROWS = {
    "an id with half a character": {"id": "f#\ud800"},
    "an id that is a number": {"id": 7},
    "no id": {"id": b"f#1"},
    "a picture that is a number": {"image": 5},
    "a picture of thousands of digits": {"image": 10**5000},
    "a name of a megabyte": {"source_id": "x" * 2**20},
    "a gender that is a list": {"gender": ["female"]},
    "a box that no float holds": {"box": CropBox((HUGE, 1.0), (2.0, 3.0))},
    "a box that single precision does not hold": {"box": CropBox((1.0, 1.0), (1e300, 3.0))},
    "a box of words": {"box": CropBox((1.0, 1.0), ("wide", 3.0))},  # type: ignore[arg-type]
    "a size that no float holds": {"image_size": (HUGE, 480.0)},
    "a size of nothing": {"image_size": (0.0, 480.0)},
    "a size that is not known in part": {"image_size": (float("nan"), 480.0)},
    "a focal length that no float holds": {"focal_length": HUGE},
    "a centre of three": {"camera_center": (1.0, 2.0, 3.0)},
    "no such layout": {"layout": "coco18"},
    "a layout that is no text": {"layout": None},
    "keypoints of another layout": {"keypoints": np.ones((18, 3), np.float32)},
    "keypoints that are objects": {"keypoints": np.full((17, 3), "x", object)},
    "keypoints in a list": {"keypoints": [[1.0, 2.0, 1.0]] * 17},
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_row_that_cannot_be_fitted_or_written_is_told(what):
    with pytest.raises(InputError) as caught:
        row_content(_row(**BAD_ROWS[what]))
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


def test_whatever_rows_hold_all_others_are_fitted_and_a_resumed_job_ends_with_the_same(tmp_path, monkeypatch):
    rows = [_row(number) for number in range(3 * len(BAD_ROWS))]
    for number, fields in enumerate(BAD_ROWS.values()):
        rows[3 * number] = _row(3 * number, **fields)
    monkeypatch.setattr(JobInput, "rows", lambda self, passed_over=None: iter(rows))
    source = write_people(tmp_path / "people.parquet", 1)
    report = _run(source, tmp_path)
    assert (report.num_people, report.num_rejected) == (2 * len(BAD_ROWS), len(BAD_ROWS))
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert [line["position"] for line in lines] == [str(3 * number) for number in range(len(BAD_ROWS))]
    before = files_of(tmp_path / "out")
    (tmp_path / "out" / "parquet" / "part-00000001.parquet").unlink()
    _run(source, tmp_path, resume=True)
    assert files_of(tmp_path / "out") == before


def test_a_row_that_passes_can_be_written_with_its_texts_and_numbers_at_their_limits(tmp_path, monkeypatch):
    row = _row(
        source_id="\0\x1b\u202e名" + "x" * 1000,
        box=CropBox((3e38, -3e38), (1e-40, 3e38)),
        focal_length=3e38,
        camera_center=(float("nan"), 3e38),
    )
    monkeypatch.setattr(JobInput, "rows", lambda self, passed_over=None: iter([row]))
    _run(write_people(tmp_path / "people.parquet", 1), tmp_path)
    (batch,) = read_fits(tmp_path / "out")
    assert batch.texts("source_id") == [row.source_id]


CHANGES = {
    "its keypoints": {"keypoints": np.full((17, 3), 51.0, np.float32)},
    "its layout": {"layout": "h36m17"},
    "the picture": {"image": "b.jpg"},
    "the picture's size": {"image_size": (641.0, 480.0)},
    "its box": {"box": CropBox((1.0, 2.0), (3.0, 4.0))},
    "the box's kind": {"box": CropBox((1.0, 2.0), (3.0, 4.0), has_margin=True)},
    "the focal length": {"focal_length": 500.0},
    "the principal point": {"camera_center": (500.0, 1.0)},
    "its name": {"source_id": "7"},
    "its gender": {"gender": "female"},
    "its place": {"position": "x"},
}


def test_every_change_of_a_row_is_another_content():
    contents = [row_content(_row(**fields)) for fields in ({}, *CHANGES.values())]
    assert len(set(contents)) == len(contents)
    assert row_content(_row(source_id="ab", image="c")) != row_content(_row(source_id="a", image="bc"))
    assert Batch(0, (_row(0), _row(1))).input_hash != Batch(0, (_row(1), _row(0))).input_hash


# Resuming


@pytest.mark.parametrize("change", ["size", "name", "box", "layout", "camera"])
def test_whatever_the_input_says_otherwise_is_noticed_when_a_job_is_resumed(tmp_path, change):
    people = write_coco(tmp_path / "people.json", [GOOD] * 20)
    _run(people, tmp_path)
    content = json.loads(people.read_text())
    if change == "size":
        content["images"][0]["width"] = 1280
    elif change == "name":
        content["images"][0]["file_name"] = "other.jpg"
    elif change == "box":
        content["annotations"][3]["bbox"] = [50, 60, 201, 300]
    elif change == "layout":
        for annotation in content["annotations"]:
            annotation["keypoints"] += [0.0] * 18  # COCO-WholeBody's feet
    people.write_text(json.dumps(content))
    before = files_of(tmp_path / "out")
    if change == "camera":
        with pytest.raises(InputError, match="image_size was None"):
            _run(people, tmp_path, resume=True, read=ReadOptions(image_size=(640.0, 480.0)))
    else:
        with pytest.raises(InputError, match=r"the input has changed since|other people than"):
            _run(people, tmp_path, resume=True)
    assert files_of(tmp_path / "out") == before


def test_each_files_sum_is_in_one_list_as_sha256sum_has_it(tmp_path):
    _run(write_people(tmp_path / "people.parquet", 20), tmp_path)
    out = tmp_path / "out"
    lines = (out / "SHA256SUMS").read_text().splitlines()
    assert lines == [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  parquet/{path.name}"
        for path in sorted(out.glob("parquet/*"))
    ]
    assert not (out / "checksums").exists()


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_flipped_bit_anywhere_in_a_file_is_noticed_by_a_resumed_job_and_by_exports(tmp_path, is_complete):
    people = write_people(tmp_path / "people.parquet", 30)
    _run(people, tmp_path, shard=Shard(0, 1 if is_complete else 2))
    part = tmp_path / "out" / "parquet" / "part-00000002.parquet"
    content = part.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(content), 20):
        flipped = bytearray(content)
        flipped[place] ^= 1
        part.write_bytes(flipped)
        for act in (
            lambda: _run(people, tmp_path, resume=True),
            lambda: export_fits(tmp_path / "out", "spin", tmp_path / "spin"),
            lambda: export_fits(part, "spin", tmp_path / "spin"),
        ):
            with pytest.raises(InputError, match=r"part-00000002.parquet: is not as it was written"):
                act()
    part.unlink()
    _run(people, tmp_path, resume=True)
    assert part.read_bytes() == content
    assert export_fits(tmp_path / "out", "spin", tmp_path / "spin").num_people == 30


def test_files_without_sums_are_taken_as_they_are(tmp_path):
    """As of a job of an earlier release."""
    people = write_people(tmp_path / "people.parquet", 30)
    _run(people, tmp_path)
    before = files_of(tmp_path / "out")
    (tmp_path / "out" / "SHA256SUMS").unlink()
    _run(people, tmp_path, resume=True)
    assert files_of(tmp_path / "out") == before


class ByAnotherRelease(FakeFitter):
    """The same fits by another release."""

    def settings(self):
        return {"profile": "fake", "library_version": self.version}


def test_another_release_goes_on_only_if_it_is_accepted_and_every_file_says_its_own(tmp_path):
    people = write_people(tmp_path / "people.parquet", 30)
    log = str(tmp_path / "log")
    _run(people, tmp_path, fitter=ByAnotherRelease(log, version="1.0"), shard=Shard(0, 2))
    new = ByAnotherRelease(log, version="1.1")
    with pytest.raises(InputError, match=r"begun by release 1\.0, and this is 1\.1.*--accept-version"):
        _run(people, tmp_path, fitter=new, resume=True)
    report = _run(people, tmp_path, fitter=new, resume=True, accept_version=True)
    assert report.is_complete
    assert report.library_versions == {"1.0": 16, "1.1": 14}
    versions = [batch.provenance.library_version for batch in read_fits(tmp_path / "out", ("id",))]
    assert versions == ["1.0", "1.1", "1.0", "1.1"]
    assert "1.1: 14 people" in (tmp_path / "out" / "report.html").read_text()
    other = FakeFitter(log, version="other")
    with pytest.raises(InputError, match="profile was"):
        _run(people, tmp_path, fitter=other, resume=True, accept_version=True)


# What others do to the folder meanwhile


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_fits_that_somebody_removes_while_a_job_is_at_work_are_told(tmp_path, moment):
    class Removing(FakeFitter):
        def fit(self, people):
            result = super().fit(people)
            if num_lines(self.log) == moment:
                time.sleep(0.1)  # until the batch before is written
                for file in (tmp_path / "out" / "parquet").iterdir():
                    file.unlink(missing_ok=True)
                (tmp_path / "out" / "parquet").rmdir()
            return result

    people = write_people(tmp_path / "people.parquet", 30)
    with pytest.raises(InputError, match="somebody has removed it, or files in it"):
        _run(people, tmp_path, fitter=Removing(str(tmp_path / "log")))
    assert _run(people, tmp_path, resume=True).is_complete


JOB = """
import sys
sys.path.insert(0, {tests!r})
from dataset_jobs import BATCH_SIZE, FakeFitter
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Shard
fitter = FakeFitter({log!r}, {seconds})
fit_dataset({people!r}, {out!r}, fitter=fitter, batch_size=BATCH_SIZE, resume=True, shard=Shard.parse({shard!r}))
"""


def _start(people, folder, seconds, shard="0/1"):
    values = {"tests": str(Path(__file__).parent), "log": str(folder / "log"), "out": str(folder / "out")}
    script = JOB.format(people=str(people), seconds=seconds, shard=shard, **values)
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "JAX_PLATFORMS": "cpu"})
    deadline = time.monotonic() + 60
    while not num_lines(folder / "log"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_two_processes_do_not_do_one_job_and_the_lock_dies_with_its_process(tmp_path):
    people = write_people(tmp_path / "people.parquet", 400)
    process = _start(people, tmp_path, 0.5)
    try:
        with pytest.raises(InputError, match="another process is doing this job, or a shard of it"):
            _run(people, tmp_path, resume=True)
        with pytest.raises(InputError, match="another process is doing the whole of this job"):
            _run(people, tmp_path, resume=True, shard=Shard(1, 2))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert _run(people, tmp_path, resume=True).is_complete
    assert not list((tmp_path / "out").glob(".*"))


def test_shards_share_a_folder_and_none_is_done_twice_at_a_time(tmp_path):
    people = write_people(tmp_path / "people.parquet", 400)
    process = _start(people, tmp_path, 0.5, "0/2")
    try:
        with pytest.raises(InputError, match="another process is doing shard 0/2 of this job"):
            _run(people, tmp_path, resume=True, shard=Shard(0, 2))
        with pytest.raises(InputError, match="another process is doing this job, or a shard of it"):
            _run(people, tmp_path, resume=True)
        _run(people, tmp_path, resume=True, shard=Shard(1, 2))
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    # What locked the killed shard goes with the job's end, whoever ends it.
    assert _run(people, tmp_path, resume=True).is_complete
    assert not list((tmp_path / "out").glob(".*"))


# What is told


def test_names_in_the_report_cannot_be_markup_or_turn_the_direction_of_writing(tmp_path, monkeypatch):
    name = "<script>alert(1)</script>&\"'\u202e\x1b[2J"
    rows = [_row(0, id=f"f#{name}"), _row(1, id=f"g#{name}", file=name, position=name, image_size=(0.0, 1.0))]
    monkeypatch.setattr(JobInput, "rows", lambda self, passed_over=None: iter(rows))
    folder = tmp_path / "<b>"
    folder.mkdir()
    _run(write_people(folder / "people.parquet", 1), tmp_path)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3  # an id, a file and its place
    assert "<script" not in page
    assert "<b>/" not in page
    assert not {"\u202e", "\x1b"} & set(page)


def test_a_job_whose_exports_would_leave_its_folder_is_wrong_usage_and_begins_nothing(tmp_path, capsys):
    people = write_people(tmp_path / "people.parquet", 1)
    before = sorted(tmp_path.rglob("*"))
    arguments = [str(people), "--out", str(tmp_path / "out"), "--export", "spin", "--dataset", "../../x"]
    assert main(arguments) == 2
    assert "--dataset is '../../x'" in one_sentence(capsys.readouterr().err, "smplify-fit-dataset")
    assert sorted(tmp_path.rglob("*")) == before
