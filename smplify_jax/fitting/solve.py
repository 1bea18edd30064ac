"""`solve`: the fit as a function that JAX can trace, batch and differentiate."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import pose_keypoints
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.execution import compilation
from smplify_jax.execution.environment import check_process, usual_flags_of_traces
from smplify_jax.execution.precision import exact_products
from smplify_jax.fitting.implicit import step_from_optimum
from smplify_jax.fitting.observations import Observations, observations_of
from smplify_jax.fitting.person import Person, Setup, check_person, prepare_search
from smplify_jax.fitting.problem import FitProblem, FitSolution
from smplify_jax.fitting.settle import Settled, last_round, settle
from smplify_jax.terms.objective import TERM_NAMES, RoundInputs, TermWeights, quadratic_model

MAX_GRADIENT_NORM = {jnp.dtype("float32"): 3e-4, jnp.dtype("float64"): 1e-6}
"""Beyond these a fit counts as not stationary. Rounding leaves 1e-5 in float32, and derivatives err by about as much as this allows."""


def solve(
    problem: FitProblem,
    keypoints: ArrayLike,
    *,
    camera: Camera | ArrayLike | None = None,
    image_size: ArrayLike | None = None,
    init: BodyParameters | None = None,
    init_error: str | float | None = None,
    init_precision: BodyParameters | ArrayLike | None = None,
    weights: TermWeights | None = None,
    keypoint_weights: ArrayLike | None = None,
) -> FitSolution:
    """Fit the body to 2D keypoints inside the caller's own `jit`, `vmap`, `scan` or `grad`.

    The same program as `fit`, which goes on to where the objective is stationary: `fit` stops when little is left to gain. Without
    a trace around it, the call is compiled for the shapes of its arguments.

    **Derivatives**, forward and reverse, are those of the optimum by the implicit function theorem, with the true Hessian of the robust
    objective, not through the iterations. They flow from `parameters`, `joints`, `energy` and `energy_by_term` to the numbers of
    `keypoints` (positions and, in profiles that use it, confidence), `camera`, `image_size` where it stands for the camera, the anchor
    (`init.body_pose`, `init.betas` and `init_precision`), `weights` and `keypoint_weights`. Where `valid` is false they are zero. There
    are no second derivatives.

    Held constant: the network that proposes bodies, hence its proposal as an anchor, the noise that it estimates for keypoints (the
    profile `default` weights them by it and not by their confidence: use `keypoint_weights` for weights of your own) and the pixel
    scale that follows from its depth; which keypoints it takes for those of the other side, and which were observed; the start, hence
    `init.global_orient` and `init.transl`, whose derivatives are zero, because another start near by leads to the same optimum; unknowns
    that the last round does not free (`transl` in the published recipes); the body and the priors.

    Args:
        problem: what `prepare_solve` returns.
        keypoints: (K, 3), or (B, K, 3) for a batch, as for `fit`. Batch the people of one call by this axis or by `jax.vmap`: both
            run one program of a batch.
        camera: a focal length [px], (fx, fy), (3, 3) K, or a Camera; or one per person: (B, 1), (B, 2), (B, 3, 3), fields (B, 2).
        image_size: (2,) or (B, 2) [px]; needed where the camera is not given in full.
        init: bodies that are known already, shaped like the keypoints' batch; see `fit`.
        init_error: expected PA-MPJPE of `init` [mm], or a network's name; not traced.
        init_precision: inverse variances of `init` in place of an error: one number for body_pose [1/rad^2], or BodyParameters of
            precisions. A precision of zero leaves its number free; the derivative with respect to such a zero is zero.
        weights: of the last round, in place of the profile's `problem.weights`; shared by a batch.
        keypoint_weights: (K,) or (B, K) factors of the weights that the profile gives the keypoints.
    Returns:
        FitSolution; float32, or float64 where the caller has enabled it.

    Raises:
        InputError: shapes or types are wrong. Problems with a person's numbers are reported by that person's status.
    """
    check_process()
    with usual_flags_of_traces():
        problem = problem if weights is None else problem.with_weights(weights)
        observations = observations_of(
            problem,
            keypoints,
            camera=camera,
            image_size=image_size,
            init=init,
            init_error=init_error,
            init_precision=init_precision,
            keypoint_weights=keypoint_weights,
        )
        setup = problem.setup if init is None else problem.setup_of_init
        arguments = (_in_precision(setup), observations)
        is_traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arguments))
        return _solve(*arguments) if is_traced else _solve_outside(*arguments)


def _in_precision(tree: Any) -> Any:
    """The tree with its floating-point numbers in the precision that the caller's flags ask for."""
    dtype = jnp.result_type(float)

    def cast(leaf: Any) -> Any:
        return jnp.asarray(leaf, dtype) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else leaf

    return jax.tree.map(cast, tree)


