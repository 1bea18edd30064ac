"""The entry point: keypoints in, bodies out. Validation, the one vmap and the one jit are here."""

from __future__ import annotations

import warnings
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from smplify_jax.body.keypoint_body import KeypointBody, keypoint_body
from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.points import undefined_keypoints
from smplify_jax.body.spheres import BodySpheres, body_spheres
from smplify_jax.camera import Camera, project
from smplify_jax.camera_setup import setup_camera
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.observation import Observation
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import MIN_KEYPOINTS, FitResult, FitStatus
from smplify_jax.skeleton import NUM_SHARED_JOINTS, SMPL_JOINT_NAMES
from smplify_jax.stages import Problem, Profile, Round, explore_and_refine, get_profile, stack_rounds
from smplify_jax.start import REFERENCE_HEIGHT_PX, pixel_scale, start_depth, trunk_weights, yaw_starts
from smplify_jax.terms.objective import TermWeights, energies_by_name
from smplify_jax.terms.term import PosedKeypoints


def fit(
    keypoints: ArrayLike,
    *,
    layout: str | Layout,
    image_size: ArrayLike | None = None,
    camera: Camera | ArrayLike | None = None,
    body: BodyModel | None = None,
    prior: PosePrior | None = None,
    init: BodyParameters | FitResult | None = None,
    profile: str | Profile = "default",
    num_betas: int = 10,
    num_starts: int | None = None,
) -> FitResult:
    """Fit the body to 2D keypoints: one person, or a batch by the leading axis.

    Each person is fitted on their own: one person's bad input changes nothing for the others. The caller's arrays are never written.

    Args:
        keypoints: (K, 3) or (B, K, 3): x, y [px], confidence (0 = not seen). Points that are NaN or all zero count as not seen.
        layout: what the K keypoints are: a name such as "coco17", or a Layout.
        image_size: (2,) or (B, 2) width and height of the picture [px].
        camera: a focal length [px], a 3x3 matrix K, a Camera, or one of them per person. By default the focal length is the picture's
            diagonal and the principal point its centre.
        body: the open body by default.
        prior: the shipped pose prior by default.
        init: parameters to start from, batched like the keypoints; replaces the search over starts.
        profile: the recipe.
        num_betas: how many shape coefficients to fit.
        num_starts: how many yaw angles to start from; the profile's number by default.
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

    num_joints = len(SMPL_JOINT_NAMES) if body.num_joints == len(SMPL_JOINT_NAMES) else NUM_SHARED_JOINTS
    prior = _prior_over(_shipped_prior() if prior is None else prior, 3 * (num_joints - 1))
    cameras = setup_camera(camera, cleaned, image_size, profile.focal_length_px)
    num_starts = profile.num_starts if num_starts is None else num_starts
    if num_starts < 1:
        raise InputError(f"num_starts is {num_starts}: at least one start is needed.")
    starts = None if init is None else _given_start(init, len(cleaned), num_joints, num_betas, is_single)
    solve = partial(
        _fit_people,
        keypoint_body(body, layout, num_betas=num_betas, num_joints=num_joints),
        keypoint_body(body, _with_joints(layout), num_betas=num_betas, num_joints=num_joints),
        prior,
        trunk_weights(layout.keypoint_names),
        stack_rounds(profile.explore) if profile.explore and starts is None else None,
        stack_rounds(profile.refine),
        _spheres_for(body, profile, num_betas),
        num_starts=num_starts,
    )
    solved = solve(jax.tree.map(jnp.asarray, (cleaned, cameras, starts)))
    result = FitResult(**solved, body=body, layout=layout.name)
    return result[0] if is_single else result


# Reading and cutting cost more than a fit, and fits are called in loops: what was used last is kept.
@lru_cache(maxsize=2)
def _shipped_body(num_betas: int) -> BodyModel:
    return load_body(num_betas=num_betas)


@lru_cache(maxsize=1)
def _shipped_prior() -> PosePrior:
    return load_prior()


@lru_cache(maxsize=4)
def _prior_over(prior: PosePrior, num_pose: int) -> PosePrior:
    return prior.marginal(num_pose)


@lru_cache(maxsize=16)
def _with_joints(layout: Layout) -> Layout:
    """The layout followed by SMPL's 24 joints: what a result reports, in one pass over the skeleton."""
    joints = get_layout("smpl24")
    names = tuple(f"{name}_smpl" for name in joints.keypoint_names)
    return Layout(f"{layout.name} and joints", layout.keypoint_names + names, layout.points + joints.points)


def _spheres_for(body: BodyModel, profile: Profile, num_betas: int) -> BodySpheres | None:
    """What the interpenetration term needs; None if the profile has no such term, or the body no capsules."""
    if not profile.keeps_parts_apart:
        return None
    if body.capsules is None:
        warnings.warn(
            f"The body {body.name!r} has no capsules, so the fit goes on without the interpenetration term: learn them with `python -m "
            "smplify_jax.learn.capsules --body FILE --out CAPSULES` and fit `with_capsules(body, CAPSULES)`.",
            stacklevel=3,
        )
        return None
    return body_spheres(body, num_betas=num_betas, pairs=profile.apart_pairs)


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


