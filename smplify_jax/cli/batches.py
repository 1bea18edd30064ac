"""People of one kind, fitted some at a time."""

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
from smplify_jax.result import FitResult


def fit_people(people: Sequence[PersonInput], fitter: PeopleFitter) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody and yield each person with their result, in the order of their layouts; those with a known camera last."""
    rows = [(person, _row(person, fitter)) for person in people]
    kinds = groupby(sorted(rows, key=lambda one: kind_of(one[1])), key=lambda one: kind_of(one[1]))
    for _, group in kinds:
        members = list(group)
        # A call for each of the largest batches, so that the first results come soon.
        for batch in largest_batches(len(members)):
            result = fitter.fit([row for _, row in members[batch]])
            for index, (person, _) in enumerate(members[batch]):
                yield person, result[index]


def _row(person: PersonInput, fitter: PeopleFitter) -> DatasetRow:
    """The person as they are to be fitted: what the options say of the camera stands above what the file says."""
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
