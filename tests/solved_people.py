"""People for the tests of `solve`: noisy keypoints, starts beside the truth, and every kind of number that a fit depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from people import IMAGE_SIZE, draw_people

from smplify_jax import PROFILES, BodyParameters, Camera, Profile
from smplify_jax.fitting.observations import Observations, observations_of
from smplify_jax.fitting.problem import FitProblem, FitSolution
from smplify_jax.fitting.solve import solve

NO_NETWORK: Profile = dataclasses.replace(
    PROFILES["default"], name="default without the network", uses_proposal=False, weighs_by_noise=False
)
"""So that nothing that a fit depends on is held constant by `solve`: differences of the whole fit are then its derivatives."""

NOISE = 0.012  # of the keypoints, in heights of the person
INIT_STD = 0.15  # [rad] of each number of the pose


def draw_inputs(num_people: int, seed: int = 0) -> dict[str, Any]:
    """Everything that `solve` can be differentiated by, with a leading axis of people but for the weights; float64."""
    people, rng = draw_people(num_people, "coco17", seed=seed), np.random.default_rng(seed)
    keypoints = people.keypoints.astype(float)
    keypoints[..., :2] += rng.normal(0, NOISE * people.height_px[:, None, None], keypoints[..., :2].shape)
    keypoints[..., 2] = rng.uniform(0.4, 0.95, keypoints.shape[:2])
    init = {name: value.astype(float) for name, value in people.parameters.items()}
    init["body_pose"] += rng.normal(0, INIT_STD, init["body_pose"].shape)
    init["betas"] += rng.normal(0, 0.5, init["betas"].shape)
    return {
        "points": keypoints[..., :2],
        "confidence": keypoints[..., 2],
        "focal_length": np.repeat(people.focal_length[:, None].astype(float), 2, axis=1),
        "camera_center": np.tile(np.array(IMAGE_SIZE) / 2, (num_people, 1)),
        "init": init,
        "pose_precision": rng.uniform(10.0, 40.0, init["body_pose"].shape),
        "betas_precision": rng.uniform(0.2, 1.0, init["betas"].shape),
        "keypoint_weights": rng.uniform(0.6, 1.4, keypoints.shape[:2]),
        "weights": jax.tree.map(np.float64, NO_NETWORK.refine[-1].weights),
    }


def arguments(inputs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `solve` that hold these inputs, of one person or of many."""
    precision = BodyParameters(jnp.zeros(()), inputs["pose_precision"], inputs["betas_precision"], jnp.zeros(()))
    return {
        "keypoints": jnp.concatenate([inputs["points"], inputs["confidence"][..., None]], axis=-1),
        "camera": Camera(inputs["focal_length"], inputs["camera_center"]),
        "image_size": IMAGE_SIZE,
        "init": BodyParameters(**{name: jnp.asarray(block) for name, block in inputs["init"].items()}),
        "init_precision": precision,
        "keypoint_weights": inputs["keypoint_weights"],
    }


def solve_inputs(problem: FitProblem, inputs: dict[str, Any]) -> FitSolution:
    """`solve` as a function of what `draw_inputs` gives."""
    return solve(problem, **arguments(inputs), weights=inputs["weights"])


def observations(problem: FitProblem, inputs: dict[str, Any], *, is_raw: bool = False) -> Observations:
    """The people that `solve` makes of what `draw_inputs` gives, or of arguments of `solve` if it is raw."""
    given: Any = {"init": None, "init_precision": None, "keypoint_weights": None}
    return observations_of(problem, **(given | (inputs if is_raw else arguments(inputs))))


KINDS = (
    "points",
    "confidence",
    "focal_length",
    "camera_center",
    "init",
    "pose_precision",
    "betas_precision",
    "keypoint_weights",
    "weights",
)


def direction_of(inputs: dict[str, Any], kind: str, seed: int = 0) -> dict[str, Any]:
    """A random direction along one kind of input, and zero along all others; as long as a typical error of that kind."""
    rng = np.random.default_rng(seed)
    scale = {"points": 1.0, "confidence": 0.1, "focal_length": 10.0, "camera_center": 5.0, "init": 0.05}.get(kind, 0.1)

    def along(values: Any) -> np.ndarray:
        step = rng.normal(0, scale, np.shape(values))
        return step * values if "precision" in kind or kind == "weights" else step

    return {name: jax.tree.map(along if name == kind else np.zeros_like, value) for name, value in inputs.items()}


def moved(inputs: Any, direction: Any, length: float) -> Any:
    """The inputs, moved along a direction."""
    return jax.tree.map(lambda value, step: value + length * step, inputs, direction)


def difference_of(function: Callable[[Any], Any], inputs: Any, direction: Any, length: float) -> np.ndarray:
    """Central difference of a function along a direction."""
    after, before = (np.asarray(function(moved(inputs, direction, sign * length))) for sign in (1, -1))
    return (after - before) / (2 * length)


def relative_errors(found: Any, expected: Any) -> np.ndarray:
    """(N,) lengths of the differences, in lengths of what was expected."""
    found, expected = (np.asarray(one).reshape(len(one), -1) for one in (found, expected))
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
