"""`fit_dataset`: everybody of a data set, fitted into a folder, restartable at any moment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from smplify_jax.datasets.exports import export_fits, get_export
from smplify_jax.datasets.exports.options import ExportOptions
from smplify_jax.datasets.job.engine import Engine, LocalEngine
from smplify_jax.datasets.job.fingerprint import fingerprint
from smplify_jax.datasets.job.fitter import BatchFitter, PeopleFitter
from smplify_jax.datasets.job.folder import JobFolder
from smplify_jax.datasets.job.intake import Intake, JobInput
from smplify_jax.datasets.job.lock import job_lock, remove_old_locks
from smplify_jax.datasets.job.plan import Shard
from smplify_jax.datasets.job.progress import followed
from smplify_jax.datasets.job.report import JobReport, RunTally, make_report, write_report
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.formats.registry import check_format

BATCH_SIZE = 256

_WHOLE = Shard()
_NO_READ_OPTIONS = ReadOptions()


def fit_dataset(
    input: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    format: str | None = None,
    read: ReadOptions = _NO_READ_OPTIONS,
    fitter: BatchFitter | None = None,
    batch_size: int = BATCH_SIZE,
    box_factor: float | None = None,
    shard: Shard = _WHOLE,
    engine: Engine | None = None,
    resume: bool = False,
    accept_version: bool = False,
    exports: Sequence[str] = (),
    export_options: ExportOptions | None = None,
    shows_progress: bool = False,
) -> JobReport:
    """Fit everybody in a data set, and write a Parquet file a batch to OUT/parquet, in the columns of `fits_table`.

    Killed at any moment and called again with `resume`, it goes on: files that are there are kept, and at most the batches that were being
    fitted are fitted anew. What it ends with depends neither on how often that happened nor on the number of shards. The number of cores
    changes last digits.

    Args:
        input: a file or folder that `read_dataset` reads.
        out: folder for the results; made if need be.
        format: of the input; by default recognised.
        read: what the files do not say.
        fitter: fits the batches; by default a `PeopleFitter` with its defaults.
        batch_size: people of a batch, and so of a file; fewer in the last of each kind, as `plan_batches` sorts them.
        box_factor: how much larger than the input's boxes the crops of the exports are; by default as the kind of box needs, see
            `fits_table`. An export may say otherwise later.
        shard: the part of the job to do. Shards may have one folder, at the same time or not.
        engine: who fits; by default this process.
        resume: go on if there are results in the folder already. The input may lie elsewhere than before, if it holds the same.
        accept_version: go on also with what another release of this library has fitted; the files of fits say which.
        exports: keys of EXPORTS, written to OUT/NAME when all batches are there.
        export_options: of these.
        shows_progress: count on stderr: drawn on a terminal, a line every half minute elsewhere.

    Returns:
        What there is now; also in OUT/report.json and OUT/report.html once all batches are there.

    Raises:
        InputError: an argument cannot be used, the folder holds other results or another process is at work in it, the input cannot be read
            or the results cannot be written. What concerns one person is in `rejected.jsonl`, or in their status. If nobody was fitted yet,
            the folder is left as it was.
    """
    require_arrow()
    source, folder = JobInput(Path(input), format, read), JobFolder(Path(out))
    _check(source, folder, batch_size, exports)
    fitter = PeopleFitter() if fitter is None else fitter
    settings = _settings(source, fitter, batch_size, box_factor)
    with job_lock(folder.path, shard):
        with _free_if_nobody_was_fitted(folder, shard):
            folder.begin(settings, lambda: fingerprint(source.path), shard, resume, accept_version)
            intake = Intake(source, folder, fitter, batch_size, shard)
            engine = LocalEngine() if engine is None else engine
            tally, start = RunTally(), time.perf_counter()
            for done in followed(engine.run(intake, box_factor), intake, shows_progress):
                tally = tally.with_batch(done, done.fitted_at - start)
        return _ended(folder, shard, tally, exports, export_options)


def _ended(
    folder: JobFolder, shard: Shard, tally: RunTally, exports: Sequence[str], export_options: ExportOptions | None
) -> JobReport:
    """The report, and what is written when all batches are there."""
    counted = folder.input_count()
    folder.check_parts(number for number in range(counted.num_batches) if shard.has(number))
    report = make_report(folder, counted, shard, tally)
    if report.is_complete:
        folder.gather_checksums()
        write_report(folder, report)
        folder.remove_leftovers()
        remove_old_locks(folder.path)
    if report.is_complete and report.num_people and exports:
        exported = {name: export_fits(folder.parts, name, folder.path / name, export_options) for name in exports}
        report = replace(report, exports=exported)
        write_report(folder, report)
    return report


@contextmanager
def _free_if_nobody_was_fitted(folder: JobFolder, shard: Shard) -> Iterator[None]:
    """Leave the folder as it was if the job fails before it has fitted anybody; other shards may have begun in it."""
    is_begun = (folder.path / "job.json").exists()
    try:
        yield
    except BaseException:
        if shard.count == 1:
            folder.abandon(is_begun=is_begun)
        raise


def _settings(source: JobInput, fitter: BatchFitter, batch_size: int, box_factor: float | None) -> dict[str, Any]:
    """What must be the same for a job to go on, as JSON has it."""
    read = source.options
    return {
        **fitter.settings(),
        "input": str(source.path.resolve()),
        "format": source.format,
        "layout": read.layout,
        "image_size": None if read.image_size is None else list(read.image_size),
        "image_folder": None if read.image_folder is None else str(read.image_folder.resolve()),
        "batch_size": batch_size,
        "box_factor": box_factor,
    }


def _check(source: JobInput, folder: JobFolder, batch_size: int, exports: Sequence[str]) -> None:
    check_format(source.format)
    for name in exports:
        get_export(name)
    if not source.path.exists():
        raise InputError(f"there is no file or folder {source.path}; check the path.")
    if folder.path.resolve().is_relative_to(source.path.resolve()):
        raise InputError(f"{folder.path}: lies in the input, and would be read as part of it; choose another folder.")
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}: at least one person must be in a batch.")
