"""What a report page shows: people, the cameras that see them, and pictures.

All places are in a world with y up: of a single camera its upright frame, see `smplify_jax.geometry.frames`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class SkinnedPerson:
    """One person in T frames.

    A vertex is sum_j w_j (R_j v + t_j) with v = rest + sum_m amounts_m displacements_m, as `BodyModel.vertices` has it: the displacements
    are the directions in which pose and shape move the vertices of this motion most.

    Attributes:
        name: shown to the user.
        rest: (V, 3) vertices before skinning [m].
        displacements: (M, V, 3) [m]; M is 0 for a single frame, whose displacement is in `rest`.
        amounts: (T, M) of the displacements.
        transforms: (T, J, 3, 4) of the joints, R and t; NaN for a frame without a body.
        faces: (F, 3), the same object for all people of a body, by which their meshes are written once.
        lbs_weights: (V, J).
        joint_names: of the joints in `joints_std`.
        joint_of_weights: (J,) for each joint of the weights the one of `joint_names` that it belongs to.
        joints: (T, 24, 3) places of the joints [m].
        joints_std: (T, 24, 3) deviations along x, y, and z of the camera or the world [m]; NaN where they are not known.
        axes_of_std: which of these three deviations is the one along x, y and z of the scene.
        keypoint_names: K names.
        observed: (T, C, K, 3) pixels and confidence in each of C cameras; confidence 0 or NaN where none was observed; None if not given.
        fitted: (T, C, K, 2) pixels.
        errors_px: (T, C, K) distances; NaN where none was observed.
        heights_px: (T,) of a 1.7 m person at the fitted depth; NaN with several cameras.
        point_errors_m: (T, K) of points in space; None for pictures.
        quality: (T,) probability of a good fit; NaN where it is not known.
        cost_by_term: name to (T,).
        cost_by_round: name to (T, R) at the end of each round; None where there was one.
        statuses: T sentences, which say how each frame ended.
        is_good: (T,) whether a frame was fitted, and well.
        warnings: sentences.
    """

    name: str
    rest: np.ndarray
    displacements: np.ndarray
    amounts: np.ndarray
    transforms: np.ndarray
    faces: Any
    lbs_weights: Any
    joint_names: Sequence[str]
    joint_of_weights: np.ndarray
    joints: np.ndarray
    joints_std: np.ndarray
    axes_of_std: tuple[int, int, int]
    keypoint_names: Sequence[str]
    observed: np.ndarray | None
    fitted: np.ndarray
    errors_px: np.ndarray
    heights_px: np.ndarray
    point_errors_m: np.ndarray | None
    quality: np.ndarray
    cost_by_term: dict[str, np.ndarray]
    statuses: Sequence[str]
    is_good: np.ndarray
    warnings: Sequence[str] = ()
    cost_by_round: dict[str, np.ndarray] | None = None


def no_picture(_frame: int) -> np.ndarray | None:
    """For a camera whose pictures are not known."""
    return None


@dataclass(frozen=True, eq=False)
class SceneCamera:
    """A camera of a scene.

    Attributes:
        name: shown to the user.
        image_size: (width, height) [px].
        focal_length: (2,) [px].
        camera_center: (2,) [px].
        rotation: (3, 3) from the world to the camera's frame, x right, y down, z forward.
        translation: (3,) [m].
        picture: gives the (H, W, 3) uint8 picture of a frame of the scene, by its place from 0 to T - 1; None without one.
    """

    name: str
    image_size: tuple[int, int]
    focal_length: np.ndarray
    camera_center: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    picture: Callable[[int], np.ndarray | None] = no_picture


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, a video, or a moment or motion in space.

    Attributes:
        name: shown to the user.
        people: all in the same T frames.
        cameras: none for points in space.
        still: (H, W, 3 or 4) uint8, shown by browsers that cannot draw in 3D; None without one.
        times: (T,) of the frames [s]; T is 1 for a picture.
        frame_names: T labels of the frames.
    """

    name: str
    people: Sequence[SkinnedPerson]
    cameras: Sequence[SceneCamera]
    still: np.ndarray | None = None
    times: np.ndarray = field(default_factory=lambda: np.zeros(1))
    frame_names: Sequence[str] = ("",)
