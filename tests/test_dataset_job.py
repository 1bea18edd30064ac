"""Whole data sets fitted into a folder, without fitting: what is planned, written, refused, rejected and reported."""

import itertools
import json
import threading

import numpy as np
import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_coco, write_people
from full_disk import full_disk
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.datasets.job.engine import read_ahead
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Batch, Shard, plan_batches, together
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


@pytest.fixture
def people(tmp_path):
    """A file of 30 people: 3 batches and three quarters of one."""
    return write_people(tmp_path / "people.parquet", 30)


def _run(path, out, log="log", **options):
    fitter = options.pop("fitter", FakeFitter(str(out.parent / log)))
    return fit_dataset(path, out, fitter=fitter, batch_size=BATCH_SIZE, **options)


def _ids(out):
    return [name for batch in read_fits(out, ("id",)) for name in batch.texts("id")]


def test_everybody_has_a_row_in_the_order_of_the_input_and_a_file_holds_a_batch(people, tmp_path):
    report = _run(people, tmp_path / "out")
    assert _ids(tmp_path / "out") == [f"people.parquet#[{k}]" for k in range(30)]
    names = sorted(path.name for path in (tmp_path / "out" / "parquet").iterdir())
    assert names == [f"part-{k:08d}.parquet" for k in range(4)]
    assert report.is_complete
    assert (report.num_people, report.num_batches, report.num_rejected) == (30, 4, 0)


def test_people_of_other_layouts_and_with_cameras_are_fitted_apart():
    def row(name, layout, focal_length=None):
        return DatasetRow(name, np.ones((17, 3), np.float32), layout, "file", name, focal_length=focal_length)

    rows = [row("a", "coco17"), row("b", "h36m17"), row("c", "coco17", 900.0), row("d", "h36m17"), row("e", "coco17")]
    rejected: list[RejectedRow] = []
    batches = list(plan_batches(rows, 2, lambda row: None, rejected.append))
    assert not rejected
    assert [(batch.number, batch.layout, [row.id for row in batch.people]) for batch in batches] == [
        (0, "h36m17", ["b", "d"]),
        (1, "coco17", ["a", "e"]),
        (2, "coco17", ["c"]),
    ]


@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["coco17", "h36m17"])), max_size=12),
    most=st.integers(1, 12),
)
def test_batches_that_are_fitted_together_are_neighbours_of_one_kind_and_not_too_many(sizes, most):
    def row(layout):
        return DatasetRow("", np.ones((17, 3), np.float32), layout, "", "")

    batches = [Batch(number, (row(layout),) * size) for number, (size, layout) in enumerate(sizes)]
    calls = list(together(batches, most))
    assert [batch for call in calls for batch in call] == batches
    for call in calls:
        assert len({batch.kind for batch in call}) == 1
        assert len(call) == 1 or sum(len(batch.people) for batch in call) <= most
    # No two calls could have been one.
    for one, next_one in itertools.pairwise(calls):
        num_people = sum(len(batch.people) for batch in (*one, next_one[0]))
        assert one[0].kind != next_one[0].kind or num_people > most


def test_batches_fitted_together_have_files_of_their_own_with_their_own_fits(people, tmp_path):
    _run(people, tmp_path / "one by one", log="log of many")
    several = FakeFitter(str(tmp_path / "log"), num_at_once=3 * BATCH_SIZE)
    _run(people, tmp_path / "together", fitter=several)
    assert num_lines(several.log) == 2
    assert files_of(tmp_path / "together") == files_of(tmp_path / "one by one")


def test_shards_share_the_batches_and_end_with_what_one_process_ends_with(people, tmp_path):
    _run(people, tmp_path / "whole")
    for index in (2, 0, 1):
        report = _run(people, tmp_path / "shards", log=f"log{index}", shard=Shard(index, 3))
        assert report.is_complete == (tmp_path / "shards" / "report.json").exists() == (index == 1)
    assert [num_lines(tmp_path / f"log{index}") for index in range(3)] == [2, 1, 1]
    assert files_of(tmp_path / "shards") == files_of(tmp_path / "whole")


