"""How close fits come to known people: `python -m benchmarks.accuracy MOTION_FOLDER [--json FILE]`.

The people are those of `smplify_jax.learn.people`: held-out actors, drawn bodies and cameras; the true focal length is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from benchmarks.measure import accuracy, print_table, summarize, write_json
from smplify_jax import fit, load_body
from smplify_jax.learn.people import EXACT, Detector, make_people
from smplify_jax.profiles import get_profile

NOISE_LEVELS = (0.0, 0.01, 0.02, 0.04)
DETECTORS = {"exact": EXACT} | {f"{100 * noise:g} %": replace(Detector(), noise=noise) for noise in NOISE_LEVELS}
"""By their name in the table; "exact" has every keypoint where it is."""


@dataclass(frozen=True)
class Options:
    """Measure accuracy on synthetic people with known truth."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of motion capture with its manifest."""
    layouts: tuple[str, ...] = ("coco17", "openpose25", "lsp14")
    profile: str = "default"
    num_starts: int | None = None
    """Instead of the profile's number."""
    noise: tuple[str, ...] = tuple(DETECTORS)
    """Which rows, such as "2 %"."""
    num_people: int | None = None
    """Measure on this many people spread over all of them, instead of all."""
    json: Path | None = None
    """Write the table here too."""


def run(options: Options) -> list[dict]:
    """One row per layout and noise level."""
    body = load_body()
    rows = []
    for layout in options.layouts:
        for name in options.noise:
            people = make_people(options.folder, body, layout, DETECTORS[name])
            people = people if options.num_people is None else people.spread(options.num_people)
            result = fit(
                people.keypoints,
                layout=layout,
                image_size=people.image_size,
                camera=people.camera,
                body=body,
                profile=options.profile,
                num_starts=options.num_starts,
            )
            errors = accuracy(result, people, body)
            rows.append(
                {"profile": options.profile, "starts": options.num_starts or get_profile(options.profile).num_starts}
                | {"layout": layout, "noise": name}
                | summarize(errors, np.asarray(people.poses.is_walking))
            )
    return rows


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print_table(table)
    if chosen.json is not None:
        write_json(chosen.json, table)
