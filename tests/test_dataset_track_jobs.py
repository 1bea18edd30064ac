"""Jobs of tracks with a fitter that only counts: bytes, files and restarts."""

import json

import numpy as np
import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_tracks

from smplify_jax.datasets.exports.units import UNIT_COLUMNS, whole_units
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Shard
from smplify_jax.datasets.job.tracks import TrackChoices
from smplify_jax.datasets.parquet import read_fits

FPS = 25.0
CHOICES = TrackChoices(fps=FPS)


@pytest.fixture
def walk(tmp_path):
    return write_tracks(tmp_path / "walk.npz", lengths=[3, 4, 9, 30, 2, 6, 8, 1], gap=10)


def _run(path, out, log="log", **options):
    fitter = options.pop("fitter", FakeFitter(str(out.parent / log), tracks=CHOICES))
    return fit_dataset(path, out, fitter=fitter, batch_size=BATCH_SIZE, **options)


def test_a_job_whose_files_are_deleted_and_one_in_shards_end_with_the_same_bytes(walk, tmp_path):
    report = _run(walk, tmp_path / "out")
    whole = files_of(tmp_path / "out")
    assert (report.num_people, report.num_tracks, report.num_batches) == (63, 8, 6)
    parts = sorted((tmp_path / "out" / "parquet").iterdir())
    for part in parts[1::2]:
        part.unlink()
    _run(walk, tmp_path / "out", resume=True)
    assert files_of(tmp_path / "out") == whole
    for index in (1, 2, 0):
        _run(walk, tmp_path / "shards", shard=Shard(index, 3))
    assert files_of(tmp_path / "shards") == whole


def test_a_job_that_stops_while_fitting_goes_on_with_what_is_missing(walk, tmp_path):
    class Failing(FakeFitter):
        def fit(self, people):
            if num_lines(self.log) == 3:
                raise RuntimeError("out of memory")
            return super().fit(people)

    with pytest.raises(RuntimeError, match="out of memory"):
        _run(walk, tmp_path / "out", fitter=Failing(str(tmp_path / "log"), tracks=CHOICES))
    _run(walk, tmp_path / "out", resume=True)
    _run(walk, tmp_path / "whole", log="another log")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    assert num_lines(tmp_path / "log") == num_lines(tmp_path / "another log"), "nothing is fitted twice"


def test_a_file_holds_whole_tracks_with_their_columns(walk, tmp_path):
    _run(walk, tmp_path / "out")
    files = [
        [
            (track, frame)
            for batch in read_fits(part)
            for track, frame in zip(batch.texts("track_id"), batch.array("frame"), strict=True)
        ]
        for part in sorted((tmp_path / "out" / "parquet").iterdir())
    ]
    assert [len(rows) for rows in files] == [7, 9, 30, 8, 8, 1]
    assert [sorted({str(track) for track, _ in rows}) for rows in files] == [
        ["0", "1"],
        ["2"],
        ["3"],
        ["4", "5"],
        ["6"],
        ["7"],
    ]
    (batch,) = read_fits(tmp_path / "out" / "parquet" / "part-00000001.parquet")
    assert batch.texts("video") == ["walk"] * 9
    np.testing.assert_array_equal(batch.array("frame"), np.arange(9) + 3 + 4 + 2 * 10)
    np.testing.assert_array_equal(batch.array("time"), batch.array("frame") / FPS)


def test_people_who_are_fitted_by_themselves_have_no_track(walk, tmp_path):
    report = fit_dataset(walk, tmp_path / "out", fitter=FakeFitter(str(tmp_path / "log")), batch_size=BATCH_SIZE)
    assert report.num_tracks == 0
    for batch in read_fits(tmp_path / "out"):
        assert batch.texts("video") == batch.texts("track_id") == [None] * len(batch)
        assert np.isnan(batch.array("frame")).all()
        assert np.isnan(batch.array("time")).all()


def test_the_report_counts_tracks(walk, tmp_path):
    _run(walk, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["num_tracks"] == 8
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<b>63</b><span>frames of people</span>" in page
    assert "<b>8</b><span>tracks</span>" in page


def test_another_input_in_the_same_places_is_noticed(walk, tmp_path):
    _run(walk, tmp_path / "out")
    write_tracks(walk, lengths=[3, 4, 9, 29, 2, 6, 8, 1], gap=10)
    with pytest.raises(Exception, match="holds fits of other people"):
        _run(walk, tmp_path / "out", resume=True)


@pytest.mark.parametrize("rows_at_a_time", [1, 5, 8, 100])
def test_tracks_are_put_together_however_their_rows_are_read(walk, tmp_path, rows_at_a_time):
    _run(walk, tmp_path / "out")
    batches = read_fits(tmp_path / "out", UNIT_COLUMNS, rows_at_a_time)
    found = [(unit.name, batch.texts("track_id")[unit.rows]) for batch, units in whole_units(batches) for unit in units]
    lengths = [3, 4, 9, 30, 2, 6, 8, 1]
    assert found == [(f"walk_{k}", [str(k)] * length) for k, length in enumerate(lengths)]