def test_a_job_begun_in_shards_can_be_ended_by_one_process(people, tmp_path):
    _run(people, tmp_path / "out", shard=Shard(1, 3))
    assert _run(people, tmp_path / "out", resume=True).is_complete
    assert num_lines(tmp_path / "log") == 4
    assert _ids(tmp_path / "out") == [f"people.parquet#[{k}]" for k in range(30)]


@pytest.mark.parametrize("text", ["", "3", "3/3", "-1/3", "a/b", "1/0", "1/2/3"])
def test_what_is_no_shard_is_told(text):
    with pytest.raises(InputError, match="shard"):
        Shard.parse(text)


def test_results_are_not_overwritten_unless_the_job_is_resumed(people, tmp_path):
    _run(people, tmp_path / "out")
    with pytest.raises(InputError, match="is not empty; resume the job"):
        _run(people, tmp_path / "out")
    with pytest.raises(InputError, match="is not empty; resume the job"):
        _run(people, tmp_path / "out", shard=Shard(0, 2))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("")
    with pytest.raises(InputError, match="is not empty"):
        _run(people, tmp_path / "thesis")


def test_a_job_goes_on_with_its_own_settings_only(people, tmp_path):
    _run(people, tmp_path / "out")
    other = FakeFitter(str(tmp_path / "log"), version="other")
    with pytest.raises(InputError, match="profile was 'fake' and is 'other' now"):
        _run(people, tmp_path / "out", fitter=other, resume=True)
    with pytest.raises(InputError, match=r"box_factor was None and is 1\.2 now"):
        _run(people, tmp_path / "out", box_factor=1.2, resume=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"num_people": 30, "seed": 1}, "holds fits of other people"), ({"num_people": 20}, "other people")],
)
def test_an_input_that_has_changed_is_noticed(people, tmp_path, change, words):
    _run(people, tmp_path / "out")
    write_people(people, **change)
    with pytest.raises(InputError, match=words):
        _run(people, tmp_path / "out", resume=True)


def test_an_input_that_has_lost_whole_batches_is_noticed(people, tmp_path):
    _run(people, tmp_path / "out")
    write_people(people, 24)
    with pytest.raises(InputError, match="has become shorter"):
        _run(people, tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "bvh"}, "no keypoint format 'bvh'"),
        ({"exports": ("fbx",)}, "no export 'fbx'"),
        ({"path": "gone"}, "no file or folder"),
        ({"out": "in the input/out", "path": "in the input"}, "lies in the input"),
        ({"out": "a file/out"}, "is no folder for results"),
    ],
)
def test_what_cannot_be_begun_is_told_in_a_sentence(people, tmp_path, options, words):
    (tmp_path / "in the input").mkdir()
    (tmp_path / "a file").write_text("")
    path, out = tmp_path / options.pop("path", "people.parquet"), tmp_path / options.pop("out", "out")
    with pytest.raises(InputError, match=words):
        _run(path, out, **options)
    assert not (tmp_path / "log").exists()


GOOD = [100.0, 60.0, 2] * 17


def test_bad_records_are_listed_once_with_their_place_and_the_rest_goes_on(tmp_path):
    bad = [[1.0, 2.0, 2], "nothing", [float("nan")] * 51, [100.0, 6000.0, 2] * 17]
    path = write_coco(tmp_path / "people.json", [GOOD, *bad, *[GOOD] * 30])
    report = _run(path, tmp_path / "out")
    assert report.num_people == 31
    assert not report.is_clean
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert [line["position"] for line in lines] == [f"annotations[{k}]" for k in (1, 2, 3, 4)]
    assert lines[3] == {"file": "people.json", "position": "annotations[4]", "reason": "is too tall"}
    (tmp_path / "out" / "parquet" / "part-00000001.parquet").unlink()
    _run(path, tmp_path / "out", resume=True)
    assert [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()] == lines


def test_a_cut_off_file_is_rejected_where_it_ends(tmp_path):
    path = write_coco(tmp_path / "people.json", [GOOD] * 20)
    path.write_text(path.read_text()[:-2000])
    report = _run(path, tmp_path / "out")
    assert 0 < report.num_people < 20
    assert len(report.rejected) == 1


