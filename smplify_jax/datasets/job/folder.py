"""The folder of a job: what is in it says how far the job is.

    job.json           the settings; a job goes on with the same settings only
    parquet/part-N     the fits of batch N; there when they are complete
    input.json         how much the input holds; there when it has been read to its end
    rejected.jsonl     what the input holds besides people that can be fitted; likewise
    checksums/         of the files of fits, a list for each process
    SHA256SUMS         the same in one list; there when all fits are
    report.json, .html likewise

Every file takes its name in one step, and every process of a job would write the same content, so that it does not matter which one does,
or how often.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.datasets.checksums import LISTS, SUMS, Checksums, note, remove_lists
from smplify_jax.datasets.job.plan import Batch, Shard
from smplify_jax.datasets.job.settings import check_settings
from smplify_jax.datasets.parquet import FOLDER, fits_bytes, read_fits, read_provenance
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.datasets.schema import fits_table
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write, remove_unfinished
from smplify_jax.files.plain import open_plain, read_plain
from smplify_jax.result import FitResult

_PREFIX, _SUFFIX, _DIGITS = "part-", ".parquet", 8

_FILES = ("job.json", "input.json", "rejected.jsonl", "report.json", "report.html", SUMS)
"""Those of a job besides its fits and exports."""


@dataclass(frozen=True)
class InputCount:
    """What the whole input holds.

    Attributes:
        num_people: that can be fitted.
        num_batches: that they make.
        num_rejected: records that cannot.
        passed_over: number of things that hold no person, by what they are.
    """

    num_people: int
    num_batches: int
    num_rejected: int
    passed_over: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFolder:
    """The files of a job.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def parts(self) -> Path:
        """The folder of fits."""
        return self.path / FOLDER

    @property
    def rejected(self) -> Path:
        """A line of JSON for each record that cannot be fitted."""
        return self.path / "rejected.jsonl"

    def part(self, number: int) -> Path:
        """The file of a batch's fits."""
        return self.parts / f"{_PREFIX}{number:0{_DIGITS}d}{_SUFFIX}"

    def done(self) -> set[int]:
        """Numbers of the batches whose fits are there."""
        names = os.listdir(self.parts) if self.parts.is_dir() else ()
        numbers = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names if name.startswith(_PREFIX))
        return {int(number) for number in numbers if number.isdecimal()}

    def begin(
        self,
        settings: dict[str, Any],
        content: Callable[[], str],
        shard: Shard,
        resume: bool,
        accept_version: bool = False,
    ) -> None:
        """Make the folder, or go on in it.

        Where nobody has been fitted yet, one process begins anew, whatever an earlier one was told.

        Args:
            settings: of the job.
            content: gives the fingerprint of the input, for which it has to be read.
            shard: the part of the job that is to be done.
            resume: whether there may be results already.
            accept_version: whether these may be of another release of the library.

        Raises:
            InputError: there are results and `resume` is not set, they were made with other settings, or nothing can be written here.
        """
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
            entries = set(os.listdir(self.path))
        except OSError as error:
            raise InputError(
                f"{self.path}: is no folder for results ({error.strerror}); choose another one."
            ) from error
        self.remove_leftovers()
        if shard.count == 1 and not self.done() and "job.json" in entries:
            entries -= self._forget()
        if not resume:
            self._refuse_results(entries - {FOLDER}, shard)
        if "job.json" not in entries:
            _write_json(self.path / "job.json", {**settings, "input_content": content()})
        # Read in any case: another shard may have written it at the same moment.
        check_settings(self.path, self.settings(), settings, content, accept_version=accept_version)

    def abandon(self, *, is_begun: bool) -> None:
        """Leave nothing behind of a job that this process has begun and in which nobody was fitted, so that another can begin here.

        Args:
            is_begun: whether there was a job before this process; its files stay.
        """
        if self.done():
            return
        if not is_begun and (self.path / "job.json").exists():
            self._forget()
            self.remove_leftovers()
        # Whatever else is in there stays.
        with suppress(OSError):
            self.parts.rmdir()

    def _forget(self) -> set[str]:
        """Remove what a job without fits has written."""
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        remove_lists(self.path)
        return {*_FILES, LISTS}

    def _refuse_results(self, entries: Iterable[str], shard: Shard) -> None:
        others = set() if shard.count == 1 else {*_FILES, LISTS}
        if any(shard.has(number) for number in self.done()) or any(
            name not in others for name in entries if not name.startswith(".")
        ):
            raise InputError(
                f"{self.path}: is not empty; resume the job that was begun there, or choose another folder for this one."
            )

    def settings(self) -> dict[str, Any]:
        """The settings that the job was begun with."""
        return _read_json(self.path / "job.json")

    def remove_leftovers(self) -> None:
        """Remove the hidden files of killed processes; those that others are writing stay."""
        for folder in (self.path, self.parts):
            remove_unfinished(folder)

    def write_part(self, batch: Batch, result: FitResult, made_with: Provenance, box_factor: float | None) -> None:
        """Write the fits of a batch.

        Raises:
            InputError: that cannot be done, with the reason.
        """
        made_with = replace(made_with, input_hash=batch.input_hash)
        content, path = fits_bytes(fits_table(batch.people, result, box_factor), made_with), self.part(batch.number)
        note(self.path, path, content)
        if not self.parts.is_dir():
            raise InputError(self._gone())
        with atomic_write(path) as file:
            file.write(content)

    def check_part(self, batch: Batch, checksums: Checksums) -> None:
        """Make sure that a file is as it was written, and has the fits of a batch, not of what the input was before somebody changed it.

        Raises:
            InputError: it is not, or has not.
        """
        path = self.part(batch.number)
        checksums.check(path)
        fitted_of = read_provenance(path).input_hash
        if fitted_of == batch.input_hash:
            return
        is_of_them = self._is_of(batch)
        if is_of_them and not fitted_of:
            return  # an earlier release did not note more
        what = (
            "holds fits of people of whom the input says something else now (layout, names, the picture's size, the box or the camera)"
            if is_of_them
            else "holds fits of other people than those that the input has in their place"
        )
        raise InputError(
            f"{path}: {what}: the input has changed since; give what it was, or begin anew in another folder."
        )

    def check_parts(self, numbers: Iterable[int]) -> None:
        """Make sure that the batches of those numbers, which this process has fitted or found, are there.

        Raises:
            InputError: they are not.
        """
        if set(numbers) - self.done():
            raise InputError(self._gone())

    def _gone(self) -> str:
        return (
            f"{self.parts}: somebody has removed it, or files in it, while the job was at work; resume the job, which fits what is missing "
            "anew."
        )

    def _is_of(self, batch: Batch) -> bool:
        """Whether ids and keypoints are those of a batch."""
        found = list(read_fits(self.part(batch.number), ("id", "keypoints"), rows_at_a_time=len(batch.people) + 1))
        if len(found) != 1 or found[0].texts("id") != [row.id for row in batch.people]:
            return False
        keypoints = np.stack([row.keypoints for row in batch.people]).reshape(len(batch.people), -1)
        return np.array_equal(found[0].array("keypoints"), keypoints.astype(np.float32), equal_nan=True)

    def gather_checksums(self) -> None:
        """Put the sums of all files into one list: the job is complete."""
        Checksums(self.path).gather([self.part(number) for number in self.done()])

    @property
    def is_input_counted(self) -> bool:
        """Whether the input has been read to its end, by this process or another."""
        return (self.path / "input.json").exists()

    def input_count(self) -> InputCount:
        """What the input holds.

        Raises:
            InputError: it has not been read to its end.
        """
        return InputCount(**_read_json(self.path / "input.json"))

    def write_input_count(self, count: InputCount) -> None:
        """Say that the input has been read to its end."""
        _write_json(self.path / "input.json", asdict(count))

    def rejections(self) -> Iterator[dict[str, str]]:
        """What `rejected.jsonl` has."""
        if self.rejected.exists():
            with open_plain(self.rejected) as file:
                for line in file:
                    yield json.loads(line)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        # What of a file's name is no UTF-8 becomes an escape of JSON's.
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path))
    except (InputError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); begin anew in another folder.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not what a job writes; begin anew in another folder.")
    return value
