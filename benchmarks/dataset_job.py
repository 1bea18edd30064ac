"""Overhead of a job over its fits: `python -m benchmarks.dataset_job [--people N] [--json FILE]`. Needs Linux, and no data.

Every run is a separate process, as for users, with the compilation cache on. People are drawn by `benchmarks.draw`, and repeated with 1 px
of noise. `share` is the job's speed relative to `fit` alone on as many cores, in a loop over some of the same people, with as many people
per call as in the job; both are measured after one batch that waits for compilation. `cpu_ms_per_fit` is the CPU time of all threads, which
is more reliable than wall-clock time on a shared machine. `memory_mb` is the peak memory in the second and in the last quarter of the run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tyro

from benchmarks.draw import draw_keypoints
from benchmarks.measure import print_and_write
from smplify_jax.cli.cache import use_compilation_cache
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.folder import JobFolder
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.plan import Batch, Shard, plan_batches, together
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.datasets.read import read_dataset
from smplify_jax.execution.devices import use_all_cores

LAYOUT, IMAGE_SIZE = "coco17", (1280.0, 960.0)
NUM_DRAWN, NUM_TIMED_BATCHES = 2048, 40
KILLED_AT = 0.4


@dataclass(frozen=True)
class Options:
    """Measure jobs."""

    people: int = 100_000
    batch_size: int = 256
    json: Path | None = None
    """Also write the table here."""
    folder: Path | None = None
    """Keep the results here, in one folder per run; by default they are removed."""


@dataclass(frozen=True)
class Run:
    """Measurements of one process.

    Attributes:
        fits_per_second: NaN if the process was killed.
        cpu_ms_per_fit: NaN if the process was killed.
        seconds: total, including the start and a batch that waits for compilation.
        memory_mb: peaks in the second and in the last quarter.
    """

    fits_per_second: float
    cpu_ms_per_fit: float
    seconds: float
    memory_mb: tuple[int, int]


def write_input(path: Path, num_people: int) -> None:
    """Write a Parquet file of people, a few thousand at a time."""
    keypoints, focal_length = draw_keypoints(LAYOUT, NUM_DRAWN)
    generator = np.random.default_rng(0)
    writer = None
    for first in range(0, num_people, NUM_DRAWN):
        count = min(NUM_DRAWN, num_people - first)
        rows = keypoints[:count].copy()
        rows[..., :2] += generator.normal(0, 1, rows[..., :2].shape) * (rows[..., 2:] > 0)
        table = pa.table(
            {
                "keypoints": pa.FixedSizeListArray.from_arrays(pa.array(rows.astype(np.float32).ravel()), rows[0].size),
                "layout": [LAYOUT] * count,
                "image_width": [IMAGE_SIZE[0]] * count,
                "image_height": [IMAGE_SIZE[1]] * count,
                "focal_length": focal_length[:count],
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def time_fits(path: str, batch_size: int) -> None:
    """Time `fit` alone."""
    batches = _first_batches(path, batch_size, NUM_TIMED_BATCHES)
    fitter = _warm_fitter(path, batch_size)
    calls = [[person for batch in some for person in batch.people] for some in together(batches, fitter.people_at_once)]
    clocks = _Clocks()
    for people in calls:
        fitter.fit(people)
    clocks.print_rates(sum(map(len, calls)))


def do_job(path: str, out: str, batch_size: int, shard: str, resume: bool) -> None:
    """Time a whole job."""
    fitter = _warm_fitter(path, batch_size)
    clocks = _Clocks()
    report = fit_dataset(path, out, fitter=fitter, batch_size=batch_size, shard=Shard.parse(shard), resume=resume)
    clocks.print_rates(report.this_run.num_people)


class _Clocks:
    """Clocks for the wall-clock and CPU time of this process, which start when they are created."""

    def __init__(self) -> None:
        self._wall, self._work = time.perf_counter(), time.process_time()

    def print_rates(self, num_fits: int) -> None:
        wall, work = time.perf_counter() - self._wall, time.process_time() - self._work
        print(json.dumps({"fits_per_second": num_fits / wall, "cpu_ms_per_fit": 1000 * work / num_fits}))


def _warm_fitter(path: str, batch_size: int) -> PeopleFitter:
    """A fitter like that of `smplify-fit-dataset`, with a device for every core, or for NPROC cores."""
    use_all_cores()
    use_compilation_cache()
    fitter = PeopleFitter(uses_all_devices=True)
    fitter.fit(_first_batches(path, batch_size, 1)[0].people)
    return fitter


def _first_batches(path: str, batch_size: int, count: int) -> list[Batch]:
    return list(islice(plan_batches(read_dataset(path), batch_size, lambda row: None, print), count))


def start(call: str, threads: int | None = None) -> subprocess.Popen[str]:
    """Start a process that calls `time_fits` or `do_job`."""
    environment = dict(os.environ) if threads is None else {**os.environ, "NPROC": str(threads)}
    command = [sys.executable, "-c", f"from benchmarks.dataset_job import *; {call}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def watch(process: subprocess.Popen[str], kill_when: Path | None = None) -> Run:
    """Wait for a process, or kill it as soon as a file exists."""
    began, memory = time.perf_counter(), []
    while process.poll() is None:
        memory.append(_memory_mb(process.pid))
        if kill_when is not None and kill_when.exists():
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    assert process.stdout is not None
    measured = json.loads(process.stdout.read() or '{"fits_per_second": NaN, "cpu_ms_per_fit": NaN}')
    quarter = max(1, len(memory) // 4)
    held = (max(memory[quarter : 2 * quarter], default=0), max(memory[-quarter:], default=0))
    return Run(**measured, seconds=time.perf_counter() - began, memory_mb=held)


def _memory_mb(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def run(options: Options, folder: Path) -> list[dict]:
    """One row per run."""
    path, size = folder / "people.parquet", options.batch_size
    write_input(path, options.people)
    num_batches = -(-options.people // size)

    def job(name: str, shard: str = "0/1", resume: bool = False, threads: int | None = None) -> subprocess.Popen[str]:
        return start(f"do_job({str(path)!r}, {str(folder / name)!r}, {size}, {shard!r}, {resume})", threads)

    # Run once to fill the compilation cache, so that later runs are comparable.
    watch(start(f"time_fits({str(path)!r}, {size})"))
    alone = watch(start(f"time_fits({str(path)!r}, {size})"))
    rows = [_row("fit alone", alone, alone.fits_per_second)]
    rows.append(_row("job", watch(job("whole")), alone.fits_per_second))

    last = JobFolder(folder / "killed").part(int(KILLED_AT * num_batches))
    killed = watch(job("killed"), kill_when=last)
    num_done = len(JobFolder(folder / "killed").done())
    resumed = watch(job("killed", resume=True))
    rows.append(_row(f"job, killed after {num_done} of {num_batches} batches", killed, alone.fits_per_second))
    rows.append(_row("  and resumed", resumed, alone.fits_per_second))
    _check_same(folder / "whole", folder / "killed", options.people)

    by_thread = watch(start(f"time_fits({str(path)!r}, {size})", threads=1))
    rows.append(_row("fit alone, one core", by_thread, by_thread.fits_per_second))
    single = watch(job("single", threads=1))
    rows.append(_row("job, one core", single, by_thread.fits_per_second))
    pair = _together([job("pair", f"{index}/2", threads=1) for index in range(2)])
    rows.append(_row("two shards, one core each", pair, 2 * by_thread.fits_per_second))
    _check_same(folder / "whole", folder / "pair", options.people)
    return rows


def _together(processes: Sequence[subprocess.Popen[str]]) -> Run:
    """Watch processes that run side by side, and combine their measurements: their speeds add up."""
    with ThreadPoolExecutor() as watchers:
        runs = list(watchers.map(watch, processes))
    memory = [sum(run.memory_mb[k] for run in runs) for k in range(2)]
    work = sum(run.cpu_ms_per_fit for run in runs) / len(runs)
    seconds = max(run.seconds for run in runs)
    return Run(sum(run.fits_per_second for run in runs), work, seconds, (memory[0], memory[1]))


def _row(name: str, run: Run, alone: float) -> dict:
    before, after = run.memory_mb
    # Runs may take hours: print each result as it ends, and again in the table.
    print(f"{name}: {run.fits_per_second:.1f} fits/s, {run.seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "run": name,
        "fits_per_second": run.fits_per_second,
        "share": run.fits_per_second / alone,
        "cpu_ms_per_fit": run.cpu_ms_per_fit,
        "seconds": run.seconds,
        "memory_mb_early": before,
        "memory_mb_late": after,
    }


def _check_same(one: Path, other: Path, num_people: int) -> None:
    """Check that both folders contain every person once, in the same order."""
    ids = [[name for batch in read_fits(out, ("id",)) for name in batch.texts("id")] for out in (one, other)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0]) == num_people


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    with tempfile.TemporaryDirectory() as temporary:
        where = Path(temporary) if chosen.folder is None else chosen.folder
        where.mkdir(parents=True, exist_ok=True)
        table = run(chosen, where)
    print_and_write(table, chosen.json)
