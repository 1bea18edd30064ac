"""The process that reads hostile inputs: `python -m benchmarks.fuzzing.child JSON`, started by `benchmarks.fuzzing.watch`."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.bounds import Bounds, SharedState, State, Tally
from benchmarks.fuzzing.choices import MAX_LENGTH, Choices, drawn_bytes

_ADDRESS_SPACE_BYTES = 8 * 2**30
"""Beyond what the process has when it begins: a bound on what is asked for in one go, before anybody could look."""


@dataclass(frozen=True)
class Task:
    """What the process does.

    Attributes:
        target: name of a target.
        folder: for its files, which are removed by whoever made it.
        seed: of the inputs.
        first: number of the first input.
        num_inputs: how many; None for as many as there is time for.
        seconds: after which no further input is begun.
        is_guided: whether atheris chooses the inputs by the lines that earlier ones reached.
        only: choices of a single input to read, in hexadecimal, instead of all that.
        bounds: of one input.
    """

    target: str
    folder: str
    seed: int = 0
    first: int = 0
    num_inputs: int | None = None
    seconds: float = 1e9
    is_guided: bool = False
    only: str | None = None
    bounds: Bounds = field(default_factory=Bounds)


_Wrong = tuple[str, str, str]
"""Kind, detail and signature of a finding."""


class Reader:
    """Reads inputs one by one, and writes down what breaks a promise."""

    def __init__(self, task: Task) -> None:
        """Prepare the target.

        Raises:
            ValueError: it does not accept its own valid inputs, so that nothing could be learned from changing them.
        """
        from benchmarks.fuzzing.targets import get_target

        self._task, self._folder = task, Path(task.folder)
        work = self._folder / "work"
        work.mkdir()
        self._prepared = get_target(task.target)(work)
        for number in range(self._prepared.num_valid):
            choices = Choices(bytes([number]))
            if not self._prepared.read(self._prepared.make(choices), choices):
                raise ValueError(f"the target '{task.target}' does not accept its valid input {number}")
        self._state = SharedState(self._folder / "state")
        self._began = time.monotonic()
        self.tally = Tally()

    def is_over(self) -> bool:
        """Whether no further input is wanted."""
        task = self._task
        is_enough = task.num_inputs is not None and self.tally.inputs >= task.num_inputs
        return is_enough or time.monotonic() - self._began > task.seconds

    def read(self, data: bytes) -> None:
        """Read the input that these bytes choose."""
        choices = Choices(data)
        made = self._prepared.make(choices)
        tally, memory = self.tally, _status("VmRSS:")
        _forget_peak()
        tally.inputs += 1
        began = time.process_time()
        self._state.set(State(True, began, tally, data))
        was_accepted, wrong = self._judged(made, choices)
        seconds, megabytes = time.process_time() - began, _status("VmHWM:") - memory
        tally.accepted += was_accepted
        tally.refused += not was_accepted and wrong is None
        tally.worst_seconds = max(tally.worst_seconds, seconds)
        tally.worst_megabytes = max(tally.worst_megabytes, megabytes)
        tally.seconds = time.monotonic() - self._began
        bounds = self._task.bounds
        if wrong is None and seconds > bounds.seconds:
            wrong = "time", f"{seconds:.1f} s of a processor", ""
        if wrong is None and megabytes > bounds.megabytes:
            wrong = "memory", f"{megabytes:.0f} MB", ""
        if wrong is not None:
            self._write(data, *wrong)
        self._state.set(State(False, began, tally))

    def _judged(self, made: Any, choices: Choices) -> tuple[bool, _Wrong | None]:
        """Whether an input was accepted, and what was wrong with that or with how it was refused."""
        from smplify_jax.errors import InputError

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                was_accepted = self._prepared.read(made, choices)
            except InputError as error:
                return False, _of_message(error) or _of_warnings(caught)
            except BaseException as error:
                return False, _of_exception(error)
        return was_accepted, _of_warnings(caught)

    def _write(self, data: bytes, kind: str, detail: str, signature: str) -> None:
        found = {
            "target": self._task.target,
            "kind": kind,
            "detail": detail,
            "signature": signature,
            "choices": data.hex(),
        }
        with (self._folder / "findings.jsonl").open("a") as file:
            file.write(json.dumps(found) + "\n")


def _of_message(error: Exception) -> _Wrong | None:
    message = str(error)
    odd = sorted({letter for letter in message if not letter.isprintable()})
    if message and not odd:
        return None
    return "message", f"it holds {odd!r}: {message[:300]!r}", traceback.extract_tb(error.__traceback__)[-1].name


def _of_exception(error: BaseException) -> _Wrong:
    """What an exception that is no `InputError` is called, and where it came from: the last lines of our own files."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "smplify_jax" in frame.filename] or list(frames)
    place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-3:]))
    kind = "promise" if type(error).__name__ in ("BrokenPromiseError", "AssertionError") else "exception"
    words = re.sub(r"\d+", "#", str(error))[:40] if kind == "promise" else ""
    lines = "".join(traceback.format_exception(error, limit=-4))[-2000:]
    return kind, lines, f"{type(error).__name__} {place} {words}".strip()


def _of_warnings(caught: list[warnings.WarningMessage]) -> _Wrong | None:
    """The first warning that is not ours to users."""
    for one in caught:
        if not issubclass(one.category, UserWarning):
            place = f"{Path(one.filename).name}:{one.lineno}"
            return "warning", f"{one.category.__name__}: {one.message} ({place})", place
    return None


def _status(name: str) -> float:
    """A size [MB] from /proc."""
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(name.encode()):
                return int(line.split()[1]) / 1024
    return 0.0


def _forget_peak() -> None:
    """Let the peak of memory begin anew at what is held now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _limit_process() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = int(_status("VmSize:") * 2**20) + _ADDRESS_SPACE_BYTES
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _drive(reader: Reader, task: Task) -> None:
    """Read inputs drawn from the seed."""
    number = task.first
    while not reader.is_over():
        reader.read(drawn_bytes(task.seed, task.target, number))
        number += 1


def _drive_guided(reader: Reader, task: Task) -> None:
    """Read inputs that atheris makes of those which reached new lines of the package."""
    atheris: Any = import_module("atheris")

    def read(data: bytes) -> None:
        if reader.is_over():
            os._exit(0)  # libFuzzer would go on
        reader.read(data)

    corpus = Path(task.folder) / "corpus"
    corpus.mkdir(exist_ok=True)
    for number in range(64):
        (corpus / str(number)).write_bytes(drawn_bytes(task.seed, task.target, task.first + number))
    # The bounds are ours, and so is the end.
    flags = [
        "-rss_limit_mb=0",
        "-timeout=100000",
        "-handle_segv=0",
        "-handle_abrt=0",
        "-handle_bus=0",
        "-handle_fpe=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *flags, f"-seed={task.seed + 1}", f"-max_len={MAX_LENGTH}", str(corpus)], read)
    atheris.Fuzz()


def main(text: str) -> None:
    """Run a task."""
    values: dict[str, Any] = json.loads(text)
    values["bounds"] = Bounds(**values["bounds"])
    task = Task(**values)
    drive: Callable[[Reader, Task], None] = _drive
    if task.is_guided and task.only is None:
        atheris: Any = import_module("atheris")
        atheris.instrument_imports(include=["smplify_jax"]).__enter__()  # to the end: targets import when they read
        drive = _drive_guided
    reader = Reader(task)
    _limit_process()
    faulthandler.enable()
    if task.only is not None:
        reader.read(bytes.fromhex(task.only))
    else:
        drive(reader, task)


if __name__ == "__main__":
    main(sys.argv[1])
