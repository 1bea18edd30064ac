"""Fits of single pictures of known people, to learn from which of them are good."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputWarning
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.learn.known_fits import Fits
from smplify_jax.learn.people import LOWER_BODY, Detector, People, PeopleOptions, make_people
from smplify_jax.learn.starts import StartErrors, make_starts
from smplify_jax.learn.wrong_keypoints import WRONG, changed

# Under another name, `fit` neither scales standard deviations nor scores with the existing quality model, which is to be learned here.
_UNSCORED = dataclasses.replace(PROFILES["default"], name="default, not scored")

LAYOUTS = ("coco17", "openpose25", "lsp14")
DETECTORS = (
    Detector(noise=0.0),
    Detector(noise=0.01),
    Detector(noise=0.02),
    Detector(noise=0.04),
    Detector(noise=0.02, unseen=LOWER_BODY),
    Detector(noise=0.01, missing=0.5),
)

GROUPS = {
    "usual": PeopleOptions(),
    "rotated": PeopleOptions(is_any_way_up=True),
    "recombined": PeopleOptions(is_recombined=True),
    "recombined and rotated": PeopleOptions(is_recombined=True, is_any_way_up=True),
    "rare": PeopleOptions(),
    **dict.fromkeys(WRONG, PeopleOptions()),
}
"""Who is fitted: the groups that are named like a change of `WRONG` have keypoints that are wrong in that way."""

_UNUSUAL_FITTED = 0.5
"""Of poses_per_subject: more than their share, so that what is learned and told of them is no chance."""

_RARE_FITTED = 4
"""Times poses_per_subject: they have no actors."""

NUM_STARTS = (2, 4)
"""Directions that searches start from, by turns."""

START_ERRORS_MM = (30.0, 45.0, 60.0, 90.0)
"""Typical PA-MPJPE of other networks' bodies; every second set of people is fitted without saying so."""


def fit_known_people(
    folder: Path, split: str, max_poses_per_subject: int, *, of: Literal["pictures", "starts", "searches"] = "pictures"
) -> Fits:
    """Fit the people of a split, every group under every detector and layout.

    Rare poses of the train split are those that the networks have not learned from either: of people whom they know, fits are better.
    """
    parts = []
    for name, options in GROUPS.items():
        num_poses = max_poses_per_subject if name == "usual" else math.ceil(_UNUSUAL_FITTED * max_poses_per_subject)
        num_rare = _RARE_FITTED * max_poses_per_subject if name == "rare" else 0
        of_split = "score" if num_rare and split == "train" else split
        options = dataclasses.replace(options, split=of_split, max_poses_per_subject=num_poses, num_rare=num_rare)
        parts += _fit_group(folder, name, options, of)
    return Fits.joined(parts)


def _fit_group(folder: Path, name: str, options: PeopleOptions, of: str) -> Iterator[Fits]:
    body = load_body(num_betas=10)
    for row, layout in enumerate(LAYOUTS):
        for seed, detector in enumerate(DETECTORS):
            # Different people for every detector: a pose under six detectors would count as six.
            people = make_people(folder, body, layout, detector, dataclasses.replace(options, seed=seed))
            if name in WRONG:
                people = dataclasses.replace(people, keypoints=changed(people.keypoints, layout, name, seed))
            start = _start(of, people, body, row * len(DETECTORS) + seed)
            with warnings.catch_warnings():
                # Some people are too close to fit into their picture, as in life.
                warnings.simplefilter("ignore", InputWarning)
                result = fit(**people.as_seen(), body=body, profile=_UNSCORED, **start)
            truth = np.asarray(body.joints(**people.truth.blocks()))
            yield Fits.against(result, np.asarray(result.joints_std), truth, name)


def _start(of: str, people: People, body: BodyModel, index: int) -> dict[str, Any]:
    """Choose the arguments of `fit` for a set of people.

    None; a number of directions to start from; or bodies like another network's, and for every second size of error, its size.
    """
    if of == "pictures":
        return {}
    if of == "searches":
        # Not by turns of the detectors alone, whose number is even: each meets every number of directions in some layout.
        return {"num_starts": NUM_STARTS[(index + index // len(DETECTORS)) % len(NUM_STARTS)]}
    error = START_ERRORS_MM[index % len(START_ERRORS_MM)]
    is_told = index // len(START_ERRORS_MM) % 2 == 0
    start = make_starts(people.truth, body, StartErrors(pa_mpjpe_mm=error, seed=index))
    return {"init": start, "init_error": error if is_told else None}
