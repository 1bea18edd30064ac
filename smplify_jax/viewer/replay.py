"""The steps of a fit, one after the other: the fit again, stopped after 0, 1, 2, ... steps.

The number of steps is no part of the compiled program, so all of these fits share one, and each takes some 30 ms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.fitting.fit import fit
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.stages import Profile
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.solver.levenberg_marquardt import SolverOptions

SAME_M = 0.005
"""A replay whose joints end farther than this from those of the result, on average, is of another fit."""


def replay(result: FitResult, keypoints: np.ndarray, image_size: np.ndarray) -> FitResult:
    """The bodies of a fit of one person after each of its steps, with the network's proposal as the first.

    Args:
        result: one person's fit to a picture with the profile `default`, the shipped prior and no start of the caller's.
        keypoints: (K, 3) that it was fitted to.
        image_size: (2,) [px]; NaN where unknown.
    Returns:
        (S + 1,) bodies, where S is the number of steps of the fit.
    Raises:
        InputError: the result has no body or no single camera, or was fitted in another way, so that the steps would lead elsewhere.
    """
    if result.is_batched or result.extrinsics is not None:
        raise InputError(
            "A replay is of one person in one picture, and this result has frames, several people or several cameras."
        )
    if not FitStatus(int(result.status)).is_usable:
        raise InputError(f"There is no fit to replay: {FitStatus(int(result.status)).sentence}")
    num_steps = int(result.num_steps)
    shared: dict[str, Any] = {"layout": result.layout, "body": result.body, "num_betas": result.betas.shape[-1]}
    size = np.asarray(image_size) if np.isfinite(image_size).all() else None
    # A file does not say whether the focal length was given or assumed, and an assumed one is trusted less.
    ways: list[dict[str, Any]] = [] if size is None else [{"image_size": size}]
    ways.append({"image_size": size, "camera": result.camera})
    for way in ways:
        end = fit(keypoints, profile=stopped_after(num_steps), **way, **shared)
        distance = float(np.linalg.norm(np.asarray(end.joints) - np.asarray(result.joints), axis=-1).mean())
        if distance < SAME_M:
            steps = [fit(keypoints, profile=stopped_after(number), **way, **shared) for number in range(num_steps)]
            return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *steps, end)
    raise InputError(
        f"The replay ends {1000 * distance:.0f} mm from this result: it was fitted in another way than with the profile "
        '"default", the shipped prior and no start, or to other keypoints.'
    )


def stopped_after(num_steps: int) -> Profile:
    """The profile `default`, whose one round ends after that many steps at most."""
    (last,) = DEFAULT.refine
    assert isinstance(last.solver, SolverOptions)
    return replace(DEFAULT, refine=(replace(last, solver=replace(last.solver, max_steps=num_steps)),))
