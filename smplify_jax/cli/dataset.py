"""`smplify-fit-dataset`: fit everybody in a data set and export the fits. See `smplify-fit-dataset --help`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smplify_jax.cli.arguments import (
    check_body,
    check_camera,
    check_image_size,
    check_layout,
    check_nothing_is_of_pictures,
    check_track_limits,
    options_of_pictures,
)
from smplify_jax.cli.dataset_export import complain_of_exports, export_line, export_options, run_export
from smplify_jax.cli.dataset_options import DATASET, EXPORT, DatasetCommand, DatasetTrackOptions
from smplify_jax.cli.program import FAILED, OK, WRONG_USAGE, UsageError, wrong_usage
from smplify_jax.cli.shared_options import read_within
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.registry import check_format

EXPORT_WORD = "export"
"""First argument that selects the export command; an input with this name is given as ./export."""

if TYPE_CHECKING:
    from smplify_jax.datasets.job.engine import Engine
    from smplify_jax.datasets.job.fitter import BatchFitter
    from smplify_jax.datasets.job.plan import Shard
    from smplify_jax.datasets.job.report import JobReport


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line; by default that of this process.
    Returns:
        Exit status: 0; 1 if some records were rejected or could not be fitted, or the job stopped; 2 for wrong options.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] != [EXPORT_WORD]:
        return DATASET.run(arguments, _run)
    if Path(EXPORT_WORD).exists() and not any(word.startswith(("--to", "-h", "--help")) for word in words):
        DATASET.complain(f"{EXPORT_WORD} is a command here, and needs --to; the input of that name is ./{EXPORT_WORD}.")
        return WRONG_USAGE
    return EXPORT.run(words[1:], run_export, owns_process=arguments is None)


def check_dataset_command(command: DatasetCommand) -> None:
    """Check what can be checked without opening a file.

    Raises:
        UsageError: there is no folder to write to, or a name or number that no run could use.
    """
    # Imported late: --help should not wait for JAX.
    from smplify_jax.datasets.exports import get_export

    read, job, write = command.read, command.job, command.write
    if write.out is None:
        raise UsageError("Choose a folder for the results, with --out FOLDER.")
    with wrong_usage():
        check_format(read.format)
        for name in write.export:
            get_export(name)
    export_options(command.exports, read.images)
    if min(job.batch_size, job.threads, job.workers or 1) < 1:
        raise UsageError("--batch-size, --threads and --workers must be at least 1.")
    _shard(job.shard)
    read_within(read.read_limit)
    check_image_size(read.image_size)
    check_camera(command.camera)
    check_body(command.body)
    check_layout(read.layout)
    _check_tracks(command)


def _check_tracks(command: DatasetCommand) -> None:
    """Raise UsageError for options of tracks without tracks, for options that tracks do not have, and for numbers out of range."""
    if not command.video.track:
        if command.video != DatasetTrackOptions():
            raise UsageError("--fps, --max-gap and --min-frames are for videos: add --track.")
        return
    check_track_limits(command.video)
    of_pictures = options_of_pictures(command.body, command.camera)
    of_pictures["--min-quality"] = command.exports.min_quality is not None
    check_nothing_is_of_pictures(of_pictures, "leave it out, or leave out --track")


def _shard(text: str | None) -> Shard:
    from smplify_jax.datasets.job.plan import Shard

    with wrong_usage():
        return Shard() if text is None else Shard.parse(text)


def _run(command: DatasetCommand) -> int:
    check_dataset_command(command)
    with read_within(command.read.read_limit):
        return _fit(command)


def _fit(command: DatasetCommand) -> int:
    from smplify_jax.cli.cache import use_compilation_cache
    from smplify_jax.datasets.job.job import fit_dataset
    from smplify_jax.execution.devices import use_all_cores
    from smplify_jax.keypoints.formats.reading import ReadOptions
    from smplify_jax.keypoints.rows import RejectedRow

    read, job, write = command.read, command.job, command.write
    if job.engine == "local":
        # In a process that has already used JAX, use the existing devices.
        with contextlib.suppress(InputError):
            use_all_cores()
    complaint = use_compilation_cache() if job.cache else None
    if complaint:
        DATASET.complain(complaint)
    size = None if read.image_size is None else (float(read.image_size[0]), float(read.image_size[1]))
    assert write.out is not None  # the options were checked
    report = fit_dataset(
        command.input,
        write.out,
        format=read.format,
        read=ReadOptions(read.layout, size, read.images, command.exports.pictures_anywhere),
        fitter=_fitter(command),
        batch_size=job.batch_size,
        box_factor=command.exports.box_factor,
        shard=_shard(job.shard),
        engine=_engine(command),
        resume=job.resume,
        accept_version=job.accept_version,
        exports=write.export,
        export_options=export_options(command.exports, read.images),
        shows_progress=True,
    )
    DATASET.tell(_summary(report, write.out))
    sentences = [RejectedRow(**row).sentence for row in report.rejected]
    DATASET.complain_of_some(sentences, report.num_rejected, str(write.out / "rejected.jsonl"))
    complain_of_exports(DATASET, report.exports.values())
    if not report.num_batches_planned:
        DATASET.complain(f"{command.input}: nobody in it can be fitted.")
    return OK if report.is_clean and report.num_batches_planned else FAILED


def _fitter(command: DatasetCommand) -> BatchFitter:
    from smplify_jax.cli.fitter import people_fitter, track_fitter

    body, camera, known, guesses = command.body, command.camera, command.known, command.read.guess_cameras
    if command.video.track:
        fitter = track_fitter(body, camera, command.video, known, guesses_cameras=guesses)
    else:
        fitter = people_fitter(body, camera, known, guesses_cameras=guesses)
    return replace(fitter, uses_all_devices=True)


def _engine(command: DatasetCommand) -> Engine:
    from smplify_jax.datasets.job.engine import LocalEngine

    if command.job.engine == "local":
        return LocalEngine()
    from smplify_jax.datasets.job.ray_engine import RayEngine

    return RayEngine(command.job.workers, command.job.threads)


def _summary(report: JobReport, out: Path) -> list[str]:
    """The job's results so far, in a few lines."""
    counts = {name: count for name, count in report.statuses.items() if count}
    run, speed = report.this_run, report.this_run.fits_per_second
    rate = "" if speed is None else f", {speed:,.0f} fits/s"
    choices = report.settings.get("tracks")
    who, noun = f"{report.num_people:,} people", "people"
    if choices:
        fps, noun = choices["fps"], "frames"
        who = f"{report.num_people:,} frames of {report.num_tracks:,} tracks, at {fps:g} frames per second (--fps),"
    lines = [
        f"{who} have a row: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()),
        f"{report.num_rejected:,} records were rejected"
        + (f", see {out / 'rejected.jsonl'}" * bool(report.num_rejected)),
        *[f"{count:,} {what} were passed over" for what, count in report.passed_over.items()],
        f"{run.num_people:,} {noun} were fitted in this run, in {run.seconds:,.0f} s{rate}",
    ]
    if report.is_complete:
        lines.append(f"Report: {out / 'report.html'}")
        lines += [export_line(out / name, exported) for name, exported in report.exports.items()]
    else:
        lines.append(
            f"{report.num_batches:,} of {report.num_batches_planned:,} batches are done; report and exports follow when all are."
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
