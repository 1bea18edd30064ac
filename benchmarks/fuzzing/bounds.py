"""What one input may take, and what a fuzzed process shares with the one that watches it."""

from __future__ import annotations

import mmap
import struct
from dataclasses import astuple, dataclass, field
from pathlib import Path

from benchmarks.fuzzing.choices import MAX_LENGTH


@dataclass(frozen=True)
class Bounds:
    """What reading one input may take.

    Attributes:
        seconds: of a processor, as others may keep the machine busy.
        megabytes: by which the process may grow meanwhile.
    """

    seconds: float = 2.0
    megabytes: float = 300.0


@dataclass
class Tally:
    """What became of the inputs so far.

    Attributes:
        inputs: that were begun.
        accepted: in which the reader found something to use.
        refused: in which it found nothing, and said so.
        seconds: since the first input.
        worst_seconds: of a processor, for one input.
        worst_megabytes: by which the process grew at most during one input.
    """

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    worst_seconds: float = 0.0
    worst_megabytes: float = 0.0

    def add(self, other: Tally) -> None:
        """Count the inputs of another process too."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        self.refused += other.refused
        self.seconds += other.seconds
        self.worst_seconds = max(self.worst_seconds, other.worst_seconds)
        self.worst_megabytes = max(self.worst_megabytes, other.worst_megabytes)


_STATE = struct.Struct(f"<?d3q3dH{MAX_LENGTH}s")


@dataclass(frozen=True)
class State:
    """What a fuzzed process is at.

    Attributes:
        is_reading: whether it is reading an input.
        cpu_seconds: that the process had used when it began with the input.
        tally: up to this input.
        choices: of the input.
    """

    is_reading: bool = False
    cpu_seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    choices: bytes = b""


class SharedState:
    """The state in a file that outlives the process, whatever kills it."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if it is not there."""
        is_new = not path.exists()
        if is_new:
            path.write_bytes(bytes(_STATE.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _STATE.size)
        if is_new:
            self.set(State())

    def set(self, state: State) -> None:
        """Say what comes next."""
        numbers = (state.is_reading, state.cpu_seconds, *astuple(state.tally), len(state.choices))
        self._memory[:] = _STATE.pack(*numbers, state.choices)

    def get(self) -> State:
        """What was said last."""
        is_reading, cpu_seconds, *numbers, length, choices = _STATE.unpack(self._memory[:])
        return State(is_reading, cpu_seconds, Tally(*numbers), choices[:length])
