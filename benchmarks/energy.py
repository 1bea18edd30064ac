"""Which profile finds the lower energy of the same objective: `python -m benchmarks.energy MOTION_FOLDER [--json FILE]`.

The objective is that of the last round of `plain`: the paper's weights, with `transl` free. `plain` minimises it; the bodies that the
published profiles find are evaluated in it unchanged. So this compares searches, not weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.accuracy import NOISE_LEVELS
from benchmarks.measure import print_and_write
from smplify_jax import FitResult, fit, load_body
from smplify_jax.fitting.profiles import PLAIN
from smplify_jax.learn.people import People, PeopleOptions, make_people
from smplify_jax.solver.levenberg_marquardt import SolverOptions

_RIVALS = ("smplify2016", "spin")
_SAME = 1e-3
"""Relative difference of energies below which they count as equal."""


@dataclass(frozen=True)
class Options:
    """Compare energies."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    layouts: tuple[str, ...] = ("openpose25", "coco17")
    json: Path | None = None
    """Also write the table here."""


def energy_of(result: FitResult, people: People) -> np.ndarray:
    """Energy (N,) of fitted bodies under the last round of `plain`, without a step."""
    judge = replace(PLAIN, name="judge", refine=(replace(PLAIN.refine[-1], solver=SolverOptions(max_steps=0)),))
    return np.asarray(fit(**people.as_seen(), body=result.body, profile=judge, init=result).cost)


def measure(folder: Path, layout: str) -> list[dict]:
    """One row per rival, over all noise levels."""
    body = load_body(num_betas=10)
    ours, theirs = [], {name: [] for name in _RIVALS}
    for detector in NOISE_LEVELS.values():
        people = make_people(folder, body, layout, detector, PeopleOptions())
        ours.append(energy_of(fit(**people.as_seen(), body=body, profile="plain"), people))
        for name, found in theirs.items():
            found.append(energy_of(fit(**people.as_seen(), body=body, profile=name), people))
    return [_row(layout, name, np.concatenate(ours), np.concatenate(found)) for name, found in theirs.items()]


def _row(layout: str, rival: str, ours: np.ndarray, theirs: np.ndarray) -> dict:
    ratio = ours / theirs
    return {
        "layout": layout,
        "against": rival,
        "people": len(ours),
        "lower_percent": 100 * float(np.mean(ratio < 1 - _SAME)),
        "higher_percent": 100 * float(np.mean(ratio > 1 + _SAME)),
        "ratio_median": float(np.median(ratio)),
    }


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = [row for layout in chosen.layouts for row in measure(chosen.folder, layout)]
    print_and_write(table, chosen.json)
