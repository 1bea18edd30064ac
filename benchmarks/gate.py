"""Gate: is a run as fast as a baseline? It compares ratios of times within each run, never times across machines."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.metric import Report, metric_of


@dataclass(frozen=True)
class Verdict:
    """Result of the gate.

    Attributes:
        failures: a sentence for each reason to fail; none if the run passes.
        notes: a sentence for each remark that is no reason to fail.
    """

    failures: tuple[str, ...]
    notes: tuple[str, ...]


def judge(run: Report, baseline: Report) -> Verdict:
    """Compare every metric that has a tolerance and is in both reports.

    A metric in only one of them gets a note, because a run may measure only some metrics. Without any metric in common, the run fails.
    """
    ours, theirs = _gated(run), _gated(baseline)
    common = [key for key in theirs if key in ours]
    failures = [_complaint(key, ours[key], theirs[key]) for key in common if _is_worse(key, ours[key], theirs[key])]
    if not common:
        failures.append(
            "The run and the baseline have no ratio in common, so nothing was compared: measure the same layouts, batches and parts."
        )
    notes = [
        f"{key} is in the baseline and was not measured now, so it was not compared."
        for key in theirs
        if key not in ours
    ]
    notes += [
        f"{key} was measured now and is not in the baseline, so it was not compared: make a new baseline with --json."
        for key in ours
        if key not in theirs
    ]
    differs = [name for name in ("cpu", "cores", "device") if run.machine.get(name) != baseline.machine.get(name)]
    if differs:
        theirs_is = ", ".join(f"{name}: {baseline.machine.get(name)}" for name in differs)
        notes.append(f"The baseline is of another machine ({theirs_is}); ratios may differ for that.")
    return Verdict(tuple(failures), tuple(notes))


def _gated(report: Report) -> dict[str, float]:
    return {key: value for key, value in report.values.items() if metric_of(key).tolerance is not None}


def _is_worse(key: str, value: float, expected: float) -> bool:
    """Whether a value is worse by more than the tolerance; NaN is always worse."""
    metric = metric_of(key)
    tolerance = metric.tolerance or 0.0
    if metric.is_higher_better:
        return not value >= expected * (1 - tolerance)
    return not value <= expected * (1 + tolerance)


def _complaint(key: str, value: float, expected: float) -> str:
    metric = metric_of(key)
    direction = "lower" if metric.is_higher_better else "higher"
    found, allowed = f"{value:.3g} {metric.unit}", f"{metric.tolerance:.0%}"
    return f"{key} is {found}, {abs(value / expected - 1):.0%} {direction} than the baseline's {expected:.3g}; {allowed} is allowed."