def _given_start(
    init: BodyParameters | FitResult, num_people: int, num_joints: int, num_betas: int, is_single: bool
) -> BodyParameters:
    """The caller's start as (B, ...) float32 arrays, checked; fewer betas are filled up with zeros."""
    lengths = {"global_orient": 3, "body_pose": 3 * (num_joints - 1), "betas": num_betas, "transl": 3}
    blocks = {}
    for name, length in lengths.items():
        block = np.asarray(getattr(init, name), np.float32)
        block = block[None] if is_single and block.ndim == 1 else block
        if name == "betas" and block.ndim == 2:
            block = np.pad(block[:, :num_betas], ((0, 0), (0, max(0, num_betas - block.shape[1]))))
        if block.shape != (num_people, length):
            raise InputError(
                f"init.{name} has shape {block.shape}: expected ({num_people}, {length}), a row for each person."
            )
        blocks[name] = jnp.asarray(block)
    return BodyParameters(**blocks)


@partial(jax.jit, static_argnames="num_starts")
def _fit_people(
    body: KeypointBody,
    reported_body: KeypointBody,
    prior: PosePrior,
    trunk: Array,
    explore: Round | None,
    refine: Round,
    spheres: BodySpheres | None,
    people: tuple[Array, Camera, BodyParameters | None],
    *,
    num_starts: int,
) -> dict:
    """All people at once, given as keypoints (B, K, 3), cameras and starts: the fields of FitResult with leading axis B."""

    def one(keypoints: Array, camera: Camera, start: BodyParameters | None) -> dict:
        return _fit_person(
            body, reported_body, prior, keypoints, camera, trunk, explore, refine, spheres, start, num_starts
        )

    return jax.vmap(one)(*people)


def _fit_person(
    body: KeypointBody,
    reported_body: KeypointBody,
    prior: PosePrior,
    keypoints: Array,
    camera: Camera,
    trunk: Array,
    explore: Round | None,
    refine: Round,
    spheres: BodySpheres | None,
    start: BodyParameters | None,
    num_starts: int,
) -> dict:
    confidence = keypoints[:, 2] * body.is_defined
    is_enough = _has_enough_keypoints(keypoints[:, :2], confidence)
    is_camera_good = jnp.all(jnp.isfinite(camera.focal_length) & (camera.focal_length > 0)) & jnp.all(
        jnp.isfinite(camera.camera_center)
    )
    # People who cannot be fitted run along on a harmless stand-in, so that they cost no extra rounds and raise no NaN.
    camera = jax.tree.map(lambda leaf: jnp.where(is_camera_good, leaf, 1.0), camera)
    confidence = jnp.where(is_camera_good & is_enough, confidence, 0.0)
    depth = start_depth(keypoints[:, :2], confidence, camera.focal_length, body.reach)
    observation = Observation(keypoints[:, :2], confidence, camera, pixel_scale(depth, camera.focal_length))
    starts = (
        yaw_starts(body, observation, prior.mean_pose, depth, trunk, num_starts)
        if start is None
        else jax.tree.map(lambda leaf: leaf[None], start)
    )
    problem = Problem(body, prior, observation, depth, spheres)
    solution = explore_and_refine(problem, explore, refine, starts)
    status = _status(is_enough, is_camera_good & solution.is_finite, solution.is_converged)
    last_weights = jax.tree.map(lambda leaf: leaf[-1], refine.weights)
    fields = _describe(problem, reported_body, solution.parameters, last_weights)
    fields |= {"camera": camera, "cost": solution.energy}
    is_usable = (status == FitStatus.CONVERGED) | (status == FitStatus.STEP_LIMIT)
    fields = jax.tree.map(lambda leaf: jnp.where(is_usable, leaf, jnp.nan), fields)
    return fields | {"status": status, "num_steps": jnp.where(is_usable, solution.num_steps, 0)}


def _has_enough_keypoints(keypoints_px: Array, confidence: Array) -> Array:
    """Whether MIN_KEYPOINTS are observed and do not all lie in one place."""
    is_seen = confidence > 0
    low = jnp.min(jnp.where(is_seen[:, None], keypoints_px, jnp.inf), axis=0)
    high = jnp.max(jnp.where(is_seen[:, None], keypoints_px, -jnp.inf), axis=0)
    return (jnp.sum(is_seen) >= MIN_KEYPOINTS) & (jnp.max(high - low) > 0)


def _status(is_enough: Array, is_finite: Array, is_converged: Array) -> Array:
    ended = jnp.where(is_converged, FitStatus.CONVERGED, FitStatus.STEP_LIMIT)
    ended = jnp.where(is_enough, ended, FitStatus.TOO_FEW_KEYPOINTS)
    return jnp.where(is_finite, ended, FitStatus.NON_FINITE)


def _describe(
    problem: Problem, reported_body: KeypointBody, parameters: BodyParameters, last_weights: TermWeights
) -> dict:
    """The fields of FitResult that follow from the parameters."""
    blocks = {name: getattr(parameters, name) for name in ("betas", "global_orient", "body_pose", "transl")}
    seen = problem.observation
    num_keypoints = seen.confidence.shape[0]
    points_cam = reported_body.keypoints(**blocks)
    keypoints_cam, joints = points_cam[:num_keypoints], points_cam[num_keypoints:]
    keypoints_px = project(keypoints_cam, seen.camera)
    distance = jnp.linalg.norm(keypoints_px - seen.keypoints_px, axis=-1)
    scale = pixel_scale(parameters.transl[2], seen.camera.focal_length)
    is_defined = problem.body.is_defined[:, None]
    posed = PosedKeypoints(parameters, jnp.where(is_defined, keypoints_cam, 0.0), jacobian=jnp.zeros(()))
    return blocks | {
        "joints": joints,
        "keypoints_px": keypoints_px,
        "reprojection_error_px": jnp.where(seen.confidence > 0, distance, jnp.nan),
        "person_height_px": REFERENCE_HEIGHT_PX / scale,
        "cost_by_term": energies_by_name(problem.terms(last_weights), posed),
    }
