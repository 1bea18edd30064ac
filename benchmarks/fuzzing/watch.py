"""Start the process that reads hostile inputs, end it where an input takes too long or too much, and start it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.fuzzing.bounds import SharedState, Tally
from benchmarks.fuzzing.child import Task

_POLL_SECONDS = 0.05
_SLACK = 5
"""How many times its bounds an input may take before the process is ended; up to there it finds out for itself what was passed."""

_WALL_SECONDS = 60.0
"""For an input that waits without using a processor."""

_PREPARE_SECONDS = 300.0
_MAX_STARTS = 100


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise.

    Attributes:
        target: that read it.
        kind: "exception", "promise", "message", "warning", "time", "memory", "hang" or "crash".
        detail: what happened.
        signature: equal for findings that probably have one cause.
        choices: of the input, in hexadecimal; they make it again.
    """

    target: str
    kind: str
    detail: str
    signature: str
    choices: str


@dataclass
class Outcome:
    """What fuzzing one target gave.

    Attributes:
        tally: of all its processes.
        findings: the first of each kind and signature.
        count: of all inputs that broke a promise.
    """

    tally: Tally = field(default_factory=Tally)
    findings: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if it is new."""
        self.count += 1
        if all((known.kind, known.signature) != (finding.kind, finding.signature) for known in self.findings):
            self.findings.append(finding)


class NotPreparedError(Exception):
    """A target that does not work at all."""


def fuzz_target(task: Task) -> Outcome:
    """Run a task in as many processes as it takes.

    Raises:
        NotPreparedError: the target fails before its first input.
    """
    outcome, folder = Outcome(), Path(task.folder)
    for start in range(_MAX_STARTS):
        own = folder / str(start)
        own.mkdir()
        finding = _watch(replace(task, folder=str(own)))
        for found in _findings(own):
            outcome.add(found)
        if finding is not None:
            outcome.add(finding)
        done = SharedState(own / "state").get().tally
        outcome.tally.add(done)
        left = None if task.num_inputs is None else task.num_inputs - done.inputs
        # The next process goes on behind the input that ended this one.
        task = replace(task, first=task.first + done.inputs, num_inputs=left, seconds=task.seconds - done.seconds)
        if task.is_guided:
            task = replace(task, seed=task.seed + 1)
        if finding is None or task.only is not None or task.seconds <= 0 or left == 0:
            break
    return outcome


def _watch(task: Task) -> Finding | None:
    """Run one process to its end; what ended it, if that was not the end of the task."""
    folder = Path(task.folder)
    state = SharedState(folder / "state")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "benchmarks.fuzzing.child", json.dumps(asdict(task))]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            ended_by = _wait(process, state, task)
        finally:
            process.kill()
            process.wait()
    now, said = state.get(), (folder / "output").read_text(errors="replace")
    if ended_by is None and process.returncode == 0 and not now.is_reading:
        return None
    if not now.is_reading:
        raise NotPreparedError(
            f"the target '{task.target}' ends between inputs ({ended_by or process.returncode}):\n{said[-3000:]}"
        )
    kind, detail = ended_by or ("crash", f"{_ending(process.returncode)}\n{said[-2000:]}")
    return Finding(task.target, kind, detail, _crash_place(said) if kind == "crash" else kind, now.choices.hex())


def _wait(process: subprocess.Popen[bytes], state: SharedState, task: Task) -> tuple[str, str] | None:
    """Wait for a process; end it and say why, if an input passes its bounds by far."""
    began, number, memory = time.monotonic(), 0, 0.0
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        now = state.get()
        held, cpu_seconds = _usage(process.pid)
        if now.tally.inputs != number:
            began, number, memory = time.monotonic(), now.tally.inputs, held
        wall = time.monotonic() - began
        if not now.is_reading:
            if wall > _PREPARE_SECONDS:
                return "hang", f"nothing was read for {wall:.0f} s"
        elif held - memory > _SLACK * task.bounds.megabytes:
            return "memory", f"more than {held - memory:.0f} MB"
        elif cpu_seconds - now.cpu_seconds > _SLACK * task.bounds.seconds or wall > _WALL_SECONDS:
            return "hang", f"not done after {wall:.1f} s, {cpu_seconds - now.cpu_seconds:.1f} s of them on a processor"
    return None


def _usage(process: int) -> tuple[float, float]:
    """Memory [MB] that a process holds, and time of processors [s] that it has used."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return 0.0, 0.0
    ticks = int(fields[11]) + int(fields[12])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, ticks / os.sysconf("SC_CLK_TCK")


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _crash_place(said: str) -> str:
    """The first lines of Python's stack as `faulthandler` prints it."""
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("File ")]
    return " < ".join(line.rpartition("/")[2] for line in lines[:2])


def _findings(folder: Path) -> Iterator[Finding]:
    path = folder / "findings.jsonl"
    for line in path.read_text().splitlines() if path.exists() else []:
        yield Finding(**json.loads(line))
