"""Time of a fit by its parts: `python -m benchmarks.parts [--layout NAME] [--people N] [--starts N]`.

Times come from JAX's profiler and are summed over all threads, so on two cores they are up to twice the wall-clock time. An operation that
XLA fused from several parts counts for the part of its result.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from benchmarks.draw import draw_keypoints
from benchmarks.measure import print_table
from benchmarks.memory import fit_program
from benchmarks.timing import ready_fit
from smplify_jax.terms.objective import TERM_TYPES

PARTS = {
    "network": "proposal network",
    "keypoints": "keypoints of the posed body",
    **{term.__name__: f"{name} term" for name, term in TERM_TYPES.items()},
    "normal equations": "sum of all terms' normal equations",
    "choice": "keeping the better candidate",
    "step": "damped system: factor and solution",
    "compaction": "stragglers back in their places",
    "posterior": "joints and their standard deviation",
}
"""Name in the table by the name of a scope in the program."""

OTHER = "start, loops, report"
_NUM_CALLS = 5


@dataclass(frozen=True)
class Options:
    """Measure the parts of a fit."""

    layout: str = "coco17"
    people: int = 64
    starts: int | None = None
    """Number of searched starts, instead of the network."""


def part_of(operation: str) -> str:
    """The innermost part in an operation's name, which is a path of scopes such as `vmap(network)`."""
    scopes = [scope for scope in re.findall(r"[^/()]+", operation) if scope in PARTS]
    return PARTS[scopes[-1]] if scopes else OTHER


def parts_by_instruction(program: str) -> dict[str, str]:
    """Part by instruction, from a compiled program's text."""
    found = re.findall(r"^\s*(?:ROOT )?%?([\w.\-]+) = .*?op_name=\"([^\"]*)\"", program, re.MULTILINE)
    return {instruction: part_of(operation) for instruction, operation in found}


def measure(options: Options) -> list[dict]:
    """Microseconds per person, by part."""
    people = draw_keypoints(options.layout, options.people)
    ready_fit(*people, options.layout, options.starts)
    part_by_instruction = parts_by_instruction(fit_program().hlo_modules()[0].to_string())
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(_NUM_CALLS):
                ready_fit(*people, options.layout, options.starts)
        (trace,) = Path(folder).rglob("*.trace.json.gz")
        events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    total: Counter[str] = Counter()
    for event in events:
        name = event.get("name", "")
        # The time of loops and branches contains that of their operations, which are counted themselves.
        if event.get("ph") == "X" and name in part_by_instruction and not name.startswith(("while", "cond")):
            total[part_by_instruction[name]] += event["dur"]
    count = _NUM_CALLS * options.people
    rows = [{"part": part, "us_per_person": time / count} for part, time in total.most_common()]
    return [*rows, {"part": "all", "us_per_person": sum(total.values()) / count}]


if __name__ == "__main__":
    print_table(measure(tyro.cli(Options)))
