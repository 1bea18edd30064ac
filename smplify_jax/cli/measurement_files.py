"""The files of `smplify-fit --measurements`: everybody's measurements in one table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smplify_jax.cli.outputs import write_summary
from smplify_jax.cli.report import PersonReport
from smplify_jax.files.atomic import atomic_write
from smplify_jax.measurements.intervals import measured_with_intervals
from smplify_jax.measurements.measured import Measurements

MEASUREMENT_FILES = ("measurements.csv", "measurements.json")

_COLUMNS = ("name", "measurement", "iso_8559_1", "unit", "value", "low", "high")


def write_measurements(out: Path, reports: Sequence[PersonReport]) -> None:
    """Write OUT/measurements.csv and OUT/measurements.json of the people who have a body and were not left out.

    Raises:
        InputError: the body's mesh cannot be measured.
    """
    shown = [report for report in reports if report.status.is_usable and not report.left_out]
    names = [report.person.name for report in shown]
    measured = _measured(shown) if shown else None
    rows = [] if measured is None else _rows(names, measured)
    csv_file, json_file = (out / name for name in MEASUREMENT_FILES)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([_COLUMNS, *rows])
    with atomic_write(csv_file) as file:
        file.write(table.getvalue().encode(errors="backslashreplace"))
    people: dict[str, list[dict[str, object]]] = {name: [] for name in names}
    for name, *cells in rows:
        people[name].append(dict(zip(_COLUMNS[1:], cells, strict=True)))
    write_summary(json_file, {"coverage": None if measured is None else measured.coverage, "people": people})


def _measured(reports: Sequence[PersonReport]) -> Measurements:
    results = [report.fitted for report in reports]
    betas = np.stack([np.asarray(result.betas) for result in results])
    unknown = np.full((betas.shape[1],) * 2, np.nan)
    covariances = [unknown if result.betas_covariance is None else result.betas_covariance for result in results]
    return measured_with_intervals(results[0].body, betas, np.stack([np.asarray(one) for one in covariances]))


def _rows(names: Sequence[str], measured: Measurements) -> list[tuple]:
    """In the order of `_COLUMNS`; numbers with as many digits as mean something."""
    assert measured.low is not None
    assert measured.high is not None
    numbers = np.stack([measured.numbers, measured.low, measured.high], axis=-1)
    return [
        (name, one.name, one.clause or "", one.unit, *(float(f"{number:.4g}") for number in numbers[person, at]))
        for person, name in enumerate(names)
        for at, one in enumerate(measured.definitions)
    ]
