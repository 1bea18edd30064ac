"""Accuracy of fits on synthetic people: `python -m benchmarks.accuracy MOTION_FOLDER [--profiles NAME ...] [--json FILE]`.

The people are those of `smplify_jax.learn.people`: held-out actors, random bodies and cameras; the true focal length is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from benchmarks.measure import accuracy, joined, print_and_write, summarize
from smplify_jax import fit, load_body
from smplify_jax.learn.known_people import GROUPS
from smplify_jax.learn.people import EXACT, LOWER_BODY, Detector, make_people

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
    group: Literal["usual", "rotated", "recombined", "recombined and rotated"] = "usual"
    """Who is measured: recorded poses, the same any way up, or parts of several recordings put together."""
    frames_per_clip: int = 8
    """Poses of one recording, at most."""
    poses_per_subject: int = 64
    """Poses of one actor, at most."""
    num_starts: int | None = None
    """Search from this many yaw angles, instead of the profile's starts."""
    noise: tuple[str, ...] = tuple(DETECTORS)
    """Rows to measure, such as "2 %"."""
    unseen: tuple[str, ...] = ()
    """Parts of the names of keypoints that are never found, such as "knuckle": with the same errors of the others."""
    num_people: int | None = None
    """Measure on this many people, evenly spread over all of them."""
    num_rare: int = 0
    """Measure on this many people in rare poses (`smplify_jax.learn.rare_poses`) instead, with a row for every family of them."""
    json: Path | None = None
    """Also write the table here."""


def measure(options: Options, profile: str, layout: str) -> list[dict]:
    """One row per detector, then one over all noise levels; of rare poses also one per family over all noise levels."""
    body = load_body(num_betas=10)
    found, families = {}, {}
    for name in options.noise:
        who = replace(
            GROUPS[options.group],
            split=options.split,
            max_frames_per_clip=options.frames_per_clip,
            max_poses_per_subject=options.poses_per_subject,
            num_rare=options.num_rare,
        )
        detector = DETECTORS[name]
        detector = replace(detector, unseen=(*detector.unseen, *options.unseen))
        people = make_people(options.folder, body, layout, detector, who)
        people = people if options.num_people is None else people.subsample(options.num_people)
        result = fit(**people.as_seen(), body=body, profile=profile, num_starts=options.num_starts)
        found[name], families[name] = accuracy(result, people, body), people.poses.actions
    levels = [name for name in found if name in NOISE_LEVELS]
    rows = dict(found)
    if len(levels) > 1:
        rows["all"] = everybody = joined([found[name] for name in levels])
        if options.num_rare:
            family = np.concatenate([families[name] for name in levels])
            rows |= {
                name: {key: values[family == name] for key, values in everybody.items()} for name in sorted(set(family))
            }
    of = "noise or family" if options.num_rare else "noise"
    return [{"profile": profile, "layout": layout, of: name} | summarize(errors) for name, errors in rows.items()]


def run(options: Options) -> list[dict]:
    """All rows."""
    return [
        row for profile in options.profiles for layout in options.layouts for row in measure(options, profile, layout)
    ]


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print_and_write(table, chosen.json)
