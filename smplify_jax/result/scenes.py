"""Results as the scenes of a report page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA, upright_from
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import LAYOUTS, Layout
from smplify_jax.pictures.report.scene import Scene, SceneCamera, SkinnedPerson, no_picture
from smplify_jax.result.shared_joints import joints_of_weights
from smplify_jax.result.skinning import skinned
from smplify_jax.result.status import FitStatus
from smplify_jax.result.stills import still_of
from smplify_jax.result.warning_sentences import warnings_of
from smplify_jax.result.world import has_z_up
from smplify_jax.terms.objective import TERM_NAMES

_SAME_CAMERA = 2e-3
"""By how much the numbers of a camera may differ between people, of the largest: they may come from files with few digits."""


@dataclass(frozen=True, eq=False)
class FramesOfPerson:
    """One person of a scene.

    Attributes:
        name: shown to the user.
        result: a `FitResult` with a leading axis of frames, as NumPy arrays.
        observed: (T, K, 3), or (T, V, K, 3) for V cameras, as given to the fit; None if not known, and for points in space.
        places: (T,) of these frames among those of the scene, increasing; None if they are all of them.
        remarks: sentences beside the warnings that follow from the result.
    """

    name: str
    result: Any
    observed: np.ndarray | None = None
    places: np.ndarray | None = None
    remarks: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Pictures:
    """What a camera of a scene took.

    Attributes:
        image_size: (width, height) [px]; None if not known.
        picture: of each frame, by its place.
        name: of the camera.
    """

    image_size: tuple[int, int] | None = None
    picture: Callable[[int], np.ndarray | None] = no_picture
    name: str = "camera"


def make_scene(
    name: str,
    people: Sequence[FramesOfPerson],
    pictures: Sequence[Pictures] = (Pictures(),),
    *,
    times: ArrayLike | None = None,
    frame_names: Sequence[str] | None = None,
    layout: Layout | None = None,
) -> Scene:
    """The scene of people who were seen by the same cameras.

    Args:
        name: of the scene.
        people: at least one; all fits of pictures, of the same cameras, or of points.
        pictures: of each camera.
        times: (T,) of the scene's frames [s]; None for a single moment.
        frame_names: T labels.
        layout: that of the fits, if it is not one of the library's.
    Raises:
        InputError: there is nobody, the times are not those of the frames, or people of one picture have different cameras.
    """
    if not people:
        raise InputError("There is nobody to show: give at least one person.")
    clock = np.zeros(1) if times is None else np.asarray(times, np.float64).reshape(-1)
    for person in people:
        if person.places is None and len(person.result) != len(clock):
            raise InputError(f"There are {len(clock)} times for {len(person.result)} frames: give one for each.")
    names = _keypoint_names(people[0].result, layout)
    pictures = pictures or (Pictures(),)
    still, size = still_of(people, pictures[0], layout)
    return Scene(
        name,
        [_spread(_person(one, names), one.places, len(clock)) for one in people],
        _cameras([one.result for one in people], pictures, size),
        still,
        clock - clock[0],
        frame_names or [f"frame {number}" for number in range(len(clock))],
    )


def _keypoint_names(result: Any, layout: Layout | None) -> Sequence[str]:
    """Those of the layout; vertices of a mesh have numbers."""
    known = layout or LAYOUTS.get(result.layout)
    count = result.keypoints_px.shape[-2] if result.point_errors is None else result.point_errors.shape[-1]
    if known is not None and known.num_keypoints != count:
        raise InputError(
            f"The layout {known.name} has {known.num_keypoints} keypoints, and the result {count}: give the layout of the fit."
        )
    return [f"point {number}" for number in range(count)] if known is None else known.keypoint_names


def _cameras(results: Sequence[Any], pictures: Sequence[Pictures], size: tuple[int, int]) -> list[SceneCamera]:
    extrinsics = results[0].extrinsics
    if extrinsics is not None:
        return [_world_camera(results, view, pictures) for view in range(extrinsics.num_views)]
    _check_one_camera(results)
    focal = _known_median([result.camera.focal_length for result in results], float(sum(size)))
    center = _known_median([result.camera.camera_center for result in results], min(size) / 2)
    return [SceneCamera("camera", size, focal, center, UPRIGHT_FROM_CAMERA, np.zeros(3), pictures[0].picture)]


def _check_one_camera(results: Sequence[Any]) -> None:
    """Raise InputError for people of several pictures: one picture cannot be behind all of them."""
    if len(groups_of_one_camera(results)) > 1:
        raise InputError(
            "These people have different cameras, so they are not of one picture: write a page for each picture."
        )


def groups_of_one_camera(results: Sequence[Any]) -> list[list[int]]:
    """The places of results that were fitted with one camera each. Those without a fit, whose camera is not known, are with the first.

    Args:
        results: `FitResult`s of pictures, as NumPy arrays.
    """
    groups: list[tuple[np.ndarray, list[int]]] = []
    without = []
    for place, result in enumerate(results):
        fields = (result.camera.focal_length, result.camera.camera_center)
        lens = np.concatenate([_known_median([np.atleast_2d(field)], np.nan) for field in fields])
        if not np.isfinite(lens).all():
            without.append(place)
            continue
        near = [
            members for first, members in groups if np.abs(lens - first).max() <= _SAME_CAMERA * np.abs(first).max()
        ]
        if near:
            near[0].append(place)
        else:
            groups.append((lens, [place]))
    found = [members for _, members in groups] or [[]]
    found[0] = sorted(found[0] + without)
    return found


def _world_camera(results: Sequence[Any], view: int, pictures: Sequence[Pictures]) -> SceneCamera:
    """One of several cameras; where its pictures' size is not known, its principal point is taken to be their middle."""
    taken = pictures[view] if view < len(pictures) else Pictures(name=f"camera {view}")
    turn = upright_from(is_z_up=has_z_up(results[0]))
    rotation = _known_median([one.extrinsics.rotation[..., view, :, :] for one in results], 0.0)
    translation = _known_median([one.extrinsics.translation[..., view, :] for one in results], 0.0)
    focal = _known_median([one.camera.focal_length[..., view, :] for one in results], 1000.0)
    center = _known_median([one.camera.camera_center[..., view, :] for one in results], 500.0)
    size = taken.image_size or (max(1, round(2 * float(center[0]))), max(1, round(2 * float(center[1]))))
    return SceneCamera(taken.name, size, focal, center, rotation @ turn.T, translation, taken.picture)


