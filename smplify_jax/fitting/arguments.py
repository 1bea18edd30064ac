"""Check the arguments of `fit` and resolve names and paths; an unusable argument raises an `InputError` that says why."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.load import load_body, shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.points import undefined_keypoints
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import POINTS_OF_NO_BODY, Layout, get_layout
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior


def resolve_keypoints(
    keypoints: ArrayLike | KeypointSet, layout: str | Layout | None, image_size: ArrayLike | None
) -> tuple[np.ndarray, Layout, ArrayLike | None, bool]:
    """Clean the keypoints and resolve their layout.

    Returns:
        Cleaned keypoints (B, K, 3), their layout, the pictures' sizes as given, and whether the input was a single person without a
        leading axis.

    Raises:
        InputError: the keypoints are not such an array or do not match the layout, or the layout is missing or unknown.
    """
    if isinstance(keypoints, KeypointSet):
        layout = keypoints.layout if layout is None else layout
        image_size = keypoints.image_size if image_size is None else image_size
        keypoints = keypoints.keypoints
    elif isinstance(keypoints, (list, tuple)) and any(isinstance(one, KeypointSet) for one in keypoints):
        raise InputError(
            "keypoints is a list of KeypointSets: fit them one after the other, or give one array and its layout."
        )
    if layout is None:
        raise InputError('layout is not given: say in which order the keypoints are, such as layout="coco17".')
    if not isinstance(layout, (str, Layout)):
        raise InputError(f"layout is a {type(layout).__name__}: give a name such as 'coco17', or a Layout.")
    layout = get_layout(layout)
    cleaned = clean_keypoints(keypoints)
    is_single = cleaned.ndim == 2
    cleaned = cleaned[None] if is_single else cleaned
    if cleaned.shape[1] != len(layout.points):
        raise InputError(
            f"{cleaned.shape[1]} keypoints were given but the layout {layout.name!r} has {len(layout.points)}: give the layout they are in."
        )
    return cleaned, layout, image_size, is_single


def resolve_body(body: BodyModel | str | os.PathLike[str] | None, num_betas: int) -> BodyModel:
    """The given body, the body in a file, or by default the open body.

    Raises:
        InputError: it is not a body, or its file cannot be read.
    """
    check_count("num_betas", num_betas)
    if body is None:
        return shipped_body(num_betas)
    if isinstance(body, (str, os.PathLike)):
        return load_body(body, num_betas=num_betas)
    if not isinstance(body, BodyModel):
        raise InputError(f"body is a {type(body).__name__}: give what load_body returns, or the path of a body file.")
    return body


def resolve_prior(prior: PosePrior | str | os.PathLike[str] | None) -> PosePrior | None:
    """The given prior or the prior in a file; None for the shipped one.

    Raises:
        InputError: it is not a prior, or its file cannot be read.
    """
    if isinstance(prior, (str, os.PathLike)):
        return load_prior(os.fspath(prior))
    if prior is not None and not isinstance(prior, PosePrior):
        raise InputError(
            f"prior is a {type(prior).__name__}: give what load_prior returns, or the path of a prior file."
        )
    return prior


def check_profile(profile: Any) -> None:
    """Raise InputError for anything but a name or a Profile."""
    if not isinstance(profile, (str, Profile)):
        raise InputError(f"profile is a {type(profile).__name__}: give a name such as 'default', or a Profile.")


def check_anchor(anchor: Any) -> None:
    """Raise InputError for anything but None or "proposal"."""
    if anchor is not None and not (isinstance(anchor, str) and anchor == "proposal"):
        raise InputError(f'anchor is {anchor!r}: give "proposal", or None for a fit without an anchor.')


def check_camera_string(camera: Any) -> None:
    """Raise InputError for a string other than "search"."""
    if isinstance(camera, str) and camera != "search":
        raise InputError(f'camera is {camera!r}: give a focal length, a matrix K, a Camera, or "search".')


def check_count(name: str, count: Any) -> None:
    """Raise InputError for anything but a whole number of at least 1."""
    if isinstance(count, (bool, np.bool_)) or not isinstance(count, (int, np.integer)) or count < 1:
        raise InputError(f"{name} is {count!r}: give a whole number, at least 1.")


def check_body(body: BodyModel, layout: Layout, profile: Profile, num_betas: int) -> None:
    """Warn about keypoints and terms that this body does not support.

    Raises:
        InputError: the body has fewer betas than `num_betas`, or defines none of the layout's keypoints.
    """
    if num_betas > body.num_betas:
        raise InputError(f"num_betas is {num_betas}: the body {body.name!r} has 1 to {body.num_betas}.")
    missing = undefined_keypoints(body, layout)
    if len(missing) == len(layout.points):
        raise InputError(
            f"The body {body.name!r} defines none of the keypoints of layout {layout.name!r}: use another layout or body."
        )
    unusual = [name for name in missing if not POINTS_OF_NO_BODY & set(layout.points[layout.index(name)])]
    if unusual:
        warnings.warn(
            f"The body {body.name!r} does not define {', '.join(unusual)}, so these keypoints are not used (its mesh topology is unknown, "
            "or a regressor is missing).",
            stacklevel=3,
        )
    if profile.keeps_parts_apart and body.capsules is None:
        warnings.warn(
            f"The body {body.name!r} has no capsules, so the fit leaves out the interpenetration term: learn them with `python -m "
            "smplify_jax.learn.capsules --body FILE --out CAPSULES` and fit `with_capsules(body, CAPSULES)`.",
            stacklevel=3,
        )


def resolve_devices(devices: Sequence[Device] | None) -> tuple[Device, ...]:
    """The devices to shard people over; an empty tuple stands for JAX's default device.

    Raises:
        InputError: they are not devices, not distinct, or of several kinds.
    """
    if devices is None:
        return ()
    try:
        chosen = tuple(devices)
    except TypeError:
        chosen = ()
    is_usable = chosen and all(isinstance(device, jax.Device) for device in chosen)
    if not is_usable or len(set(chosen)) < len(chosen) or len({device.platform for device in chosen}) > 1:
        raise InputError(
            f"devices is {devices!r}: give distinct devices of one kind, such as jax.devices(), or None for the default."
        )
    return chosen
