"""Predictions as a dict of arrays with a row for each person: what is saved of HMR, SPIN, 4D-Humans (HMR2), CLIFF and their like.

Each array has one of these names, and all but a pose may be missing:

- the pose: `pose`, `poses`, `pred_pose`, `pred_rotmat` or `smpl_thetas`, root first; or `global_orient` and `body_pose`, for HMR2 also in a
  dict `pred_smpl_params`. The shape: `betas`, `pred_betas`, `shape`, `pred_shape` or `smpl_betas`.
- the place in the full picture: `pred_cam_t_full` with `scaled_focal_length` (HMR2), `global_t` with `focal_l` (CLIFF), or `transl` with or
  without `focal_length`.
- otherwise the place in a crop: `pred_cam`, `camera` or `cam` (N, 3), and the crop: `box_center` and `box_size` [px] (HMR2), `center` [px]
  and `scale` [200 px] (SPIN), or `bboxes` (N, 4) centre, width and height [px] (PARE). Without a crop the keypoints tell the place.
- picture and person: `imgname`, `img_name`, `image` or `img_path`; `frame_ids`; CLIFF's `detection_all` (picture's number, corners, ...).

SPIN's `has_smpl` is 0 for people without a body.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import SPIN_BOX_UNIT
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.files.printable import printable
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.found import FoundPredictions, found

Content = Mapping[Any, Any]

_POSES = ("pose", "poses", "pred_pose", "pred_rotmat", "smpl_thetas")
_ORIENTS = ("global_orient", "poses_root_cam")
_BODY_POSES = ("body_pose", "poses_body")
_BETAS = ("betas", "pred_betas", "shape", "pred_shape", "smpl_betas")
_FULL = (("pred_cam_t_full", "scaled_focal_length"), ("global_t", "focal_l"), ("transl", "focal_length"))
_WEAK = ("pred_cam", "camera", "cam")
_IMAGES = ("imgname", "img_name", "image", "img_path")
_FRAMES = ("frame_ids", "frame_id")


def read_arrays(content: Content) -> FoundPredictions:
    """The people of one dict.

    Raises:
        InputError: there is no pose, or an array has a row count or shape of its own.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"it holds a {type(content).__name__} where a dict of arrays is expected")
    inner = content.get("pred_smpl_params")
    content = {**content, **inner} if isinstance(inner, Mapping) else content
    bodies = bodies_of(content)
    boxes = _boxes(content, bodies.batch[0])
    return found(
        _with_place(bodies, content),
        images=_images(content, bodies.batch[0]),
        frames=frames_of(content, bodies.batch[0]),
        boxes=boxes,
    )


def bodies_of(content: Content) -> PredictedBodies:
    """Poses and shapes (N, ...), at no known place."""
    pose, orient, others = (_first(content, names) for names in (_POSES, _ORIENTS, _BODY_POSES))
    if pose is None and (orient is None or others is None):
        raise InputError(f"it has no pose, but {listed(content)}")
    parts: dict[str, Any] = (
        {"pose": pose} if orient is None or others is None else {"global_orient": orient, "body_pose": others}
    )
    bodies = PredictedBodies.of(**parts)
    bodies = bodies if bodies.batch else bodies[None]
    if len(bodies.batch) != 1:
        raise InputError(
            f"its pose has the axes {bodies.batch} before those of the body; expected a row for each person"
        )
    betas = _first(content, _BETAS)
    if betas is not None:
        array = host_array(betas, "betas").astype(np.float32)
        array = array.reshape(-1, array.shape[-1]) if array.ndim else array[None, None]
        if len(array) not in (1, bodies.batch[0]):
            raise InputError(
                f"its betas have shape {np.shape(betas)}; expected a row for each of {bodies.batch[0]} people"
            )
        bodies = dataclasses.replace(bodies, betas=np.broadcast_to(array, (bodies.batch[0], array.shape[1])))
    has_body = content.get("has_smpl")
    if has_body is not None:
        is_known = host_array(has_body, "has_smpl").reshape(-1) > 0
        bodies = dataclasses.replace(bodies, body_pose=np.where(is_known[:, None], bodies.body_pose, np.nan))
    return bodies


def frames_of(content: Content, count: int) -> np.ndarray | None:
    """(N,) numbers of frames, None where they are not said."""
    frames = _first(content, _FRAMES)
    if frames is None:
        return None
    array = host_array(frames, "frame_ids").reshape(-1)
    if len(array) != count or not np.isfinite(array).all() or (np.abs(array) > 2**53).any():
        raise InputError(
            f"its frame_ids have shape {np.shape(frames)}; expected a whole number for each of {count} poses"
        )
    return array.astype(np.int64)


