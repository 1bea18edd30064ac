"""What a person costs in memory: by XLA's account of the compiled program, and by what the process held at most."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks.draw import draw_keypoints
from benchmarks.timing import ready_fit
from smplify_jax.execution.batching import padded_batches

_PROGRAM = "jit_fit_people"
_FEW, _MANY = 1, 64


def measure_memory(layout: str, batches: Sequence[int]) -> dict[str, float]:
    """KB a person: what the compiled program adds for one more, and what the process held at most with all of a large batch.

    The first is exact. The second has keypoints and results of everybody, and a batch of the size that `fit` goes in.
    """
    few, many = (_program_bytes(layout, num_people) for num_people in (_FEW, _MANY))
    sizes = [len(rows) for num_people in (_FEW, _MANY) for rows, _ in padded_batches(num_people)]
    values = {f"program_kb_per_person/{layout}": (many - few) / (sizes[1] - sizes[0]) / 1000}
    largest = max(batches)
    held = _peak_growth(layout, largest) if largest > _MANY else None
    if held is not None:
        values[f"peak_memory_kb_per_person/{layout}/{largest}"] = held / largest / 1000
    return values


def _program_bytes(layout: str, num_people: int) -> int:
    """What the program that fits so many people needs at once: its arguments, its results, and all in between."""
    jax.clear_caches()
    gc.collect()  # so that the one program of that name is the one that is asked for
    ready_fit(*draw_keypoints(layout, num_people), layout, None)
    stats = fit_program().get_compiled_memory_stats()
    return stats.argument_size_in_bytes + stats.output_size_in_bytes + stats.temp_size_in_bytes


def fit_program() -> Any:
    """The compiled program that fits people, XLA's executable; only one may have been compiled."""
    programs = jax.devices()[0].client.live_executables()
    fits = [program for program in programs if program.hlo_modules()[0].name == _PROGRAM]
    if len(fits) != 1:
        raise RuntimeError(
            f"{len(fits)} compiled programs are called {_PROGRAM}: expected the one that was called just now."
        )
    return fits[0]


def _peak_growth(layout: str, num_people: int) -> float | None:
    """Bytes that the process grew by at most during a fit; None where the system does not tell.

    The program is there, but no call was as large before: memory that one has freed is not always given back, and would hide the next's.
    """
    people = draw_keypoints(layout, num_people)
    ready_fit(*draw_keypoints(layout, _MANY), layout, None)
    try:
        # Linux: forget the peak so far, of which compilation is the most.
        Path("/proc/self/clear_refs").write_text("5")
        before = _status_bytes("VmRSS")
        ready_fit(*people, layout, None)
        return _status_bytes("VmHWM") - before
    except OSError:
        return None


def _status_bytes(name: str) -> int:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    found = re.search(rf"^{name}:\s*(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise OSError(f"no {name} in the status of a process")
    return 1024 * int(found[1])
