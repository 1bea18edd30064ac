"""The folder of a job, one of whose files is changed before the job is resumed."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.fuzzing import corpus
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.containers import change_file
from benchmarks.fuzzing.prepared import Prepared
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.job import fit_dataset

_BATCH_SIZE = 16


def prepare(folder: Path) -> Prepared:
    """Do a job; inputs are copies of its folder."""
    people, whole, copy = folder / "people.json", folder / "whole", folder / "copy"
    people.write_bytes(
        corpus.coco()[0].replace(b'"keypoints": [', b'"keypoints": [1e999, ', 1)
    )  # one record is rejected
    fitter = PeopleFitter()
    fit_dataset(people, whole, fitter=fitter, batch_size=_BATCH_SIZE)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())

    def make(choices: Choices) -> Path:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        changed = copy / choices.pick(files)
        changed.write_bytes(change_file(changed.read_bytes(), choices))
        return copy

    def read(path: Path, choices: Choices) -> bool:
        report = fit_dataset(people, path, fitter=fitter, batch_size=_BATCH_SIZE, resume=True)
        return report.num_people > 0

    return Prepared(len(files), make, read)
