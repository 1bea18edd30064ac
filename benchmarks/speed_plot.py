"""The growth plot of a speed report; needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.fit_speed import GROWTH_BATCH
from benchmarks.metric import Report
from smplify_jax import get_layout


def draw_growth(report: Report, path: Path) -> None:
    """Plot fits per second against batch size, and time per fit against the number of keypoints."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    _draw_batches(report, left)
    _draw_keypoints(report, right)
    figure.suptitle(f"{report.machine.get('cpu')}, {report.machine.get('cores')} cores", fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _draw_batches(report: Report, axis: Axes) -> None:
    labels = {
        "fits_per_second": "{}",
        "fits_per_second_4_starts": "{}, 4 searched starts",
        "torch_fits_per_second": "{}, SPIN's recipe in torch",
    }
    for name, label in labels.items():
        for layout, rates in _by_layout(report, name).items():
            # Layouts with a single point are in the plot on the right.
            if len(rates) > 1 or name != "fits_per_second":
                axis.loglog(*zip(*sorted(rates.items()), strict=True), marker="o", label=label.format(layout))
    axis.set(xlabel="people in a call", ylabel="fits per second")
    axis.legend(fontsize="small", loc="center right")


def _draw_keypoints(report: Report, axis: Axes) -> None:
    points = sorted(
        (get_layout(layout).num_keypoints, 1000 / rates[GROWTH_BATCH], layout)
        for layout, rates in _by_layout(report, "fits_per_second").items()
        if GROWTH_BATCH in rates
    )
    axis.plot([num for num, _, _ in points], [time for _, time, _ in points], marker="o")
    for num, time, layout in points:
        axis.annotate(layout, (num, time), textcoords="offset points", xytext=(4, -12), fontsize="small")
    axis.set(xlabel="keypoints", ylabel=f"time a fit, {GROWTH_BATCH} people in a call [ms]", xlim=0, ylim=0)


def _by_layout(report: Report, name: str) -> dict[str, dict[int, float]]:
    """Fits per second by layout and batch."""
    found: dict[str, dict[int, float]] = {}
    for key, value in report.values.items():
        if key.startswith(f"{name}/"):
            _, layout, batch = key.split("/")
            found.setdefault(layout, {})[int(batch)] = value
    return found
