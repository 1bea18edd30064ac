"""The entry point: keypoints in, bodies out. The one jit is here."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import setup_camera, size_rows
from smplify_jax.execution import compilation
from smplify_jax.execution.batching import padded_batches
from smplify_jax.execution.devices import Device, shard
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.arguments import (
    check_anchor,
    check_body,
    check_camera_word,
    check_count,
    check_profile,
    given_body,
    given_devices,
    given_people,
    given_prior,
)
from smplify_jax.fitting.focal_search import search_focal_length
from smplify_jax.fitting.initialization import anchor_from_init, start_from_init
from smplify_jax.fitting.person import Person, Setup
from smplify_jax.fitting.plausibility import is_plausible
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.program import fit_people
from smplify_jax.fitting.setup import FitChoices, num_fitted_joints, setup_fit
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult


def fit(
    keypoints: ArrayLike | KeypointSet,
    *,
    layout: str | Layout | None = None,
    image_size: ArrayLike | None = None,
    camera: Camera | ArrayLike | Sequence[Camera] | Literal["search"] | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    init: BodyParameters | FitResult | None = None,
    init_precision: BodyParameters | ArrayLike | None = None,
    anchor: Literal["proposal"] | None = "proposal",
    profile: str | Profile = "default",
    num_betas: int = 10,
    num_starts: int | None = None,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """Fit the body to 2D keypoints: one person, or a batch by the leading axis.

    Each person is fitted on their own: one person's bad input changes nothing for the others. The caller's arrays are never written.

    Args:
        keypoints: (K, 3) or (B, K, 3): x, y [px], confidence (0 = not seen); see `is_observed` for all marks of "not found". Or what
            `load_keypoints` returns, which brings its layout and the pictures' sizes along.
        layout: what the K keypoints are: a name such as "coco17", or a Layout.
        image_size: (2,) or (B, 2) width and height of the picture [px].
        camera: a focal length [px], a pair of them along x and y, a 3x3 matrix K, or a Camera; or of each person: (B, 1) or (B, 2) focal
            lengths, (B, 3, 3), or a list of Cameras. By default the focal length is the picture's diagonal and the principal point its
            centre. "search" tries a few focal lengths and keeps the fit of least energy.
        body: the open body by default. A path is read anew for every call: give what `load_body` returns where there are many.
        prior: the shipped pose prior by default.
        init: parameters to start from, such as another network's prediction, batched like the keypoints; replaces the profile's start.
        init_precision: how sure `init` is, as inverse variances; the fit is then anchored to it. One number for all of body_pose
            [1/rad^2], or BodyParameters of such numbers, shaped like `init`, of which body_pose and betas count.
        anchor: None lets the fit go where it will, whatever was proposed or given.
        profile: the recipe.
        num_betas: how many shape coefficients to fit.
        num_starts: search from that many yaw angles instead of starting from the profile's proposal.
        devices: shard people over these, all of one kind, such as `jax.devices()`; by default all are on JAX's default device. On CPU see
            `use_all_cores`.
    Returns:
        FitResult, batched like the keypoints.

    Raises:
        InputError: an argument cannot be used at all. What concerns one person is told by that person's status instead.
    """
    check_process()
    # Numbers that overflow or are no numbers are told by statuses, not by NumPy.
    with usual_flags(), np.errstate(all="ignore"):
        cleaned, layout, image_size, is_single = given_people(keypoints, layout, image_size)
        check_profile(profile)
        profile = get_profile(profile)
        body = given_body(body, num_betas)
        check_body(body, layout, profile, num_betas)
        if num_starts is not None:
            check_count("num_starts", num_starts)
        check_anchor(anchor)
        check_camera_word(camera)

        num_people, num_joints = len(cleaned), num_fitted_joints(body)
        shard_devices = given_devices(devices)
        start = None if init is None else start_from_init(init, num_people, num_joints, num_betas, is_single)
        setup = setup_fit(
            FitChoices(
                layout,
                profile,
                body,
                given_prior(prior),
                num_betas,
                num_starts,
                init is not None,
                anchor is not None,
                shard_devices,
            )
        )
        is_searched = isinstance(camera, str)
        cameras = setup_camera(
            None if isinstance(camera, str) else camera,
            cleaned,
            image_size,
            None if is_searched else profile.assumed_focal_length(cleaned),
        )
        sizes = size_rows(image_size, num_people)
        people = Person(
            keypoints=cleaned,
            camera=cameras,
            image_size=sizes.astype(np.float32),
            is_plausible=is_plausible(cleaned, cameras, sizes),
            is_focal_length_known=np.full(num_people, camera is not None),
            start=start,
            anchor=anchor_from_init(start, init_precision),
        )

        def fit_all(people: Person) -> FitResult:
            return FitResult(**_fit_in_batches(setup, people, shard_devices), body=body, layout=layout.name)

        result = search_focal_length(fit_all, people) if is_searched else fit_all(people)
        return result[0] if is_single else result


@lru_cache(maxsize=4)
def _program(devices: tuple[Device, ...]) -> Callable[[Setup, Person], dict]:
    """`fit_people`, compiled; over several devices each has a part of the people, and its own number of steps."""
    if devices:
        return compilation.jit(exact_products(shard(fit_people, devices)))
    return compilation.jit(exact_products(fit_people), keeps_traces=True)


def _fit_in_batches(setup: Setup, people: Person, devices: tuple[Device, ...]) -> dict:
    """`fit_people` in batches of a few sizes, so that it is compiled for these alone, however many people there are."""
    if not len(people.keypoints):
        nobody = jax.tree.map(lambda leaf: np.zeros((1, *np.shape(leaf)[1:]), leaf.dtype), people)
        return jax.tree.map(lambda leaf: leaf[:0], _fit_in_batches(setup, nobody, devices))
    program = _program(devices)
    parts = []
    for rows, is_person in padded_batches(len(people.keypoints), max(1, len(devices))):
        batch = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], people)
        # Of nobody nothing is seen, so nothing is searched.
        batch = dataclasses.replace(batch, keypoints=np.where(is_person[:, None, None], batch.keypoints, np.float32(0)))
        # It returns at once: the next batch is made ready meanwhile.
        parts.append((program(setup, batch), rows, is_person))
    if not devices and len(parts) == 1 and parts[0][2].all():
        return parts[0][0]
    order = np.argsort(np.concatenate([rows[is_person] for _, rows, is_person in parts]))
    kept = [jax.tree.map(lambda leaf, kept=is_person: np.asarray(leaf)[kept], part) for part, _, is_person in parts]
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[order]), *kept)