def _known_median(arrays: Sequence[Any], fallback: float) -> np.ndarray:
    """The median over people and frames of those numbers that are known: a camera is the same in all of them."""
    rows = np.concatenate([np.asarray(one, np.float64) for one in arrays])
    is_known = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    return np.median(rows[is_known], axis=0) if is_known.any() else np.full(rows.shape[1:], fallback)


def _person(one: FramesOfPerson, keypoint_names: Sequence[str]) -> SkinnedPerson:
    result = one.result
    statuses = [FitStatus(int(code)) for code in result.status]
    num_cameras = 1 if result.extrinsics is None else result.extrinsics.num_views

    def by_camera(array: Any, *last: int) -> np.ndarray:
        return np.asarray(array, np.float64).reshape(len(statuses), num_cameras, len(keypoint_names), *last)

    heights = np.asarray(result.person_height_px, np.float64)
    upright = upright_from(is_z_up=has_z_up(result))
    return SkinnedPerson(
        one.name,
        *skinned(result),
        faces=result.body.faces,
        lbs_weights=result.body.lbs_weights,
        joint_names=SMPL_JOINT_NAMES,
        joint_of_weights=joints_of_weights(result.body),
        joints=np.asarray(result.joints, np.float64) @ upright.T,
        joints_std=np.asarray(result.joints_std, np.float64),
        axes_of_std=axes_of(upright),
        keypoint_names=keypoint_names,
        observed=None if one.observed is None else by_camera(one.observed, 3),
        fitted=by_camera(result.keypoints_px, 2),
        errors_px=by_camera(result.reprojection_error_px),
        heights_px=heights if num_cameras == 1 else np.full(len(statuses), np.nan),
        point_errors_m=None if result.point_errors is None else np.asarray(result.point_errors, np.float64),
        quality=np.asarray(result.quality, np.float64),
        cost_by_term={name: np.asarray(costs, np.float64).reshape(-1) for name, costs in result.cost_by_term.items()},
        statuses=[status.sentence for status in statuses],
        is_good=np.array([status in (FitStatus.CONVERGED, FitStatus.STEP_LIMIT) for status in statuses]),
        warnings=[*warnings_of(result, keypoint_names), *one.remarks],
        cost_by_round=_cost_by_round(result),
    )


def axes_of(upright: np.ndarray) -> tuple[int, int, int]:
    """Which axis of the result lies along x, y and z of a frame to which (3, 3) only exchanges and reverses axes."""
    first, second, third = np.argmax(np.abs(upright), axis=1).tolist()
    return first, second, third


def _cost_by_round(result: Any) -> dict[str, np.ndarray] | None:
    """(T, R) of each term; None where there was one round."""
    if result.round_costs is None or result.round_costs.shape[-2] == 1:
        return None
    costs = np.asarray(result.round_costs, np.float64)
    return {name: costs[..., number] for number, name in enumerate(TERM_NAMES)}


def _spread(person: SkinnedPerson, places: np.ndarray | None, num_frames: int) -> SkinnedPerson:
    """The person among the frames of the scene; absent from all others."""
    if places is None:
        return person

    def spread(array: np.ndarray, fill: float = np.nan) -> np.ndarray:
        among = np.full((num_frames, *array.shape[1:]), fill)
        among[places] = array
        return among

    statuses = np.full(num_frames, "Not in this frame.", object)
    statuses[places] = list(person.statuses)
    of_frames = ("transforms", "joints", "joints_std", "fitted", "errors_px", "heights_px", "quality")
    return replace(
        person,
        **{name: spread(getattr(person, name)) for name in of_frames},
        amounts=spread(person.amounts, 0.0),
        observed=None if person.observed is None else spread(person.observed),
        point_errors_m=None if person.point_errors_m is None else spread(person.point_errors_m),
        cost_by_term={name: spread(costs) for name, costs in person.cost_by_term.items()},
        cost_by_round=None
        if person.cost_by_round is None
        else {name: spread(costs) for name, costs in person.cost_by_round.items()},
        statuses=statuses.tolist(),
        is_good=spread(person.is_good, 1.0) > 0,
    )
