"""The option --init: what a network predicted for the people of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import StartOptions
from smplify_jax.keypoints.load import places_of
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.load import without_foreign_betas
from smplify_jax.predictions.matching import PeopleToMatch, bodies_of_people, match_predictions
from smplify_jax.predictions.read import read_predictions


def predicted_starts(
    people: Sequence[PersonInput], options: StartOptions, body: BodyModel
) -> tuple[PredictedBodies | None, list[str]]:
    """The bodies that people's fits start from, NaN for who has none, and sentences for the user; None without --init.

    Raises:
        InputError: the file cannot be read, or holds no prediction of these people.
    """
    if options.init is None:
        return None, []
    places = places_of([person.row for person in people], [person.source for person in people])
    everybody = PeopleToMatch(
        keypoints=[person.keypoints for person in people],
        images=[person.image_name or "" for person in people],
        videos=[place.video for place in places],
        frames=np.array([place.frame for place in places], np.int64),
        track_ids=[person.row.track_id for person in people],
        image_size=np.array([person.image_size for person in people], np.float64),
    )
    return matched_starts(options.init, everybody, options.init_first_frame, body)


def matched_starts(
    path: Path, everybody: PeopleToMatch, first_frame: int | None, body: BodyModel
) -> tuple[PredictedBodies, list[str]]:
    """The bodies that people's fits start from, NaN for who has none, and sentences for the user.

    Args:
        path: a file of predictions.
        everybody: that is fitted.
        first_frame: see `match_predictions`.
        body: that is fitted.

    Raises:
        InputError: the file cannot be read, or holds no prediction of these people.
    """
    found = read_predictions(path)
    chosen = match_predictions(found, everybody, first_frame)
    bodies = bodies_of_people(found, chosen, everybody)
    complaints = []
    if (num_without := int((chosen < 0).sum())) > 0:
        complaints.append(
            f"{path} has no prediction for {num_without} of {len(everybody)} people, who are fitted without one."
        )
    used = without_foreign_betas(bodies, body)
    if used is not bodies and np.any(np.nan_to_num(bodies.betas)):
        complaints.append("The predicted betas are SMPL's and are not used: those of an open body mean something else.")
    return used, complaints
