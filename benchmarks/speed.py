"""Speed of fits: `python -m benchmarks.speed [--json FILE] [--gate BASELINE.json] [--plot FILE.png]`.

Needs only shipped data; the torch baseline needs torch (in the extra `smplx`), the plot matplotlib. Compilation is timed separately; each
time is the median of several runs, waiting for each result. docs/performance.md explains the metrics.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro

from benchmarks.all_cores import measure_all_cores
from benchmarks.draw import draw_keypoints
from benchmarks.fit_speed import GROWTH_BATCH, time_fits, time_layouts, time_reference_compilation, time_starts
from benchmarks.gate import judge
from benchmarks.machine import describe_machine, num_cores
from benchmarks.measure import print_table
from benchmarks.memory import measure_memory
from benchmarks.metric import Report, read_report
from benchmarks.ratios import ratios
from benchmarks.scipy_baseline import measure_scipy
from benchmarks.startup import measure_startup
from benchmarks.timing import NUM_PEOPLE, median_seconds
from smplify_jax import InputError

PROGRAM = "benchmarks.speed"
PASSED, FAILED = 0, 1
_TORCH_BATCHES, _MAX_TORCH_RUNS = (1, 64), 3


Part = Literal["fits", "cores", "starts", "keypoints", "compilation", "scipy", "memory", "command", "torch"]


@dataclass(frozen=True)
class Options:
    """Measure the speed of fits."""

    layouts: tuple[str, ...] = ("coco17", "openpose25")
    """The baselines, searched starts and memory are measured with the first one."""
    batches: tuple[int, ...] = (1, 64, 1024, 16384)
    growth_layouts: tuple[str, ...] = ("lsp14", "spin49")
    """Measured with batches of 64 people, for the growth with keypoints."""
    parts: tuple[Part, ...] = (
        "fits",
        "cores",
        "starts",
        "keypoints",
        "compilation",
        "scipy",
        "memory",
        "command",
        "torch",
    )
    runs: int = 5
    scipy_people: int = 3
    json: Path | None = None
    """Write the report here; the committed baseline is benchmarks/results/speed.json."""
    gate: Annotated[Path | None, tyro.conf.arg(metavar="BASELINE.json")] = None
    """Exit with 1 if a ratio is worse than in this report by more than its tolerance."""
    plot: Path | None = None
    """Plot the growth with people and keypoints to this file."""


def run(options: Options) -> Report:
    """Measure all parts, and compute the ratios."""
    jax.config.update(
        "jax_enable_compilation_cache", False
    )  # otherwise an earlier run's programs would not be compiled again
    machine = describe_machine()
    values: dict[str, float] = {}
    for part in options.parts:
        print(f"measuring {part} ...", file=sys.stderr, flush=True)
        values |= _PARTS[part](options)
    return Report(machine, values | ratios(values))


def _fits(options: Options) -> dict[str, float]:
    return time_fits(options.layouts, options.batches, options.runs)


def _cores(options: Options) -> dict[str, float]:
    values: dict[str, float] = {}
    for layout in options.layouts:
        for batch in options.batches:
            if batch >= GROWTH_BATCH:  # smaller batches leave too little work for each core
                values |= measure_all_cores(layout, batch, options.runs)
    return values


def _starts(options: Options) -> dict[str, float]:
    layout = options.layouts[0]
    return time_starts(layout, options.runs) | measure_all_cores(layout, NUM_PEOPLE, options.runs, num_starts=4)


def _keypoints(options: Options) -> dict[str, float]:
    return time_layouts(options.growth_layouts, options.runs)


def _compilation(options: Options) -> dict[str, float]:
    return {"reference_compile_s": time_reference_compilation(options.runs)}


def _memory(options: Options) -> dict[str, float]:
    return measure_memory(options.layouts[0], options.batches)


def _command(options: Options) -> dict[str, float]:
    return measure_startup(options.runs)


def _scipy(options: Options) -> dict[str, float]:
    return measure_scipy(options.layouts[0], options.scipy_people, options.runs)


def _torch(options: Options) -> dict[str, float]:
    if find_spec("torch") is None:
        print("The torch baseline is left out, as torch cannot be found: install the extra smplx.")
        return {}
    from benchmarks.torch_baseline import SpinRecipe, with_threads

    layout, values = options.layouts[0], {}
    recipe, num_runs = SpinRecipe(layout), min(options.runs, _MAX_TORCH_RUNS)
    for batch in sorted(set(options.batches) & set(_TORCH_BATCHES)):
        people = draw_keypoints(layout, batch)
        times = []
        # More threads make one person slower and many faster: use the best number for the baseline.
        for num_threads in sorted({1, num_cores()}):
            with with_threads(num_threads):
                recipe.fit(*people, num_steps=2)
                times.append(median_seconds(partial(recipe.fit, *people), num_runs))
        values[f"torch_fits_per_second/{layout}/{batch}"] = batch / min(times)
    return values


_PARTS: dict[str, Callable[[Options], dict[str, float]]] = {
    "fits": _fits,
    "cores": _cores,
    "starts": _starts,
    "keypoints": _keypoints,
    "compilation": _compilation,
    "scipy": _scipy,
    "memory": _memory,
    "command": _command,
    "torch": _torch,
}


def main() -> int:
    """Run the command.

    Returns:
        Exit status: 0; 1 if the run fails the gate, or the baseline cannot be read.
    """
    options = tyro.cli(Options, prog=f"python -m {PROGRAM}", description=__doc__)
    try:
        baseline = None if options.gate is None else read_report(options.gate)
        report = run(options)
        verdict = None if baseline is None else judge(report, baseline)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return FAILED
    print(", ".join(f"{name} {value}" for name, value in report.machine.items()))
    print_table(report.rows())
    if options.json is not None:
        report.write(options.json)
    if options.plot is not None:
        from benchmarks.speed_plot import draw_growth  # matplotlib is an extra

        draw_growth(report, options.plot)
    if verdict is None:
        return PASSED
    for sentence in (*verdict.notes, *verdict.failures):
        print(sentence)
    print("The gate is passed." if not verdict.failures else "The gate is not passed.")
    return FAILED if verdict.failures else PASSED


if __name__ == "__main__":
    sys.exit(main())
