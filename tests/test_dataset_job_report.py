"""A job's report and its progress display."""

import io
import json
import sys

import numpy as np
from dataset_jobs import BATCH_SIZE, FakeFitter, write_coco, write_people

from smplify_jax.datasets.job import report_page
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Shard
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.result import FitStatus


def _run(path, folder, seconds=0.0, **options):
    fitter = FakeFitter(str(folder / "log"), seconds)
    return fit_dataset(path, folder / "out", fitter=fitter, batch_size=BATCH_SIZE, **options)


def test_the_report_counts_what_the_rows_say(tmp_path):
    path = write_people(tmp_path / "people.parquet", 400)
    report = _run(path, tmp_path)
    batches = list(read_fits(tmp_path / "out"))
    status, quality, steps = (
        np.concatenate([b.array(name) for b in batches]) for name in ("status", "quality", "num_steps")
    )
    assert report.statuses == {one.name.lower(): int((status == one).sum()) for one in FitStatus}
    assert report.num_with_body == int((status == FitStatus.CONVERGED).sum())
    assert report.statuses["non_finite"] > 0
    assert not report.is_clean
    assert report.quality == np.histogram(quality[status == 0], np.linspace(0, 1, 11))[0].tolist()
    assert sum(report.error_percent) == sum(report.quality)
    assert [person["num_steps"] for person in report.slowest] == sorted(steps.tolist(), reverse=True)[:20]
    assert len(report.failures) == int((status > 0).sum())
    assert report.this_run.num_people == 400
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Fitted in batches of 8 people: 50." in page
    for person in (*report.slowest, *report.failures):
        assert person["id"] in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["statuses"] == report.statuses


def test_the_rate_leaves_out_all_that_was_fitted_by_the_first_call_which_waits_for_compilation(tmp_path):
    path, seconds, at_once = write_people(tmp_path / "people.parquet", 100), 0.05, 2 * BATCH_SIZE
    fitter = FakeFitter(str(tmp_path / "log"), seconds, num_at_once=at_once)
    run = fit_dataset(path, tmp_path / "out", fitter=fitter, batch_size=BATCH_SIZE).this_run
    assert run.first_people == at_once
    assert run.fits_per_second is not None
    assert run.fits_per_second <= at_once / seconds

    path = write_people(tmp_path / "few.parquet", at_once)
    assert fit_dataset(path, tmp_path / "few", fitter=fitter, batch_size=BATCH_SIZE).this_run.fits_per_second is None


def test_progress_counts_what_is_left_to_do(tmp_path, monkeypatch):
    people = write_people(tmp_path / "people.parquet", 30)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    _run(people, tmp_path, shard=Shard(0, 2))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    # tqdm draws ten times a second.
    _run(people, tmp_path, seconds=0.2, resume=True, shows_progress=True)
    drawn = terminal.getvalue()
    assert "8/14 [" in drawn
    assert "fit/s" in drawn


def test_names_in_the_report_are_no_markup(tmp_path):
    path = write_coco(tmp_path / "<b>people.json", [[1.0]])
    _run(path, tmp_path)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<b>people" not in page
    assert "&lt;b&gt;people" in page


def test_the_page_has_words_for_every_status():
    assert set(report_page._WORDS) == {status.name.lower() for status in FitStatus}
