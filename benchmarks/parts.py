"""Where a fit's time goes, part by part: `python -m benchmarks.parts [--layout NAME] [--people N] [--starts N]`.

Times are those of JAX's profiler, summed over all threads, so that on two cores they come to up to twice what a clock shows. An operation
that XLA made out of several parts' counts for the part of its result.
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
"""Name of a scope in the program to what the table calls it."""

OTHER = "start, loops, report"
_NUM_CALLS = 5


@dataclass(frozen=True)
class Options:
    """Measure the parts of a fit."""

    layout: str = "coco17"
    people: int = 64
    starts: int | None = None
    """As many searched starts in place of the network."""


def part_of(operation: str) -> str:
    """The innermost part that an operation's name, a path of scopes such as `vmap(network)`, passes through."""
    scopes = [scope for scope in re.findall(r"[^/()]+", operation) if scope in PARTS]
    return PARTS[scopes[-1]] if scopes else OTHER


def parts_by_instruction(program: str) -> dict[str, str]:
    """Instruction to part, from a compiled program's text."""
    found = re.findall(r"^\s*(?:ROOT )?%?([\w.\-]+) = .*?op_name=\"([^\"]*)\"", program, re.MULTILINE)
    return {instruction: part_of(operation) for instruction, operation in found}


def measure(options: Options) -> list[dict]:
    """Microseconds a person, by part."""
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
        # Loops and branches hold what they run, which is counted by itself.
        if event.get("ph") == "X" and name in part_by_instruction and not name.startswith(("while", "cond")):
            total[part_by_instruction[name]] += event["dur"]
    count = _NUM_CALLS * options.people
    rows = [{"part": part, "us_per_person": time / count} for part, time in total.most_common()]
    return [*rows, {"part": "all", "us_per_person": sum(total.values()) / count}]


if __name__ == "__main__":
    print_table(measure(tyro.cli(Options)))
