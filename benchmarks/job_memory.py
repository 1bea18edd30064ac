"""Memory of a job per row: `python -m benchmarks.job_memory [--people N] [--json FILE]`. Needs Linux, and no data.

Each run is a process of its own, once with N people and once with a tenth of them; the difference of their peaks, divided by the
difference of their rows, is the memory per row. It contains everything that grows with the input: planning, duplicate ids, batches that are
done, checksums, rejected records and the report. What `fit` takes does not grow, so nobody is fitted here: a stand-in gives everybody the
fits of the first 1,024 people, which were made beforehand. All else is as in a user's job.
"""

from __future__ import annotations

import json
import pickle
import resource
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

from benchmarks.dataset_job import IMAGE_SIZE, LAYOUT, NUM_DRAWN, write_input
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
    """Fit the first people of a file, and pickle the fits without the body."""
    rows = [
        row for row, _ in zip(read_dataset(path), range(PEOPLE_AT_ONCE), strict=False) if isinstance(row, DatasetRow)
    ]
    result = jax.tree.map(np.asarray, PeopleFitter().fit(rows))
    Path(out).write_bytes(pickle.dumps(result))


def do_job(path: str, out: str, fits: str, resume: bool) -> None:
    """Do a job, and print its peak memory."""
    start = time.perf_counter()
    report = fit_dataset(path, out, fitter=StandIn(fits=Path(fits).read_bytes()), resume=resume)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    measured = {"peak_bytes": peak, "seconds": time.perf_counter() - start}
    print(json.dumps({**measured, "num_people": report.num_people, "num_rejected": report.num_rejected}))


def write_mostly_rejected(path: Path, num_records: int) -> None:
    """Write a Parquet file of people most of whom are rejected, because the size of their picture is not known."""
    keypoints = np.full((NUM_DRAWN, 17 * 3), 100.0, np.float32)
    writer = None
    for first in range(0, num_records, NUM_DRAWN):
        count = min(NUM_DRAWN, num_records - first)
        is_known = [row % ACCEPTED_EVERY == 0 for row in range(first, first + count)]
        table = pa.table(
            {
                "keypoints": pa.FixedSizeListArray.from_arrays(pa.array(keypoints[:count].ravel()), 17 * 3),
                "layout": [LAYOUT] * count,
                "image_width": pa.array([IMAGE_SIZE[0] if known else None for known in is_known], pa.float64()),
                "image_height": pa.array([IMAGE_SIZE[1] if known else None for known in is_known], pa.float64()),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def run(options: Options, folder: Path) -> list[dict]:
    """One row per kind of job."""
    counts = (round(SHARE_OF_FEW * options.people), options.people)
    jobs: dict[str, list[dict]] = {"job": [], "  resumed, all but one file there": [], "job, 99 % rejected": []}
    fits = folder / "fits.pkl"
    for count in counts:
        people, rejected = folder / f"people{count}.parquet", folder / f"rejected{count}.parquet"
        write_input(people, count)
        write_mostly_rejected(rejected, count)
        if not fits.exists():
            _call(f"make_fits({str(people)!r}, {str(fits)!r})")
        whole, strict = folder / f"whole{count}", folder / f"strict{count}"
        fresh, resumed, refused = jobs.values()
        fresh.append(_measured(people, whole, fits, resume=False))
        JobFolder(whole).part(0).unlink()
        resumed.append(_measured(people, whole, fits, resume=True))
        refused.append(_measured(rejected, strict, fits, resume=False))
    return [_row(name, counts, *measured) for name, measured in jobs.items()]


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