@exact_products
def _solve_all(setup: Setup, observations: Observations) -> FitSolution:
    solve_one = partial(_solve_person, setup)
    return jax.vmap(solve_one)(observations.people) if observations.is_batch else solve_one(observations.people)


# As a whole: operation by operation, a call outside of traces would compile hundreds of small programs.
_solve, _solve_outside = jax.jit(_solve_all), compilation.jit(_solve_all)


def _solve_person(setup: Setup, person: Person) -> FitSolution:
    constant_setup, constant_person = jax.lax.stop_gradient((setup, person))
    found = settle(constant_setup, constant_person)
    is_stationary = found.gradient_norm < MAX_GRADIENT_NORM[jnp.dtype(found.gradient_norm.dtype)]
    is_definite = jnp.any(found.inverse_hessian != 0)
    valid = found.is_usable & is_definite & is_stationary

    inputs, weights = _objective_inputs(setup, person, found)
    # Harmless numbers where there is no derivative: zero times infinity would be NaN.
    inputs = jax.tree.map(lambda leaf: jnp.where(valid, leaf, jnp.ones_like(leaf)), inputs)
    scene = constant_setup.scene
    step = step_from_optimum(scene, weights, inputs, found.parameters, found.inverse_hessian)
    step = jnp.where(valid, step, 0.0)
    parameters = found.parameters.retract(step)
    # At the body that depends on the inputs, so that derivatives are total ones.
    energies = quadratic_model((scene, weights), (inputs, parameters)).energies
    energies = jnp.where(valid, energies, found.energies)
    return FitSolution(
        parameters=parameters,
        joints=pose_keypoints(constant_setup.joints_body, parameters).keypoints_cam,
        energy=jnp.sum(energies),
        energy_by_term={name: energies[index] for index, name in enumerate(TERM_NAMES)},
        status=found.status,
        num_steps=found.num_steps,
        gradient_norm=found.gradient_norm,
        valid=valid,
    )


def _objective_inputs(setup: Setup, person: Person, found: Settled) -> tuple[RoundInputs, TermWeights]:
    """What the last round's objective is given, as a function of what the caller gave; the network's part is held constant."""
    checked = check_person(setup, person)
    observation = checked.observation
    if setup.proposer is not None:
        flip = jnp.asarray(setup.proposer.flip)
        observation = dataclasses.replace(
            observation,
            keypoints_px=_exchanged(observation.keypoints_px, found.is_exchanged[:, None], flip),
            confidence=_exchanged(observation.confidence, found.is_exchanged, flip),
        )
    problem = prepare_search(setup, person, checked, observation, found.proposal).problem
    if found.proposal is not None:
        assert isinstance(problem.observation, Observation)
        held = dataclasses.replace(problem.observation, pixel_scale=found.pixel_scale)
        problem = dataclasses.replace(problem, observation=held)
    last = last_round(setup)
    return problem.round_inputs(setup.scene, last), last.weights


def _exchanged(values: Array, is_exchanged: Array, flip: Array) -> Array:
    return jnp.where(is_exchanged, values[flip], values)
