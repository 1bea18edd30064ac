"""Group people that can be fitted together, and fit them in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.plan import kind_of
from smplify_jax.execution.batching import largest_batches
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.result import FitResult


def fit_people(
    people: Sequence[PersonInput],
    fitter: PeopleFitter,
    init: PredictedBodies | None = None,
    init_error: str | float | None = None,
) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody; yield each person with their result, sorted by layout, people with a known camera last.

    Args:
        people: to fit.
        fitter: fits them.
        init: (B, ...) the bodies that they start from, NaN for people who have none; by default nobody has one.
        init_error: of these, see `fit`.
    """
    rows = [(number, _row(person, fitter)) for number, person in enumerate(people)]
    kinds = groupby(sorted(rows, key=lambda one: kind_of(one[1])), key=lambda one: kind_of(one[1]))
    for _, group in kinds:
        members = list(group)
        # One call per batch of the largest size, so that the first results come soon.
        for batch in largest_batches(len(members)):
            numbers = [number for number, _ in members[batch]]
            start = None if init is None else init[np.array(numbers)]
            result = fitter.fit([row for _, row in members[batch]], start, init_error)
            for index, number in enumerate(numbers):
                yield people[number], result[index]


def _row(person: PersonInput, fitter: PeopleFitter) -> DatasetRow:
    """The row to fit; the camera options override what the file says about the camera."""
    width, height = map(float, person.image_size)
    is_searched = fitter.searches_focal_length
    return replace(
        person.row,
        id=person.name,
        keypoints=clean_keypoints(person.keypoints),
        image_size=None if np.isnan([width, height]).any() else (width, height),
        focal_length=None if is_searched or fitter.focal_length is not None else person.row.focal_length,
        camera_center=None if is_searched or fitter.camera_center is not None else person.row.camera_center,
    )
