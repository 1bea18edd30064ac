"""Metrics of the speed benchmark with unit, direction and tolerance, and reports of them as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smplify_jax import InputError


@dataclass(frozen=True)
class Metric:
    """One kind of number.

    Attributes:
        unit: "x" for ratios.
        is_higher_better: its direction.
        tolerance: fraction by which it may be worse than the baseline's; None if it depends on the machine as much as on the code, so that
            it is reported but never compared.
    """

    unit: str
    is_higher_better: bool
    tolerance: float | None = None


# Two runs of the same code on a quiet machine differ by some 5 % where both times of a ratio are long, and by 10 to 15 % where one is a
# few milliseconds or another program's (torch, a new process).
_STEADY, _NOISY = 0.15, 0.25

METRICS: dict[str, Metric] = {
    "fits_per_second": Metric("fits/s", is_higher_better=True),
    "fits_per_second_4_starts": Metric("fits/s", is_higher_better=True),
    "cores_busy": Metric("cores", is_higher_better=True),
    "all_cores_fits_per_second": Metric("fits/s", is_higher_better=True),
    "all_cores_busy": Metric("cores", is_higher_better=True),
    "all_cores_fits_per_second_4_starts": Metric("fits/s", is_higher_better=True),
    "all_cores_busy_4_starts": Metric("cores", is_higher_better=True),
    "compile_s": Metric("s", is_higher_better=False),
    "reference_compile_s": Metric("s", is_higher_better=False),
    "command_cold_s": Metric("s", is_higher_better=False),
    "command_warm_s": Metric("s", is_higher_better=False),
    "command_import_s": Metric("s", is_higher_better=False),
    "import_jax_s": Metric("s", is_higher_better=False),
    "peak_memory_kb_per_person": Metric("kB", is_higher_better=False),
    "torch_fits_per_second": Metric("fits/s", is_higher_better=True),
    "scipy_s_per_person": Metric("s", is_higher_better=False),
    "ours_s_per_person": Metric("s", is_higher_better=False),
    # Ratios, and counts of the compiled program: nearly the same on every machine.
    "times_torch": Metric("x", is_higher_better=True, tolerance=_NOISY),
    "times_scipy": Metric("x", is_higher_better=True, tolerance=_NOISY),
    "energy_over_scipy": Metric("x", is_higher_better=False, tolerance=0.01),
    "times_batch_1": Metric("x", is_higher_better=True, tolerance=_NOISY),
    "times_batch_64": Metric("x", is_higher_better=True, tolerance=_STEADY),
    "time_over_keypoints": Metric("x", is_higher_better=False, tolerance=_STEADY),
    "all_cores_gain": Metric("x", is_higher_better=True, tolerance=_STEADY),
    "four_starts_share": Metric("x", is_higher_better=True, tolerance=_STEADY),
    "compile_in_references": Metric("x", is_higher_better=False, tolerance=_NOISY),
    "command_in_jax_imports": Metric("x", is_higher_better=False, tolerance=_NOISY),
    "import_in_jax_imports": Metric("x", is_higher_better=False, tolerance=_NOISY),
    "program_kb_per_person": Metric("kB", is_higher_better=False, tolerance=0.05),
}
"""Metrics by the first part of a measurement's key; docs/performance.md explains them."""


def metric_of(key: str) -> Metric:
    """The metric of a measurement such as "fits_per_second/coco17/64".

    Raises:
        InputError: there is no such metric, for example in a baseline of another release.
    """
    name = key.split("/", 1)[0]
    if name not in METRICS:
        raise InputError(f"there is no metric {name!r} (any more): make a new baseline with --json.")
    return METRICS[name]


@dataclass(frozen=True)
class Report:
    """Measurements of one run.

    Attributes:
        machine: description of the machine.
        values: by key: the metric and what it was measured on, such as "fits_per_second/coco17/64".
    """

    machine: Mapping[str, object]
    values: Mapping[str, float]

    def write(self, path: Path) -> None:
        """Write the report as JSON, each value with its metric."""
        metrics = {key: {"value": value, **vars(metric_of(key))} for key, value in self.values.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": dict(self.machine), "metrics": metrics}, indent=2) + "\n")

    def rows(self) -> list[dict]:
        """Rows for `print_table`."""
        return [
            {"metric": key, "value": _three_digits(v), "unit": metric_of(key).unit} for key, v in self.values.items()
        ]


def read_report(path: Path) -> Report:
    """Read a report that `Report.write` wrote.

    Raises:
        InputError: the file is not such a report.
    """
    try:
        content = json.loads(path.read_text())
        values = {key: float(entry["value"]) for key, entry in content["metrics"].items()}
        return Report(dict(content["machine"]), values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not a report of this benchmark ({type(error).__name__}: {error}); make one with --json."
        ) from None


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
