"""A job that is killed at any moment and then resumed gives the same result as one that was not."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_people
from job_process import BATCHES_AT_ONCE

from smplify_jax.datasets.job.job import fit_dataset

NUM_KILLS, NUM_BATCHES, SECONDS = 20, 60, 0.01

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


@pytest.fixture
def jobs(tmp_path):
    """A process that starts jobs."""
    write_people(tmp_path / "people.parquet", NUM_BATCHES * BATCH_SIZE - 3)
    command = [sys.executable, str(Path(__file__).parent / "job_process.py"), tmp_path / "people.parquet"]
    with subprocess.Popen(
        [*command, tmp_path / "log", str(SECONDS)],
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


def test_jobs_killed_at_20_random_moments_end_with_what_an_uninterrupted_one_ends_with(jobs, tmp_path):
    draw, num_kills, folders = random.Random(0), 0, [tmp_path / "killed 0"]
    while num_kills < NUM_KILLS:
        # Most are killed in the midst of fitting, some before they have begun.
        if _run(jobs, folders[-1], draw.uniform(0.0, 0.12)) == signal.SIGKILL:
            num_kills += 1
        else:
            folders.append(tmp_path / f"killed {len(folders)}")
    assert _run(jobs, folders[-1]) == 0
    people, fitter = tmp_path / "people.parquet", FakeFitter(str(tmp_path / "other log"))
    fit_dataset(people, tmp_path / "whole", fitter=fitter, batch_size=BATCH_SIZE)
    whole = files_of(tmp_path / "whole")
    for folder in folders:
        assert files_of(folder) == whole
    # A call's batches may have been fitted and not written; those of the one before, too, where the disk is slower than this fitter. And
    # what is left may be an odd number of batches.
    num_needed = len(folders) * NUM_BATCHES // BATCHES_AT_ONCE
    assert num_needed <= num_lines(tmp_path / "log") <= num_needed + 3 * NUM_KILLS
