"""One overlay for several people who were found in one picture; others get an overlay each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.outputs import picture_of
from smplify_jax.cli.report import PersonReport
from smplify_jax.files.images import save_image
from smplify_jax.media.photo import overlay_name
from smplify_jax.result.overlay import draw_fit


def shared_pictures(people: Sequence[PersonInput]) -> frozenset[Path]:
    """The pictures on the command line in which several people were found."""
    counts = Counter(person.image_path for person in people if person.is_detected and person.image_path is not None)
    return frozenset(picture for picture, count in counts.items() if count > 1)


def with_shared_overlays(out: Path, reports: Sequence[PersonReport], pictures: frozenset[Path]) -> list[PersonReport]:
    """Write the overlays of these pictures.

    Args:
        out: folder for the results.
        reports: of everybody; those who got no files are not drawn.
        pictures: with several people each.
    Returns:
        The reports, with the names of the overlays that show their people.
    """
    members: dict[Path, list[PersonReport]] = {picture: [] for picture in sorted(pictures)}
    for report in reports:
        if report.person.image_path in members and report.files:
            members[report.person.image_path].append(report)
    overlays: dict[Path, str] = {}
    for picture, drawn in members.items():
        if not drawn:
            continue
        overlays[picture] = overlay_name(tuple(sorted(report.person.name for report in drawn)), is_shared=True)
        people = jax.tree.map(lambda *leaves: np.stack(leaves), *(report.fitted for report in drawn))
        image, _ = picture_of(drawn[0].person)
        save_image(
            out / overlays[picture], draw_fit(people, np.stack([report.person.keypoints for report in drawn]), image)
        )
    return [
        replace(report, files=(*report.files, overlays[report.person.image_path]))
        if report.files and report.person.image_path in overlays
        else report
        for report in reports
    ]
