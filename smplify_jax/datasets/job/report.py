"""What a job has come to, read from its folder: the same however often it was interrupted, but for what this run took."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from smplify_jax.datasets.exports.exported import Exported
from smplify_jax.datasets.job.engine import BatchDone
from smplify_jax.datasets.job.folder import InputCount, JobFolder
from smplify_jax.datasets.job.plan import Shard
from smplify_jax.datasets.job.report_page import page
from smplify_jax.datasets.parquet import FitBatch, read_fits
from smplify_jax.files.atomic import atomic_write
from smplify_jax.result import FitStatus

NUM_SLOWEST, NUM_LISTED = 20, 100
"""How many people are listed: those of the most steps, and the first of those without a body or rejected."""

QUALITY_EDGES = tuple(round(0.1 * k, 1) for k in range(11))
ERROR_EDGES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, float("inf"))
"""[% of the person's height]"""

_COLUMNS = (
    "id",
    "file",
    "position",
    "status",
    "status_name",
    "quality",
    "error_percent",
    "num_steps",
    "video",
    "track_id",
)


@dataclass(frozen=True)
class RunTally:
    """What this run did, apart from what others did before or beside it.

    Attributes:
        num_people: fitted.
        num_batches: of them.
        seconds: from the start until the last batch was fitted.
        first_people: of the first batch, and those that were fitted together with it.
        first_seconds: until these were fitted, compilation included.
    """

    num_people: int = 0
    num_batches: int = 0
    seconds: float = 0.0
    first_people: int = 0
    first_seconds: float = 0.0

    def with_batch(self, done: BatchDone, seconds: float) -> RunTally:
        """With one more batch, fitted so many seconds after the start."""
        more = replace(
            self, num_people=self.num_people + done.num_people, num_batches=self.num_batches + 1, seconds=seconds
        )
        if self.num_batches and seconds > self.first_seconds:
            return more
        return replace(more, first_people=self.first_people + done.num_people, first_seconds=seconds)

    @property
    def fits_per_second(self) -> float | None:
        """Of the whole job, without those fitted first, who wait for compilation; None if there are no others."""
        seconds = self.seconds - self.first_seconds
        return (self.num_people - self.first_people) / seconds if seconds > 0 else None


@dataclass(frozen=True)
class JobReport:
    """What there is: of all shards once all is there, until then of this one.

    Attributes:
        is_complete: whether all batches of the input are there.
        num_people: that have a row; a person in a frame of a video counts as one.
        num_batches: that are there, of all shards.
        num_batches_planned: that the input makes.
        num_rejected: records of the input without a row.
        statuses: number of people by status name.
        quality: number of people with a body between each two of QUALITY_EDGES.
        num_without_quality: of people with a body, those whose profile or options have no calibrated quality.
        error_percent: number of people with a body between each two of ERROR_EDGES.
        slowest: those of the most solver steps.
        failures: the first without a body.
        rejected: the first records without a row.
        settings: of the job.
        passed_over: number of things in the input that hold no person, by what they are.
        num_tracks: that the rows are of; 0 of people who were fitted by themselves.
        library_versions: number of people by the release of this library that fitted them.
        this_run: what it did.
        exports: what each came to, by name.
    """

    is_complete: bool
    num_people: int
    num_batches: int
    num_batches_planned: int
    num_rejected: int
    statuses: dict[str, int]
    quality: list[int]
    num_without_quality: int
    error_percent: list[int]
    slowest: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    rejected: list[dict[str, str]]
    settings: dict[str, Any]
    passed_over: dict[str, int] = field(default_factory=dict)
    num_tracks: int = 0
    library_versions: dict[str, int] = field(default_factory=dict)
    this_run: RunTally = field(default_factory=RunTally)
    exports: dict[str, Exported] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether every record has a row, every row a body or too few keypoints for one, and every exported one the picture it needs."""
        is_told = {status.name.lower() for status in FitStatus if not status.is_usable} - {"too_few_keypoints"}
        has_failed = any(self.statuses.get(name) for name in is_told)
        return not (self.num_rejected or has_failed or any(one.missing for one in self.exports.values()))

    @property
    def num_with_body(self) -> int:
        """People with a body."""
        return sum(self.statuses.get(status.name.lower(), 0) for status in FitStatus if status.is_usable)

    def entries(self) -> dict[str, Any]:
        """As JSON has it."""
        edges = {"quality_edges": list(QUALITY_EDGES), "error_percent_edges": [*ERROR_EDGES[:-1], None]}
        this_run = {**asdict(self.this_run), "fits_per_second": self.this_run.fits_per_second}
        exports = {name: exported.entries() for name, exported in self.exports.items()}
        counts = {**asdict(replace(self, exports={})), "num_with_body": self.num_with_body}
        return {**counts, **edges, "this_run": this_run, "exports": exports}


def make_report(folder: JobFolder, counted: InputCount, shard: Shard, tally: RunTally) -> JobReport:
    """Read what there is. Of a thousand shards, only the last reads what all have written."""
    done = folder.done()
    is_complete = done == set(range(counted.num_batches))
    numbers = sorted(number for number in done if is_complete or shard.has(number))
    statuses: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    quality, error = np.zeros(len(QUALITY_EDGES) - 1, int), np.zeros(len(ERROR_EDGES) - 1, int)
    num_without_quality = 0
    tracks = _Tracks()
    slowest: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for batch in (batch for number in numbers for batch in read_fits(folder.part(number), _COLUMNS)):
        statuses.update(str(name) for name in batch.texts("status_name"))
        versions[batch.provenance.library_version] += len(batch)
        tracks.add(batch)
        is_usable, scores = batch.is_usable, batch.array("quality")
        is_scored = np.isfinite(scores) & is_usable
        num_without_quality += int((is_usable & ~is_scored).sum())
        quality += np.histogram(scores[is_scored], QUALITY_EDGES)[0]
        error += np.histogram(batch.array("error_percent")[is_usable], ERROR_EDGES)[0]
        most = np.argsort(-batch.array("num_steps"), kind="stable")[:NUM_SLOWEST]
        slowest = heapq.nlargest(NUM_SLOWEST, [*slowest, *_people(batch, most)], key=lambda person: person["num_steps"])
        failures += _people(batch, np.flatnonzero(~is_usable)[: NUM_LISTED - len(failures)])
    return JobReport(
        is_complete=is_complete,
        num_people=statuses.total(),
        num_batches=len(done),
        num_batches_planned=counted.num_batches,
        num_rejected=counted.num_rejected,
        statuses={status.name.lower(): statuses[status.name.lower()] for status in FitStatus},
        quality=quality.tolist(),
        num_without_quality=num_without_quality,
        error_percent=error.tolist(),
        slowest=slowest,
        failures=failures,
        rejected=list(islice(folder.rejections(), NUM_LISTED)),
        settings=folder.settings(),
        passed_over=counted.passed_over,
        num_tracks=tracks.count,
        library_versions=dict(versions),
        this_run=tally,
    )


class _Tracks:
    """Counts tracks, whose rows follow each other.

    Attributes:
        count: of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last: tuple[str | None, str | None] = (None, None)

    def add(self, batch: FitBatch) -> None:
        for track in zip(batch.texts("video"), batch.texts("track_id"), strict=True):
            self.count += track[0] is not None and track != self._last
            self._last = track


def write_report(folder: JobFolder, report: JobReport) -> None:
    """Write report.json and report.html."""
    with atomic_write(folder.path / "report.json") as file:
        file.write(
            json.dumps(report.entries(), indent=2, ensure_ascii=False, allow_nan=False).encode(
                errors="backslashreplace"
            )
            + b"\n"
        )
    with atomic_write(folder.path / "report.html") as file:
        file.write(page(report.entries()).encode(errors="replace"))


def _people(batch: FitBatch, indices: Sequence[int] | np.ndarray) -> Iterator[dict[str, Any]]:
    """What a report lists of some people."""
    if not len(indices):
        return
    texts = {name: batch.texts(name) for name in ("id", "file", "position")}
    numbers = {name: batch.array(name) for name in ("status", "quality", "error_percent", "num_steps")}
    for index in indices:
        status = FitStatus(int(numbers["status"][index]))
        yield {
            **{name: column[index] for name, column in texts.items()},
            "status": status.name.lower(),
            "sentence": status.sentence,
            "num_steps": int(numbers["num_steps"][index]),
            "quality": _finite(numbers["quality"][index]),
            "error_percent": _finite(numbers["error_percent"][index]),
        }


def _finite(number: float) -> float | None:
    return round(float(number), 4) if np.isfinite(number) else None
