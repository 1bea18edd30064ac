"""The published recipes' numbers, written down a second time, and a naive float64 energy of each of their rounds.

A row states which keypoints a round uses, whether it uses their confidence, the robust function's sigma [px] (None for plain squares), the
weights, and the free parameters.
"""

from dataclasses import dataclass

import numpy as np
import numpy_twin as twin
from scipy.spatial.transform import Rotation

from smplify_jax import BodyModel, Layout
from smplify_jax.body.capsules import PART_JOINTS
from smplify_jax.body.part_pairs import PAPER_PAIRS

TORSO = {"left_shoulder", "right_shoulder", "left_hip", "right_hip"}
# 100 px per metre at the distance from which a 1.7 m person is so tall under f = 5000 px; SPIN's person fills 1 / 1.2 of 224 px.
DEPTH_OF_2016 = 100 * 1.7 * 5000 / 300
DEPTH_OF_SPIN = 100 * 1.7 * 5000 / (224 / 1.2)


@dataclass(frozen=True)
class PublishedRound:
    """One line of a recipe."""

    frees: set
    sigma: float | None
    w_theta: float = 0.0
    w_bend: float = 0.0
    w_beta: float = 0.0
    w_depth: float = 0.0
    w_apart: float = 0.0
    only: frozenset | None = None
    ignored: frozenset = frozenset()
    uses_confidence: bool = True


PLACE = {"global_orient", "transl"}
BODY = {"global_orient", "body_pose", "betas"}
NO_JOINT_OF_SMPL = frozenset({"left_hip", "right_hip", "mid_hip", "neck"})
HIPS_AND_NECK = {
    "openpose25": frozenset({"left_hip", "right_hip", "neck"}),
    "lsp14": frozenset({"left_hip", "right_hip"}),
}


def _paper_round(w_theta, w_beta, **options):
    return PublishedRound(
        BODY, 100.0, w_theta, 3.17 * w_theta, w_beta, w_apart=1000.0, ignored=NO_JOINT_OF_SMPL, **options
    )


def published_rounds(profile, layout):
    """Camera round first."""
    if profile == "smplify2016":
        camera = PublishedRound(PLACE, None, w_depth=DEPTH_OF_2016, only=frozenset(TORSO), uses_confidence=False)
        return [camera, *(_paper_round(*w) for w in ((404.0, 100.0), (404.0, 50.0), (57.4, 10.0), (4.78, 5.0)))]
    camera = PublishedRound(PLACE, None, w_depth=DEPTH_OF_SPIN, only=frozenset(TORSO), uses_confidence=False)
    return [camera, PublishedRound(BODY, 100.0, 4.78, 15.2, 5.0, ignored=HIPS_AND_NECK[layout])]


@dataclass(frozen=True)
class Scene:
    """What a person's fit knows, in float64: everything that an energy needs besides the parameters."""

    body: BodyModel
    layout: Layout
    keypoints_px: np.ndarray
    confidence: np.ndarray
    focal_length: np.ndarray
    camera_center: np.ndarray
    pixel_scale: float
    start_depth: float
    prior_moments: tuple


def twin_energy(scene, one, global_orient, body_pose, betas, transl, sphere_betas=None):
    """Total energy of a published round, in loops; spheres of the shape `sphere_betas`, if it is another."""
    vertices, joints = twin.vertices_and_joints(scene.body, betas, global_orient, body_pose, transl)
    points = twin.layout_points(scene.body, scene.layout, vertices, joints)
    hips = {f"{s}_hip_keypoint": twin.hip_keypoint(scene.body, joints, global_orient, s) for s in ("left", "right")}
    total = 0.0
    for k, name in enumerate(scene.layout.keypoint_names):
        is_used = name in one.only if one.only is not None else name not in one.ignored
        if not is_used or scene.confidence[k] == 0:
            continue
        named = scene.layout.points[k]
        point = np.mean([hips[p] for p in named], axis=0) if named[0] in hips else points[k]
        confidence = scene.confidence[k] if one.uses_confidence else 1.0
        projected = scene.focal_length * point[:2] / point[2] + scene.camera_center
        for e in scene.pixel_scale * (projected - scene.keypoints_px[k]):
            rho = e**2 if one.sigma is None else one.sigma**2 * e**2 / (one.sigma**2 + e**2)
            total += confidence**2 * rho
    means, covars, shares = scene.prior_moments
    total += twin.pose_prior_energy(body_pose, means, covars, shares, one.w_theta)
    total += twin.bend_energy(body_pose, one.w_bend)
    total += twin.shape_energy(betas, one.w_beta)
    if one.w_apart:
        shape = betas if sphere_betas is None else sphere_betas
        spheres = twin.capsule_spheres(scene.body, PART_JOINTS, shape, global_orient, body_pose)
        total += twin.interpenetration_energy(spheres, PAPER_PAIRS, one.w_apart)
    return total + twin.depth_energy(transl[2], scene.start_depth, one.w_depth)


def twin_gradient(scene, one, blocks, step=1e-6):
    """(P,) central differences of `twin_energy` in the order global_orient, body_pose, betas, transl.

    The orientation is turned in the camera frame; everything else is added to.
    """

    def moved(name, index, by):
        change = by * np.eye(len(blocks[name]))[index]
        if name == "global_orient":
            return (Rotation.from_rotvec(change) * Rotation.from_rotvec(blocks[name])).as_rotvec()
        return blocks[name] + change

    def energy(name, index, by):
        # Interpenetration has no gradient to the shape.
        return twin_energy(scene, one, **{**blocks, name: moved(name, index, by)}, sphere_betas=blocks["betas"])

    order = ("global_orient", "body_pose", "betas", "transl")
    return np.array(
        [
            (energy(name, i, step) - energy(name, i, -step)) / (2 * step)
            for name in order
            for i in range(len(blocks[name]))
        ]
    )
