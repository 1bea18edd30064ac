"""SciPy's least_squares, one person at a time, against `fit` on the same objective and from the same start.

The objective is the default's last round without the network's contributions: keypoints, pose and shape priors, bend, interpenetration.
SciPy's residuals are the library's terms, and its Jacobian is computed from them by compiled automatic differentiation: more help than
most callers give it.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import OptimizeResult, least_squares

from benchmarks.draw import IMAGE_SIZE, draw_keypoints
from benchmarks.timing import median_seconds, ready_fit, seconds
from smplify_jax import BodyModel, BodyParameters, Camera, FitResult, fit, get_layout, load_body, load_prior
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.body.spheres import body_spheres
from smplify_jax.camera.depth import pixel_scale, start_depth
from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.terms.objective import RoundInputs, Scene, build_terms

_DEFAULT = PROFILES["default"]
_ROUND = replace(_DEFAULT.refine[-1], solver=SolverOptions(max_steps=100, relative_gain=1e-3))
OBJECTIVE = replace(_DEFAULT, refine=(_ROUND,), uses_proposal=False, weighs_by_noise=False)
"""The objective as a profile; it starts farther from the solution than the default's last round does, hence more steps."""

_GAIN = 1e-4  # relative gain of a step below which SciPy stops, as in the paper
_SAME_ENERGY = 1e-3  # relative: float32 sums differ by their order


def measure_scipy(layout: str, num_people: int, num_runs: int) -> dict[str, float]:
    """Seconds per person of both, and the ratio of our final energy to SciPy's (medians over people)."""
    people = [_Person(layout, *person) for person in zip(*draw_keypoints(layout, num_people), strict=True)]
    for one in people:
        one.check_same_objective()
    ours = [median_seconds(one.fit, num_runs) for one in people]
    theirs = [median(seconds(one.solve) for _ in range(num_runs)) for one in people]
    energies = [float(one.fit().cost) / (2 * one.solve().cost) for one in people]
    return {
        f"scipy_s_per_person/{layout}": median(theirs),
        f"ours_s_per_person/{layout}": median(ours),
        f"energy_over_scipy/{layout}": median(energies),
    }


class _Person:
    """One person's problem, for both solvers."""

    def __init__(self, layout: str, keypoints: np.ndarray, focal_length: float) -> None:
        self._layout, self._keypoints, self._focal_length = layout, keypoints, focal_length
        self._body = load_body(num_betas=10)
        self._scene = _scene(self._body, layout)
        self._inputs = _inputs(self._scene, keypoints, focal_length)
        # The position and orientation that the default finds, in the mean pose.
        found = ready_fit(keypoints, focal_length, layout, None)
        pose, betas = np.asarray(load_prior().mean_pose), np.zeros(10, np.float32)
        self._start = BodyParameters(np.asarray(found.global_orient), pose, betas, np.asarray(found.transl))

    def fit(self) -> FitResult:
        """Our solution."""
        result = fit(
            self._keypoints,
            layout=self._layout,
            image_size=IMAGE_SIZE,
            camera=self._focal_length,
            body=self._body,
            profile=OBJECTIVE,
            init=self._start,
            anchor=None,
        )
        return jax.block_until_ready(result)

    def solve(self) -> OptimizeResult:
        """SciPy's solution."""
        jacobian: Any = self._jacobian  # SciPy's annotations allow only names of methods
        return least_squares(self._residuals, _flat(self._start), jacobian, x_scale="jac", ftol=_GAIN)

    def check_same_objective(self) -> None:
        """Compile everything, and check that the residuals equal those of our fit."""
        result = self.fit()
        found = _flat(BodyParameters(*(getattr(result, name) for name in _NAMES)))
        self._jacobian(found)
        energy = float(np.sum(self._residuals(found) ** 2))
        if abs(energy / float(result.cost) - 1) > _SAME_ENERGY:
            raise RuntimeError(
                f"SciPy's objective differs from the fit's: at the fit's solution they are {energy:.6g} and {float(result.cost):.6g}."
            )

    def _residuals(self, flat: np.ndarray) -> np.ndarray:
        return np.asarray(_residuals(self._scene, self._inputs, jnp.asarray(flat, jnp.float32)), np.float64)

    def _jacobian(self, flat: np.ndarray) -> np.ndarray:
        return np.asarray(_jacobian(self._scene, self._inputs, jnp.asarray(flat, jnp.float32)), np.float64)


_NAMES = ("global_orient", "body_pose", "betas", "transl")


def _flat(parameters: BodyParameters) -> np.ndarray:
    """Parameters (85,) in the order of `_NAMES`."""
    return np.concatenate([np.asarray(getattr(parameters, name), np.float64) for name in _NAMES])


@jax.jit
def _residuals(scene: Scene, inputs: RoundInputs, flat: Array) -> Array:
    parameters = BodyParameters(flat[:3], flat[3:72], flat[72:82], flat[82:])
    posed = pose_keypoints(scene.body, parameters)
    return jnp.concatenate([term.residuals(posed) for term in build_terms(scene, _ROUND.weights, inputs)])


_jacobian = jax.jit(jax.jacfwd(_residuals, argnums=2))


def _scene(body: BodyModel, layout: str) -> Scene:
    prior = load_prior()
    spheres = body_spheres(body, num_betas=10, pairs=_DEFAULT.apart_pairs)
    independent = np.eye(prior.num_pose, dtype=np.float32)
    return Scene(keypoint_body(body, get_layout(layout), num_betas=10), prior, independent, spheres)


def _inputs(scene: Scene, keypoints: np.ndarray, focal_length: float) -> RoundInputs:
    """Inputs of a round like those of `fit`, without the network."""
    points = clean_keypoints(keypoints)
    confidence = jnp.asarray(points[:, 2] * np.asarray(scene.body.is_defined))
    both = jnp.full(2, focal_length, jnp.float32)
    camera = Camera(both, jnp.asarray(IMAGE_SIZE, jnp.float32) / 2)
    depth = start_depth(points[:, :2], confidence, both, scene.body.reach)
    seen = Observation(jnp.asarray(points[:, :2]), confidence, camera, pixel_scale(depth, both))
    return RoundInputs(seen, jnp.ones(len(points)), jnp.asarray(depth))