def crops_of(content: Content, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Centres (N, 2) and sides (N,) of the crops [px], None where they are not said."""
    if "box_center" in content and "box_size" in content:
        return _rows(content["box_center"], "box_center", count, 2), _sides(content["box_size"], "box_size", count)
    if "center" in content and "scale" in content:
        sides = _sides(content["scale"], "scale", count)
        return _rows(content["center"], "center", count, 2), SPIN_BOX_UNIT * sides
    if content.get("bboxes") is not None:
        boxes = _rows(content["bboxes"], "bboxes", count, 4)
        return boxes[:, :2], boxes[:, 2:].max(axis=1)
    return None


def _with_place(bodies: PredictedBodies, content: Content) -> PredictedBodies:
    count = bodies.batch[0]
    for name, focal_name in _FULL:
        if name in content:
            focal = content.get(focal_name)
            focal = None if focal is None else host_array(focal, focal_name).reshape(-1)
            if focal is not None and len(focal) not in (1, count):
                raise InputError(
                    f"its {focal_name} has {len(focal)} numbers; expected one, or one for each of {count} people"
                )
            return bodies.in_pictures(_rows(content[name], name, count, 3), focal)
    crops, weak = crops_of(content, count), _first(content, _WEAK)
    if weak is None and crops is None:
        return bodies
    if weak is None or crops is None or np.size(weak) != 3 * count:
        return bodies.seen_straight_ahead()
    return in_crops(bodies, _rows(weak, "the weak perspective", count, 3), crops)


def in_crops(bodies: PredictedBodies, weak: np.ndarray, crops: tuple[np.ndarray, np.ndarray]) -> PredictedBodies:
    """Bodies in crops, at no known place where a crop has no size."""
    center, side = crops
    return bodies.in_crops(weak, center, np.where(side > 0, side, np.nan))


def squares(crops: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray | None:
    """(N, 4) left, top, width, height [px] of crops."""
    if crops is None:
        return None
    center, side = crops
    return np.concatenate([center - side[:, None] / 2, np.repeat(side[:, None], 2, axis=1)], axis=1)


def _boxes(content: Content, count: int) -> np.ndarray | None:
    detections = _detections(content, count)
    if detections is None:
        return squares(crops_of(content, count))
    return np.concatenate([detections[:, 1:3], detections[:, 3:5] - detections[:, 1:3]], axis=1)


def _images(content: Content, count: int) -> list[str] | None:
    names = _first(content, _IMAGES)
    if names is None:
        return None
    listed_names = np.atleast_1d(np.asarray(names, object)).reshape(-1)
    texts = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in listed_names]
    detections = _detections(content, count)
    if detections is not None and len(texts) != count:
        places = detections[:, 0].astype(int)
        if (places < 0).any() or (places >= len(texts)).any():
            raise InputError("its detection_all names pictures that imgname lacks")
        return [texts[place] for place in places]
    if len(texts) == 1:
        return texts * count
    if len(texts) != count:
        raise InputError(f"it names {len(texts)} pictures for {count} poses; expected one for each")
    return texts


def _detections(content: Content, count: int) -> np.ndarray | None:
    value = content.get("detection_all")
    if value is None:
        return None
    array = host_array(value, "detection_all").astype(np.float64)
    if array.ndim != 2 or len(array) != count or array.shape[1] < 5 or not np.isfinite(array[:, :5]).all():
        raise InputError(f"its detection_all has shape {array.shape}; expected ({count}, 5 or more) finite numbers")
    return array


def _rows(value: object, name: str, count: int, length: int) -> np.ndarray:
    """(N, length), whatever axes of length one there are."""
    array = host_array(value, name).astype(np.float64)
    if array.size != count * length:
        raise InputError(f"its {name} has shape {array.shape}; expected {(count, length)}")
    return array.reshape(count, length)


def _sides(value: object, name: str, count: int) -> np.ndarray:
    """(N,) from a number, or width and height, for each."""
    array = host_array(value, name).astype(np.float64)
    if count and array.size in (count, 2 * count):
        return array.reshape(count, -1).max(axis=1)
    raise InputError(f"its {name} has shape {array.shape}; expected {(count,)}")


def _first(content: Content, names: tuple[str, ...]) -> Any:
    """The value of the first of these names that is there and not None."""
    return next((content[name] for name in names if content.get(name) is not None), None)


def listed(content: Content, most: int = 8) -> str:
    """A dict's first keys, for messages."""
    keys = ", ".join(printable(str(key)[:40]) for key in list(content)[:most])
    return f"the keys {keys}" if keys else "no keys"
