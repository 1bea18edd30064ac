"""People of one layout, fitted some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from smplify_jax.batching import padded_batches
from smplify_jax.cli.inputs import PersonInput
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.rows import DatasetRow
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.result import FitResult


def fit_people(people: Sequence[PersonInput], fitter: PeopleFitter) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody and yield each person with their result, in the order of their layouts."""
    in_layouts = sorted(people, key=lambda person: person.layout)
    for _, group in groupby(in_layouts, key=lambda person: person.layout):
        members = list(group)
        # In the batches that `fit` goes in: with fewer people it would be slower, and with more the first results would come later.
        for rows, is_person in padded_batches(len(members)):
            result = fitter.fit([_row(members[row], is_one) for row, is_one in zip(rows, is_person, strict=True)])
            for index in np.flatnonzero(is_person).tolist():
                yield members[rows[index]], result[index]


def _row(person: PersonInput, is_person: bool) -> DatasetRow:
    """The person, or somebody like them of whom nothing is seen."""
    width, height = map(float, person.image_size)
    keypoints = clean_keypoints(person.keypoints)
    return DatasetRow(
        person.name,
        keypoints if is_person else np.zeros_like(keypoints),
        person.layout,
        file=str(person.source),
        position=person.name,
        image_size=None if np.isnan([width, height]).any() else (width, height),
    )
