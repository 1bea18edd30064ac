"""Memory of a job per record: `python -m benchmarks.job_memory [--people N] [--json FILE]`. Needs Linux, and no data.

Each run is a process of its own, with N people and with a tenth of them. `bytes_per_record` is the difference of their peaks over that of
their records: ids, batches that are done, checksums, rejected records, the reader and the report. Peaks differ by some 40 MB from run to
run, because threads overlap and malloc keeps what was freed: with a million people, 45 bytes per record.

What `fit` takes does not grow, so nobody is fitted here: a stand-in gives everybody fits of 1,024 people, which were made
beforehand. All else is as in a user's job.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tyro

from benchmarks.dataset_job import write_input
from benchmarks.measure import print_and_write
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.folder import JobFolder
from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.read import read_dataset
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.result import FitResult

PEOPLE_AT_ONCE = 1024
SHARE_OF_FEW = 0.1
ACCEPTED_EVERY = 100  # of the people of whom the others are rejected


@dataclass(frozen=True)
class Options:
    """Measure the memory of jobs."""

    people: int = 1_000_000
    json: Path | None = None
    """Also write the table here."""


@dataclass(frozen=True, eq=False)
class StandIn(PeopleFitter):
    """Gives everybody fits that were made beforehand.

    Attributes:
        fits: pickled, of `PEOPLE_AT_ONCE` people.
    """

    fits: bytes = b""

    @property
    def people_at_once(self) -> int:
        """As many as there are fits."""
        return PEOPLE_AT_ONCE

    def fit(self, people: Sequence[DatasetRow]) -> FitResult:
        """The first fits."""
        return pickle.loads(self.fits)[: len(people)]


def make_fits(path: str, out: str) -> None:
    """Fit the people of a file, and pickle the fits."""
    rows = [
        row for row, _ in zip(read_dataset(path), range(PEOPLE_AT_ONCE), strict=False) if isinstance(row, DatasetRow)
    ]
    result = jax.tree.map(np.asarray, PeopleFitter().fit(rows))
    Path(out).write_bytes(pickle.dumps(result))


def do_job(path: str, out: str, fits: str, resume: bool) -> None:
    """Do a job, and print its peak memory."""
    start = time.perf_counter()
    report = fit_dataset(path, out, fitter=StandIn(fits=Path(fits).read_bytes()), resume=resume)
    measured = {"peak_bytes": _peak_bytes(), "seconds": time.perf_counter() - start}
    print(json.dumps({**measured, "num_people": report.num_people, "num_rejected": report.num_rejected}))


def _peak_bytes() -> int:
    """Peak memory of this process; `getrusage` would include that of the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def write_rejected(path: Path, people: Path) -> None:
    """Write a Parquet file of the same people, most of whom are rejected because the size of their picture is not known."""
    with pq.ParquetFile(people) as source, pq.ParquetWriter(path, source.schema_arrow) as writer:
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            for name in ("image_width", "image_height"):
                known = [
                    size if row % ACCEPTED_EVERY == 0 else None for row, size in enumerate(table[name].to_pylist())
                ]
                sizes = pa.array(known, pa.float64())
                table = table.set_column(table.schema.get_field_index(name), name, sizes)
            writer.write_table(table)


def run(options: Options, folder: Path) -> list[dict]:
    """One row per kind of job."""
    counts = (round(SHARE_OF_FEW * options.people), options.people)
    few, many = (_measured_jobs(folder, count) for count in counts)
    return [_row(name, counts, few[name], many[name]) for name in many]


def _measured_jobs(folder: Path, count: int) -> dict[str, dict]:
    """The measurements of each kind of job with so many people."""
    people, rejected, fits = folder / f"people{count}.parquet", folder / f"rejected{count}.parquet", folder / "fits.pkl"
    write_input(people, count)
    write_rejected(rejected, people)
    if not fits.exists():
        write_input(folder / "fitted.parquet", PEOPLE_AT_ONCE)
        _call(f"make_fits({str(folder / 'fitted.parquet')!r}, {str(fits)!r})")
    whole, strict = folder / f"whole{count}", folder / f"strict{count}"
    fresh = _measured(people, whole, fits, resume=False)
    JobFolder(whole).part(0).unlink()
    return {
        "job": fresh,
        "  resumed, all but one file there": _measured(people, whole, fits, resume=True),
        "job, 99 % rejected": _measured(rejected, strict, fits, resume=False),
    }


def _measured(path: Path, out: Path, fits: Path, resume: bool) -> dict:
    measured = json.loads(_call(f"do_job({str(path)!r}, {str(out)!r}, {str(fits)!r}, {resume})"))
    print(out.name, measured, file=sys.stderr, flush=True)
    return measured


def _call(call: str) -> str:
    command = [sys.executable, "-c", f"from benchmarks.job_memory import *; {call}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _row(name: str, counts: tuple[int, int], few: dict, many: dict) -> dict:
    return {
        "run": name,
        "records": counts[1],
        "rejected": many["num_rejected"],
        "peak_mb_of_a_tenth": few["peak_bytes"] / 1e6,
        "peak_mb": many["peak_bytes"] / 1e6,
        "bytes_per_record": (many["peak_bytes"] - few["peak_bytes"]) / (counts[1] - counts[0]),
        "seconds": many["seconds"],
    }


if __name__ == "__main__":
    chosen = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        table = run(chosen, Path(temporary))
    print_and_write(table, chosen.json)