def test_an_id_that_comes_again_is_rejected():
    rows = [DatasetRow("f#1", np.ones((17, 3), np.float32), "coco17", "f", "1")] * 2
    rejected: list[RejectedRow] = []
    (batch,) = plan_batches(rows, 4, lambda row: None, rejected.append)
    assert len(batch.people) == 1
    assert rejected == [RejectedRow("f", "1", "another person has the id 'f#1', too")]


def test_a_full_disk_stops_the_job_and_leaves_no_broken_file(people, tmp_path, monkeypatch):
    message = r"part-00000002.parquet: cannot be written: the disk is full"
    with full_disk(monkeypatch, "part-00000002"), pytest.raises(InputError, match=message):
        _run(people, tmp_path / "out")
    # The last batch was fitted by the time that the third could not be written, or it was not.
    assert _ids(tmp_path / "out")[:16] == [f"people.parquet#[{k}]" for k in range(16)]
    assert not (tmp_path / "out" / "parquet" / "part-00000002.parquet").exists()
    assert not list((tmp_path / "out").rglob(".*.part"))
    assert _run(people, tmp_path / "out", resume=True).is_complete


def test_what_fails_while_fitting_stops_the_job_with_what_was_written(people, tmp_path):
    class Failing(FakeFitter):
        def fit(self, people):
            if num_lines(self.log) == 2:
                raise RuntimeError("out of memory")
            return super().fit(people)

    with pytest.raises(RuntimeError, match="out of memory"):
        _run(people, tmp_path / "out", fitter=Failing(str(tmp_path / "log")))
    assert len(_ids(tmp_path / "out")) == 16
    assert not any(thread.name == "reader" for thread in threading.enumerate())


def test_the_next_is_read_while_the_caller_works():
    is_next_read = threading.Event()

    def items():
        yield 1
        is_next_read.set()
        yield 2

    ahead = read_ahead(items(), 1)
    assert next(ahead) == 1
    assert is_next_read.wait(timeout=30.0)
    assert list(ahead) == [2]


def test_what_reading_raises_is_raised_where_it_is_seen():
    def items():
        yield 1
        raise InputError("the disk is gone")

    ahead = read_ahead(items(), 1)
    assert next(ahead) == 1
    with pytest.raises(InputError, match="the disk is gone"):
        next(ahead)


def test_a_job_killed_once_all_is_fitted_fits_nothing_anew(people, tmp_path):
    _run(people, tmp_path / "out")
    before = files_of(tmp_path / "out")
    for name in ("report.json", "report.html", "input.json", "rejected.jsonl"):
        (tmp_path / "out" / name).unlink()
    _run(people, tmp_path / "out", resume=True)
    assert files_of(tmp_path / "out") == before
    assert num_lines(tmp_path / "log") == 4


def test_leftovers_of_killed_processes_are_removed_and_what_others_write_or_own_stays(people, tmp_path):
    parts = tmp_path / "out" / "parquet"
    parts.mkdir(parents=True)
    (parts / ".part-00000007.parquet.0123456789ab.part").write_bytes(b"half")
    (parts / ".mine.part").write_bytes(b"a user's own")
    with atomic_write(parts / "of another process"):
        _run(people, tmp_path / "out", shard=Shard(0, 2))
        _run(people, tmp_path / "out", shard=Shard(1, 2))
        names = [file.name for file in parts.glob(".*")]
        assert len(names) == 2
        assert any(name.startswith(".of another process.") for name in names)
    assert [file.name for file in parts.glob(".*")] == [".mine.part"]


def test_exports_are_written_once_all_shards_are_done(people, tmp_path):
    options = {"exports": ("spin",), "out": tmp_path / "out", "path": people}
    _run(shard=Shard(0, 2), **options)
    assert not (tmp_path / "out" / "spin").exists()
    _run(shard=Shard(1, 2), **options)
    assert len(np.load(tmp_path / "out" / "spin" / "fits.npz")["imgname"]) == 30
