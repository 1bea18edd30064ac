"""`load_init`: the bodies that another program predicted, for the people of a keypoint file."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import open_body_version
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.matching import PeopleToMatch, bodies_of_people, match_predictions
from smplify_jax.predictions.read import read_predictions


def load_init(
    path: str | os.PathLike[str], people: KeypointSet, *, first_frame: int | None = None, betas: bool = True
) -> PredictedBodies:
    """Read what a network predicted for some people, as `init` of their fit.

    Args:
        path: what VIBE, PARE, PyMAF, WHAM or 4D-Humans saved (`.pkl`), or arrays of HMR, SPIN, HMR2, CLIFF and their like (`.npz`, `.pkl`).
            Nothing in it is executed.
        people: from `load_keypoints`. Predictions are matched to them by picture or frame, and by their place in it.
        first_frame: number of a video's first frame in the names of its keypoint files; by default 1 if no frame has a smaller number, and
            otherwise 0.
        betas: whether to take the predicted betas, which are SMPL's: False for a body whose betas mean something else, as the open body's.
    Returns:
        (B, ...), NaN for people without a prediction: `fit` starts them as it would without `init`.

    Raises:
        InputError: the file cannot be read or holds no predictions that are known, or none of them is of these people.
    """
    found, everybody = read_predictions(path), people_to_match(people)
    bodies = bodies_of_people(found, match_predictions(found, everybody, first_frame), everybody)
    return bodies if betas else replace(bodies, betas=np.full_like(bodies.betas, np.nan))


def without_foreign_betas(bodies: PredictedBodies, body: BodyModel) -> PredictedBodies:
    """The bodies with unknown betas if an open body is fitted: networks predict SMPL's, which mean something else there."""
    if open_body_version(body.name) is None:
        return bodies
    return replace(bodies, betas=np.full_like(bodies.betas, np.nan))


def people_to_match(people: KeypointSet) -> PeopleToMatch:
    """The people of a keypoint file, and what is known of their pictures."""
    return PeopleToMatch(
        keypoints=list(people.keypoints),
        images=[name or "" for name in people.image_names],
        videos=people.videos,
        frames=people.frames,
        track_ids=people.track_ids,
        image_size=people.image_size.astype(np.float64),
    )


def bodies_of_track(bodies: PredictedBodies, track: KeypointTrack) -> PredictedBodies:
    """Of the bodies of everybody those of a track (T, ...), NaN in frames in which its person was not seen."""
    chosen = bodies[track.people]
    hidden = ~track.is_seen
    return replace(chosen, body_pose=np.where(hidden[:, None], np.float32(np.nan), chosen.body_pose))
