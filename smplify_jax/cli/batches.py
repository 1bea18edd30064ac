"""People of one layout, fitted some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import jax
import numpy as np
from smplify_jax.prior.mixture import PosePrior

from smplify_jax.body.model import BodyModel
from smplify_jax.camera import Camera
from smplify_jax.camera_setup import complete_camera
from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import BodyOptions, CameraOptions
from smplify_jax.fit import fit
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.result import FitResult
from smplify_jax.stages import get_profile

LARGEST_BATCH = 64
"""Throughput hardly grows beyond, and progress shows only between batches."""


def fit_people(
    people: Sequence[PersonInput], body: BodyModel, prior: PosePrior, options: BodyOptions, camera: CameraOptions
) -> Iterator[tuple[PersonInput, FitResult]]:
    """Fit everybody and yield each person with their result, in the order of their layouts."""
    in_layouts = sorted(people, key=lambda person: person.layout)
    for _, group in groupby(in_layouts, key=lambda person: person.layout):
        members = list(group)
        for first in range(0, len(members), LARGEST_BATCH):
            batch = members[first : first + LARGEST_BATCH]
            result = _fit_batch(batch, body, prior, options, camera)
            for index, person in enumerate(batch):
                yield person, result[index]


def _fit_batch(
    batch: Sequence[PersonInput], body: BodyModel, prior: PosePrior, options: BodyOptions, camera: CameraOptions
) -> FitResult:
    # Every batch size is compiled for itself, which takes longer than fitting: fill up to a power of two with copies of
    # the first person, so that there are few sizes and the compilation cache knows them.
    filled = [*batch, *[batch[0]] * (_next_power_of_two(len(batch)) - len(batch))]
    keypoints = np.stack([person.keypoints for person in filled])
    sizes = np.stack([person.image_size for person in filled])
    result = fit(
        keypoints,
        layout=batch[0].layout,
        camera=_cameras(keypoints, sizes, options, camera),
        body=body,
        prior=prior,
        profile=options.profile,
        num_betas=options.num_betas,
        num_starts=options.num_starts,
    )
    return jax.tree.map(np.asarray, result)


def _cameras(keypoints: np.ndarray, sizes: np.ndarray, options: BodyOptions, camera: CameraOptions) -> Camera:
    return complete_camera(
        clean_keypoints(keypoints),
        sizes,
        camera.focal_length,
        None if camera.camera_center is None else np.asarray(camera.camera_center),
        default_focal_length=get_profile(options.profile).focal_length_px,
    )


def _next_power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
