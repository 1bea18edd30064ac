"""People of one layout, fitted some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.execution.batching import largest_batches
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.result import FitResult


def fit_people(people: Sequence[PersonInput], fitter: PeopleFitter) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody and yield each person with their result, in the order of their layouts."""
    in_layouts = sorted(people, key=lambda person: person.layout)
    for _, group in groupby(in_layouts, key=lambda person: person.layout):
        members = list(group)
        # A call for each of the largest batches, so that the first results come soon.
        for rows in largest_batches(len(members)):
            result = fitter.fit([_row(person) for person in members[rows]])
            for index, person in enumerate(members[rows]):
                yield person, result[index]


def _row(person: PersonInput) -> DatasetRow:
    width, height = map(float, person.image_size)
    return DatasetRow(
        person.name,
        clean_keypoints(person.keypoints),
        person.layout,
        file=str(person.source),
        position=person.name,
        image_size=None if np.isnan([width, height]).any() else (width, height),
    )
