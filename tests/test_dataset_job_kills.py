"""A job that is killed at any moment and then resumed gives the same result as one that was not."""

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_people, write_tracks
from job_process import BATCHES_AT_ONCE

from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.tracks import TrackChoices

NUM_KILLS, NUM_BATCHES, SECONDS = 20, 60, 0.01

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


@contextmanager
def _jobs(path, log, *what):
    """A process that starts jobs."""
    command = [sys.executable, str(Path(__file__).parent / "job_process.py"), path]
    with subprocess.Popen(
        [*command, log, str(SECONDS), *what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _run(jobs, out, seconds=None):
    """Start a job, kill it after so many seconds, and return how it ended: 0, or the signal."""
    jobs.stdin.write(f"{out}\n")
    jobs.stdin.flush()
    number = int(jobs.stdout.readline())
    killer = threading.Timer(seconds, os.kill, (number, signal.SIGKILL)) if seconds is not None else None
    if killer:
        killer.start()
    status = int(jobs.stdout.readline())
    if killer:
        killer.cancel()
    return status


def _killed(jobs, folder, num_kills, longest):
    """Folders of jobs that were killed so many times together, each at most so many seconds after its start, and resumed to the end."""
    draw, folders = random.Random(0), [folder / "killed 0"]
    while num_kills:
        # Most are killed in the midst of fitting, some before they have begun.
        if _run(jobs, folders[-1], draw.uniform(0.0, longest)) == signal.SIGKILL:
            num_kills -= 1
        else:
            folders.append(folder / f"killed {len(folders)}")
    assert _run(jobs, folders[-1]) == 0
    return folders


def test_jobs_killed_at_20_random_moments_end_with_what_an_uninterrupted_one_ends_with(tmp_path):
    people = write_people(tmp_path / "people.parquet", NUM_BATCHES * BATCH_SIZE - 3)
    with _jobs(people, tmp_path / "log") as jobs:
        folders = _killed(jobs, tmp_path, NUM_KILLS, 0.12)
    fitter = FakeFitter(str(tmp_path / "other log"))
    fit_dataset(people, tmp_path / "whole", fitter=fitter, batch_size=BATCH_SIZE)
    whole = files_of(tmp_path / "whole")
    for folder in folders:
        assert files_of(folder) == whole
    # A call's batches may have been fitted and not written; those of the one before, too, where the disk is slower than this fitter. And
    # what is left may be an odd number of batches.
    num_needed = len(folders) * NUM_BATCHES // BATCHES_AT_ONCE
    assert num_needed <= num_lines(tmp_path / "log") <= num_needed + 3 * NUM_KILLS


def test_jobs_of_tracks_killed_at_random_moments_end_with_the_same_files_too(tmp_path):
    tracks = write_tracks(tmp_path / "walk.npz", lengths=[3, 4, 9, 30, 2, 6, 8, 1] * 5, gap=10)
    with _jobs(tracks, tmp_path / "log", "tracks") as jobs:
        folders = _killed(jobs, tmp_path, 6, 0.3)
    fitter = FakeFitter(str(tmp_path / "other log"), tracks=TrackChoices())
    fit_dataset(tracks, tmp_path / "whole", fitter=fitter, batch_size=BATCH_SIZE)
    whole = files_of(tmp_path / "whole")
    assert sum(name.startswith("parquet/") for name in whole) == 5 * 5 + 1
    for folder in folders:
        assert files_of(folder) == whole
