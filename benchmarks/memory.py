"""Memory per person: according to XLA's analysis of the compiled program, and from the peak memory of the process."""

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
    """KB per person: the increase of the compiled program's memory, and the process's peak for a large number of people.

    The first is exact. The second includes everybody's keypoints and results, and one batch of the size that `fit` uses.
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
    """Memory of the program that fits this many people, in bytes: its arguments, results and temporaries."""
    jax.clear_caches()
    gc.collect()  # removes earlier programs of the same name
    ready_fit(*draw_keypoints(layout, num_people), layout, None)
    stats = fit_program().get_compiled_memory_stats()
    return stats.argument_size_in_bytes + stats.output_size_in_bytes + stats.temp_size_in_bytes


def fit_program() -> Any:
    """XLA's executable that fits people; there must be only one."""
    programs = jax.devices()[0].client.live_executables()
    fits = [program for program in programs if program.hlo_modules()[0].name == _PROGRAM]
    if len(fits) != 1:
        raise RuntimeError(
            f"{len(fits)} compiled programs are called {_PROGRAM}: expected only the one that was just called."
        )
    return fits[0]


def _peak_growth(layout: str, num_people: int) -> float | None:
    """Peak growth of the process during a fit, in bytes; None if the system does not report it.

    The program must be compiled, but no earlier call may have been as large: freed memory is not always returned and would hide the growth.
    """
    people = draw_keypoints(layout, num_people)
    ready_fit(*draw_keypoints(layout, _MANY), layout, None)
    try:
        # Linux: reset the peak, which so far is mostly due to compilation.
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
