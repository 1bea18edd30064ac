"""The folder of a job: what is in it says how far the job is.

    job.json           the settings; a job goes on with the same settings only
    parquet/part-N     the fits of batch N; there when they are complete
    input.json         how much the input holds; there when it has been read to its end
    rejected.jsonl     what the input holds besides people that can be fitted; likewise
    report.json, .html there when all fits are

Every file takes its name in one step, and every process of a job would write the same content, so that it does not matter which one does,
or how often.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.datasets.job.plan import Batch, Shard
from smplify_jax.datasets.parquet import FOLDER, read_fits, write_fits
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.datasets.schema import fits_table
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.result import FitResult

_PREFIX, _SUFFIX, _DIGITS = "part-", ".parquet", 8

_FILES = ("job.json", "input.json", "rejected.jsonl", "report.json", "report.html")
"""Those of a job besides its fits and exports."""

_PLACES = ("input", "image_folder")
"""Settings that say where something is."""

_STALE_SECONDS = 600.0
"""No file is written for longer; what is older was left by a process that was killed."""


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
        names = (entry.name for entry in os.scandir(self.parts)) if self.parts.is_dir() else ()
        numbers = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names if name.startswith(_PREFIX))
        return {int(number) for number in numbers if number.isdecimal()}

    def begin(self, settings: dict[str, Any], content: Callable[[], str], shard: Shard, resume: bool) -> None:
        """Make the folder, or go on in it.

        Where nobody has been fitted yet, one process begins anew, whatever an earlier one was told.

        Args:
            settings: of the job.
            content: gives the fingerprint of the input, for which it has to be read.
            shard: the part of the job that is to be done.
            resume: whether there may be results already.

        Raises:
            InputError: there are results and `resume` is not set, they were made with other settings, or nothing can be written here.
        """
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
            entries = {entry.name for entry in os.scandir(self.path)}
        except OSError as error:
            raise InputError(
                f"{self.path}: is no folder for results ({error.strerror}); choose another one."
            ) from error
        if shard.count == 1 and not self.done() and "job.json" in entries:
            entries -= self._forget()
        if not resume:
            self._refuse_results(entries - {FOLDER}, shard)
        if "job.json" not in entries:
            _write_json(self.path / "job.json", {**settings, "input_content": content()})
        # Read in any case: another shard may have written it at the same moment.
        self._check_settings(settings, content)
        self.remove_leftovers(_STALE_SECONDS)

    def abandon(self, *, is_begun: bool, is_new: bool) -> None:
        """Leave nothing behind of a job that this process has begun and in which nobody was fitted, so that another can begin here.

        Args:
            is_begun: whether there was a job before this process; its files stay.
            is_new: whether the folder was not there before.
        """
        if self.done():
            return
        if not is_begun and (self.path / "job.json").exists():
            self._forget()
            self.remove_leftovers()
        for folder in (self.parts, *([self.path] if is_new else [])):
            # Whatever else is in there stays.
            with suppress(OSError):
                folder.rmdir()

    def _forget(self) -> set[str]:
        """Remove what a job without fits has written."""
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        return set(_FILES)

    def _refuse_results(self, entries: Iterable[str], shard: Shard) -> None:
        others = set() if shard.count == 1 else set(_FILES)
        if any(shard.has(number) for number in self.done()) or any(
            name not in others for name in entries if not name.startswith(".")
        ):
            raise InputError(
                f"{self.path}: is not empty; resume the job that was begun there, or choose another folder for this one."
            )

    def _check_settings(self, settings: dict[str, Any], content: Callable[[], str]) -> None:
        begun_with = self.settings()
        names = [name for name in {**begun_with, **settings} if name not in (*_PLACES, "input_content")]
        changed = [name for name in names if begun_with.get(name) != settings.get(name)]
        # Where things are may change; whether they are anywhere may not.
        changed += [name for name in _PLACES if (begun_with.get(name) is None) != (settings.get(name) is None)]
        if changed:
            changes = ", ".join(
                f"{name} was {begun_with.get(name)!r} and is {settings.get(name)!r} now" for name in changed
            )
            raise InputError(
                f"{self.path}: the job was begun with other settings: {changes}; use the same, or another folder."
            )
        is_moved = begun_with.get("input") != settings.get("input")
        if is_moved and begun_with.get("input_content") != content():
            raise InputError(
                f"{self.path}: the job was begun with {begun_with.get('input')}, and {settings.get('input')} does not hold the same: "
                "give what that was, wherever it lies now, or another folder for the results."
            )

    def settings(self) -> dict[str, Any]:
        """The settings that the job was begun with."""
        return _read_json(self.path / "job.json")

    def remove_leftovers(self, older_than: float = 0.0) -> None:
        """Remove the hidden files of killed processes.

        Args:
            older_than: [s] leave younger ones, which others may be writing.
        """
        for folder in (self.path, self.parts):
            for file in folder.glob(".*.part"):
                with suppress(OSError):
                    if time.time() - file.stat().st_mtime >= older_than:
                        file.unlink()

    def write_part(self, batch: Batch, result: FitResult, made_with: Provenance, box_factor: float | None) -> None:
        """Write the fits of a batch.

        Raises:
            InputError: that cannot be done, with the reason.
        """
        write_fits(self.part(batch.number), fits_table(batch.people, result, box_factor), made_with)

    def check_part(self, batch: Batch) -> None:
        """Make sure that a file has the fits of a batch, and not of what the input was before somebody changed it.

        Raises:
            InputError: it has not.
        """
        path = self.part(batch.number)
        found = list(read_fits(path, ("id", "keypoints"), rows_at_a_time=len(batch.people) + 1))
        if len(found) == 1 and found[0].texts("id") == [row.id for row in batch.people]:
            keypoints = np.stack([row.keypoints for row in batch.people]).reshape(len(batch.people), -1)
            if np.array_equal(found[0].array("keypoints"), keypoints.astype(np.float32), equal_nan=True):
                return
        raise InputError(
            f"{path}: holds fits of other people than those that the input has in their place: the input has changed since; "
            "begin anew in another folder."
        )

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
            with self.rejected.open("rb") as file:
                for line in file:
                    yield json.loads(line)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); begin anew in another folder.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not what a job writes; begin anew in another folder.")
    return value
