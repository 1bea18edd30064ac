"""The entry point: keypoints in, bodies out. Validation and the one jit are here."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.points import undefined_keypoints
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import setup_camera
from smplify_jax.errors import InputError
from smplify_jax.execution import compilation
from smplify_jax.execution.batching import padded_batches
from smplify_jax.execution.devices import Device, shard
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.focal_search import search_focal_length
from smplify_jax.fitting.initialization import anchor_from_init, start_from_init
from smplify_jax.fitting.person import Person, Setup
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.program import fit_people
from smplify_jax.fitting.setup import FitChoices, num_fitted_joints, setup_fit
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult


def fit(
    keypoints: ArrayLike,
    *,
    layout: str | Layout,
    image_size: ArrayLike | None = None,
    camera: Camera | ArrayLike | Literal["search"] | None = None,
    body: BodyModel | None = None,
    prior: PosePrior | None = None,
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
        keypoints: (K, 3) or (B, K, 3): x, y [px], confidence (0 = not seen). Points that are NaN or all zero count as not seen.
        layout: what the K keypoints are: a name such as "coco17", or a Layout.
        image_size: (2,) or (B, 2) width and height of the picture [px].
        camera: a focal length [px], a 3x3 matrix K, a Camera, or one of them per person. By default the focal length is the picture's
            diagonal and the principal point its centre. "search" tries a few focal lengths and keeps the fit of least energy.
        body: the open body by default.
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
    layout = get_layout(layout)
    profile = get_profile(profile)
    body = _shipped_body(num_betas) if body is None else body
    is_single = np.ndim(keypoints) == 2
    cleaned = clean_keypoints(keypoints)
    cleaned = cleaned[None] if is_single else cleaned
    if cleaned.shape[1] != len(layout.points):
        raise InputError(
            f"{cleaned.shape[1]} keypoints were given but the layout {layout.name!r} has {len(layout.points)}: give the layout they are in."
        )
    if not 1 <= num_betas <= body.num_betas:
        raise InputError(f"num_betas is {num_betas}: the body {body.name!r} has 1 to {body.num_betas}.")
    _warn_of_undefined(body, layout)
    if profile.keeps_parts_apart and body.capsules is None:
        _warn_of_missing_capsules(body)
    if num_starts is not None and num_starts < 1:
        raise InputError(f"num_starts is {num_starts}: at least one start is needed.")

    num_joints = num_fitted_joints(body)
    shard_devices = _checked_devices(devices)
    start = None if init is None else start_from_init(init, len(cleaned), num_joints, num_betas, is_single)
    setup = setup_fit(
        FitChoices(
            layout, profile, body, prior, num_betas, num_starts, init is not None, anchor is not None, shard_devices
        )
    )
    if isinstance(camera, str) and camera != "search":
        raise InputError(f'camera is {camera!r}: give a focal length, a matrix K, a Camera, or "search".')
    is_searched = isinstance(camera, str)
    cameras = setup_camera(
        None if isinstance(camera, str) else camera,
        cleaned,
        image_size,
        None if is_searched else profile.assumed_focal_length(cleaned),
    )
    is_known = np.full(len(cleaned), camera is not None)
    people = Person(cleaned, cameras, is_known, start, anchor_from_init(start, init_precision))

    def fit_all(people: Person) -> FitResult:
        return FitResult(**_fit_in_batches(setup, people, shard_devices), body=body, layout=layout.name)

    result = search_focal_length(fit_all, people) if is_searched else fit_all(people)
    return result[0] if is_single else result


@lru_cache(maxsize=2)
def _shipped_body(num_betas: int) -> BodyModel:
    return load_body(num_betas=num_betas)


def _warn_of_missing_capsules(body: BodyModel) -> None:
    warnings.warn(
        f"The body {body.name!r} has no capsules, so the fit goes on without the interpenetration term: learn them with `python -m "
        "smplify_jax.learn.capsules --body FILE --out CAPSULES` and fit `with_capsules(body, CAPSULES)`.",
        stacklevel=3,
    )


def _warn_of_undefined(body: BodyModel, layout: Layout) -> None:
    missing = undefined_keypoints(body, layout)
    if len(missing) == len(layout.points):
        raise InputError(
            f"The body {body.name!r} defines none of the keypoints of layout {layout.name!r}: use another layout or body."
        )
    if missing:
        warnings.warn(
            f"The body {body.name!r} does not define {', '.join(missing)}, so these keypoints are not used (its mesh topology is unknown, "
            "or a regressor is missing).",
            stacklevel=3,
        )


def _checked_devices(devices: Sequence[Device] | None) -> tuple[Device, ...]:
    if devices is None:
        return ()
    if not len(devices) or len(set(devices)) < len(devices) or len({device.platform for device in devices}) > 1:
        raise InputError(
            f"devices is {list(devices)}: give distinct devices of one kind, such as jax.devices(), or None for the default."
        )
    return tuple(devices)


@lru_cache(maxsize=4)
def _program(devices: tuple[Device, ...]) -> Callable[[Setup, Person], dict]:
    """`fit_people`, compiled; over several devices each has a part of the people, and its own number of steps."""
    if devices:
        return compilation.jit(exact_products(shard(fit_people, devices)))
    return compilation.jit(exact_products(fit_people), keeps_traces=True)


def _fit_in_batches(setup: Setup, people: Person, devices: tuple[Device, ...]) -> dict:
    """`fit_people` in batches of a few sizes, so that it is compiled for these alone, however many people there are."""
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
