"""From the input to the batches that are still to be fitted, and the record of what cannot be."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

from smplify_jax.datasets.checksums import Checksums
from smplify_jax.datasets.job.fitter import BatchFitter
from smplify_jax.datasets.job.folder import InputCount, JobFolder
from smplify_jax.datasets.job.plan import Batch, Shard, plan_batches
from smplify_jax.datasets.read import read_dataset
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write, explained_write_errors
from smplify_jax.files.budget import Budget, budget, read_under
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


@dataclass(frozen=True)
class JobInput:
    """What is to be fitted.

    Attributes:
        path: a file or folder.
        format: of the files; None to recognise it.
        options: what the files do not say.
        limits: of what a file may ask for, in whatever thread or process it is read; by default those where this is made.
    """

    path: Path
    format: str | None
    options: ReadOptions
    limits: Budget = field(default_factory=budget)

    def rows(self, passed_over: Counter[str] | None = None) -> Iterator[DatasetRow | RejectedRow]:
        """The records, as `read_dataset` gives them; what is passed over is counted."""
        rows = read_dataset(self.path, self.format, replace(self.options, passed_over=passed_over))
        return read_under(self.limits, rows)


@dataclass(frozen=True)
class Intake:
    """How a shard reads its batches.

    Attributes:
        source: the input.
        folder: the job's.
        fitter: what will fit them.
        batch_size: people of a batch.
        shard: which batches are wanted.
    """

    source: JobInput
    folder: JobFolder
    fitter: BatchFitter
    batch_size: int
    shard: Shard

    def batches(self) -> Iterator[Batch]:
        """Read all of the input, and yield the shard's batches whose fits are not there yet.

        At the end of the input, `rejected.jsonl` and `input.json` are written.

        Raises:
            InputError: the input cannot be read, or the fits that are there are not of it.
        """
        done, checksums = self.folder.done(), Checksums(self.folder.path)
        num_people = num_batches = 0
        passed_over: Counter[str] = Counter()
        with _Rejections(self.folder) as rejections:
            planned = plan_batches(
                self.source.rows(passed_over),
                self.batch_size,
                self.fitter.objection,
                rejections.add,
                partial(self.fitter.units, pass_over=lambda what: passed_over.update([what])),
            )
            for batch in planned:
                num_batches += 1
                num_people += len(batch.people)
                if not self.shard.has(batch.number):
                    continue
                if batch.number in done:
                    self.folder.check_part(batch, checksums)
                    continue
                yield batch
            surplus = sorted(number for number in done if number >= num_batches)
            if surplus:
                raise InputError(
                    f"{self.folder.part(surplus[0])}: the input has become shorter since this was written; begin anew in another folder."
                )
            rejections.publish()
        self.folder.write_input_count(InputCount(num_people, num_batches, rejections.count, dict(passed_over)))


class _Rejections:
    """Collects rejected rows in a file without a name, which goes with the process, until all are known.

    Attributes:
        count: of the rows.
    """

    def __init__(self, folder: JobFolder) -> None:
        self.count = 0
        self._path = folder.rejected
        with explained_write_errors(self._path):
            # Without a buffer, closing writes nothing and so cannot fail; rejections are few.
            self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0, dir=folder.path)  # noqa: SIM115  # closed by __exit__

    def __enter__(self) -> _Rejections:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: RejectedRow) -> None:
        self.count += 1
        # A file may give anything for a text, and a reader pass it on.
        texts = {name: value if isinstance(value, str) else repr(value) for name, value in vars(row).items()}
        with explained_write_errors(self._path):
            self._file.write(json.dumps(texts, ensure_ascii=False).encode(errors="replace") + b"\n")

    def publish(self) -> None:
        self._file.seek(0)
        with atomic_write(self._path) as file:
            while block := self._file.read(2**20):
                file.write(block)
