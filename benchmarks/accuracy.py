"""Accuracy of fits on synthetic people: `python -m benchmarks.accuracy MOTION_FOLDER [--profiles NAME ...] [--json FILE]`.

The people are those of `smplify_jax.learn.people`: held-out actors, random bodies and cameras; the true focal length is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.measure import accuracy, joined, print_and_write, summarize
from smplify_jax import fit, load_body
from smplify_jax.learn.people import EXACT, LOWER_BODY, Detector, PeopleOptions, make_people

NOISE_LEVELS = {f"{100 * noise:g} %": replace(Detector(), noise=noise) for noise in (0.0, 0.01, 0.02, 0.04)}
"""Realistic detections; the row "all" combines these."""
DETECTORS = {"exact": EXACT} | NOISE_LEVELS | {"2 %, no legs": Detector(noise=0.02, unseen=LOWER_BODY)}
"""Detectors by their names in the table; "exact" has no errors."""


@dataclass(frozen=True)
class Options:
    """Measure accuracy on synthetic people with ground truth."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    profiles: tuple[str, ...] = ("default",)
    layouts: tuple[str, ...] = ("openpose25", "coco17", "lsp14")
    split: str = "val"
    """Split of the motion folder; "hdm05" has other actors and actions."""
    num_starts: int | None = None
    """Search from this many yaw angles, instead of the profile's starts."""
    noise: tuple[str, ...] = tuple(DETECTORS)
    """Rows to measure, such as "2 %"."""
    num_people: int | None = None
    """Measure on this many people, evenly spread over all of them."""
    json: Path | None = None
    """Also write the table here."""


def measure(options: Options, profile: str, layout: str) -> list[dict]:
    """One row per detector, then one over all noise levels."""
    body = load_body(num_betas=10)
    found = {}
    for name in options.noise:
        people = make_people(options.folder, body, layout, DETECTORS[name], PeopleOptions(split=options.split))
        people = people if options.num_people is None else people.subsample(options.num_people)
        result = fit(**people.as_seen(), body=body, profile=profile, num_starts=options.num_starts)
        found[name] = accuracy(result, people, body)
    levels = [errors for name, errors in found.items() if name in NOISE_LEVELS]
    if len(levels) > 1:
        found["all"] = joined(levels)
    return [{"profile": profile, "layout": layout, "noise": name} | summarize(errors) for name, errors in found.items()]


def run(options: Options) -> list[dict]:
    """All rows."""
    return [
        row for profile in options.profiles for layout in options.layouts for row in measure(options, profile, layout)
    ]


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print_and_write(table, chosen.json)
