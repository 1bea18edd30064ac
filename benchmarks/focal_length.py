"""Accuracy with an unknown focal length, and the benefit of a search: `python -m benchmarks.focal_length MOTION_FOLDER [--json FILE]`.

The people of `smplify_jax.learn.people`, whose focal lengths are 0.7 to 2 times the picture's diagonal, are fitted with the true one, the
diagonal, the published 5000 px, and `camera="search"`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from benchmarks.accuracy import NOISE_LEVELS
from benchmarks.measure import accuracy, joined, print_and_write, summarize
from smplify_jax import fit, load_body
from smplify_jax.fitting.profiles import PUBLISHED_FOCAL_LENGTH_PX
from smplify_jax.learn.people import People, PeopleOptions, make_people

GUESSES = {"true": "given", "diagonal": None, "5000 px": PUBLISHED_FOCAL_LENGTH_PX, "search": "search"}
"""Argument `camera` of `fit` by the name in the table; "given" stands for each person's true camera."""


@dataclass(frozen=True)
class Options:
    """Measure fits without the focal length."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    layouts: tuple[str, ...] = ("openpose25", "coco17")
    json: Path | None = None
    """Also write the table here."""


def measure(folder: Path, layout: str) -> list[dict]:
    """One row per guess, over all noise levels; `better_percent` counts people with a smaller error than with the diagonal."""
    body = load_body(num_betas=10)
    found: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in GUESSES}
    for detector in NOISE_LEVELS.values():
        people = make_people(folder, body, layout, detector, PeopleOptions())
        for name, camera in GUESSES.items():
            found[name].append(accuracy(fit(**_seen(people, camera), body=body), people, body))
    errors = {name: joined(levels) for name, levels in found.items()}
    by_diagonal = errors["diagonal"]["pa_mpjpe_mm"]
    return [
        {
            "layout": layout,
            "focal length": name,
            "better_percent": 100 * float(np.mean(of["pa_mpjpe_mm"] < by_diagonal)),
        }
        | summarize(of)
        for name, of in errors.items()
    ]


def _seen(people: People, camera: Any) -> dict[str, Any]:
    seen = people.as_seen()
    return seen if camera == "given" else seen | {"camera": camera}


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = [row for layout in chosen.layouts for row in measure(chosen.folder, layout)]
    print_and_write(table, chosen.json)
