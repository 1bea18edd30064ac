"""The entry point: keypoints in, bodies out. The fit is compiled here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import setup_camera, size_rows
from smplify_jax.execution.devices import Device
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.fitting.arguments import (
    check_anchor,
    check_body,
    check_camera_string,
    check_count,
    check_profile,
    resolve_body,
    resolve_devices,
    resolve_keypoints,
    resolve_prior,
)
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.finished import blanked
from smplify_jax.fitting.focal_search import search_focal_length
from smplify_jax.fitting.initialization import anchor_from_init, start_from_init, with_betas_filled
from smplify_jax.fitting.known import as_term_takes_it, check_known, known_measurements
from smplify_jax.fitting.person import Person
from smplify_jax.fitting.placement import run_with_starts
from smplify_jax.fitting.plausibility import is_plausible
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.program import fit_people
from smplify_jax.fitting.setup import FitChoices, num_fitted_joints, setup_fit
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.predictions.bodies import PredictedBodies
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
    init_error: str | ArrayLike | None = None,
    init_precision: BodyParameters | ArrayLike | None = None,
    anchor: Literal["proposal"] | None = "proposal",
    profile: str | Profile = "default",
    num_betas: int = 10,
    height: ArrayLike | None = None,
    mass: ArrayLike | None = None,
    age: ArrayLike | None = None,
    measurements: Mapping[str, ArrayLike] | None = None,
    num_starts: int | None = None,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """Fit the body to the 2D keypoints of one person, or of a batch of people along the leading axis.

    Each person is fitted independently: one person's bad input does not affect the others. The caller's arrays are never modified.

    Args:
        keypoints: (K, 3) or (B, K, 3): x, y [px], confidence (0 = not observed); `is_observed` lists all marks of "not found". Or the
            result of `load_keypoints`, which carries its layout and the pictures' sizes.
        layout: which keypoints these are, in order: a name such as "coco17", or a Layout.
        image_size: (2,) or (B, 2) width and height of the picture [px].
        camera: a focal length [px], a pair (fx, fy), a 3x3 matrix K, or a Camera; or one per person: (B, 1) or (B, 2) focal lengths,
            (B, 3, 3), or a list of Cameras. By default the focal length is the picture's diagonal and the principal point its centre.
            "search" tries several focal lengths and keeps the fit with the lowest energy.
        body: the open body by default. A path is read again on every call: for many calls, pass what `load_body` returns.
        prior: the shipped pose prior by default.
        init: bodies that are known already, such as another network's predictions, batched like the keypoints; replaces the profile's
            start. `PredictedBodies` and `load_init` take what networks give; plain BodyParameters stand before the fit's own camera. A
            person whose orientation or pose has a NaN is fitted as without `init`; a `transl` of NaN is found from the keypoints. Profiles
            with a proposal network fuse its body with this one, and stay close to each as far as it is expected to be right.
        init_error: expected PA-MPJPE of `init` [mm], one number or one per person; or whose prediction it is: "hmr", "spin", "vibe" or
            "hmr2". 40 mm by default; infinity makes `init` a start that the fit need not stay close to.
        init_precision: inverse variances of `init` in place of an error. One number for all of body_pose [1/rad^2], or BodyParameters of
            precisions, shaped like `init`; only body_pose and betas are used.
        anchor: "proposal" keeps the fit close to the network's proposal and to `init`; None leaves the anchor out.
        profile: the recipe: a name such as "default", or a Profile.
        num_betas: how many shape coefficients to fit.
        height: stature [m], if it is known: one number, or (B,) with NaN for people of whom it is not. With it the person's size, and the
            distance from a camera of known focal length, are no longer guesses. It is taken with a standard deviation of 1 cm.
        mass: [kg] likewise, with one of 1 kg.
        age: years, if they are known, with the body of all ages: people of that age have a mean stature and body-mass index, and spread
            about them. Where the height or the mass is known, too, that one counts.
        measurements: others that are known, by their names in `smplify_jax.measurements.definitions`, such as {"waist girth": 0.84}.
        num_starts: search from that many yaw angles instead of starting from the profile's proposal, which is better on average.
        devices: devices of one kind to shard people over, such as `jax.devices()`; JAX's default device by default. On CPU see
            `use_all_cores`.
    Returns:
        FitResult, batched like the keypoints.

    Raises:
        InputError: an argument cannot be used at all. Problems with one person's input are reported by that person's status instead.
    """
    check_process()
    # Overflow and NaN are reported by statuses, not by NumPy's warnings.
    with usual_flags(), np.errstate(all="ignore"):
        cleaned, layout, image_size, is_single = resolve_keypoints(keypoints, layout, image_size)
        check_profile(profile)
        profile = get_profile(profile)
        body = resolve_body(body, num_betas)
        check_body(body, layout, profile, num_betas)
        if num_starts is not None:
            check_count("num_starts", num_starts)
        check_anchor(anchor)
        check_camera_string(camera)
        known = known_measurements(height, mass, age, measurements, len(cleaned))
        check_known(known, body, profile)

        num_people, num_joints = len(cleaned), num_fitted_joints(body)
        shard_devices = resolve_devices(devices)
        start = None if init is None else start_from_init(init, num_people, num_joints, num_betas, is_single)
        choices = FitChoices(
            layout,
            profile,
            body,
            resolve_prior(prior),
            num_betas,
            num_starts,
            init is not None,
            anchor is not None,
            shard_devices,
            tuple(known),
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
            start=None if start is None else with_betas_filled(start),
            anchor=anchor_from_init(start, init_precision, init_error),
            known=as_term_takes_it(known),
        )

        def run(people: Person, has_start: bool) -> dict:
            setup = setup_fit(replace(choices, is_start_given=has_start))
            return blanked(run_in_batches(fit_people, setup, people, shard_devices))

        def fit_all(people: Person) -> FitResult:
            starts = people.start
            if isinstance(starts, PredictedBodies):
                setup = setup_fit(choices)
                fields = run_with_starts(run, setup, replace(people, start=None), starts, max(1, len(shard_devices)))
            else:
                fields = run(people, False)
            return FitResult(**fields, body=body, layout=layout.name)

        result = search_focal_length(fit_all, people) if is_searched else fit_all(people)
        return result[0] if is_single else result
