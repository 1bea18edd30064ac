"""People of one layout, fitted some at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import jax
import numpy as np

from smplify_jax.batching import padded_batches
from smplify_jax.body.model import BodyModel
from smplify_jax.camera import Camera
from smplify_jax.camera_setup import complete_camera
from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import BodyOptions, CameraOptions
from smplify_jax.fitting import fit
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.profiles import get_profile
from smplify_jax.result import FitResult


def fit_people(
    people: Sequence[PersonInput], body: BodyModel, prior: PosePrior, options: BodyOptions, camera: CameraOptions
) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody and yield each person with their result, in the order of their layouts."""
    in_layouts = sorted(people, key=lambda person: person.layout)
    for _, group in groupby(in_layouts, key=lambda person: person.layout):
        members = list(group)
        for rows, count in padded_batches(len(members)):
            batch = [members[row] for row in rows]
            result = _fit_batch(batch, body, prior, options, camera)
            for index, person in enumerate(batch[:count]):
                yield person, result[index]


def _fit_batch(
    batch: Sequence[PersonInput], body: BodyModel, prior: PosePrior, options: BodyOptions, camera: CameraOptions
) -> FitResult:
    keypoints = np.stack([person.keypoints for person in batch])
    sizes = np.stack([person.image_size for person in batch])
    with warnings.catch_warnings():
        # It would count the copies as people, and name arguments of `fit`: the command has said it in its own words.
        warnings.filterwarnings("ignore", "The picture's size is not known")
        result = fit(
            keypoints,
            layout=batch[0].layout,
            image_size=sizes,
            camera=_camera(keypoints, sizes, options, camera),
            body=body,
            prior=prior,
            profile=options.profile,
            num_betas=options.num_betas,
            num_starts=options.num_starts,
        )
    return jax.tree.map(np.asarray, result)


def _camera(
    keypoints: np.ndarray, sizes: np.ndarray, options: BodyOptions, camera: CameraOptions
) -> Camera | Literal["search"] | None:
    """What `fit` is to know of the camera: nothing, if the user says nothing."""
    if camera.search_focal_length:
        return "search"
    if camera.focal_length is None and camera.camera_center is None:
        return None
    cleaned = clean_keypoints(keypoints)
    return complete_camera(
        cleaned,
        sizes,
        camera.focal_length,
        None if camera.camera_center is None else np.asarray(camera.camera_center),
        default_focal_length=get_profile(options.profile).assumed_focal_length(cleaned),
    )
