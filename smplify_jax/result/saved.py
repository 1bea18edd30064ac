"""The arrays of a result by name, as they are saved and pickled, and the checks of arrays read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.quality.score import QualityFeatures

FIELD_SHAPES: dict[str, tuple[int | None, ...]] = {
    "betas": (None,),
    "global_orient": (3,),
    "body_pose": (None,),
    "transl": (3,),
    "joints": (len(SMPL_JOINT_NAMES), 3),
    "joints_std": (len(SMPL_JOINT_NAMES), 3),
    "quality": (),
    "start_margin": (),
    "keypoints_px": (None, 2),
    "reprojection_error_px": (None,),
    "person_height_px": (),
    "cost": (),
    "status": (),
    "num_steps": (),
}
"""Fields that are arrays, and their axes per person; None is a length that depends on the body or the layout."""

_OPTIONAL_SHAPES: dict[str, tuple[int | None, ...]] = {
    "velocities": (len(SMPL_JOINT_NAMES), 3),
    "point_errors": (None,),
    "point_scale": (),
    "betas_covariance": (None, None),
    "round_costs": (None, None),
}
"""Fields that a result may lack."""

_EXTRINSICS_SHAPES: dict[str, tuple[int | None, ...]] = {"rotation": (None, 3, 3), "translation": (None, 3)}
_OF_VIEWS = ("keypoints_px", "reprojection_error_px", "focal_length", "camera_center")
"""Arrays that have an axis of views where a result has extrinsics."""

COST, FEATURES = "cost_", "quality_features_"
FEATURE_KEYS = tuple(FEATURES + name for name in QualityFeatures.__dataclass_fields__)
_RENAMED_KEYS = {f"evidence_{name}": FEATURES + name for name in QualityFeatures.__dataclass_fields__}
"""Keys that version 0.1.0 wrote, to their names today."""

_LATER_FEATURES = ("uprightness", "head_height", "foot_height", "hand_height", "turn_from_proposal")
"""What version 0.1.0 did not write; NaN then."""

CAMERA_SHAPES: dict[str, tuple[int | None, ...]] = {"focal_length": (2,), "camera_center": (2,)}
TEXTS = ("layout", "body_name")

_INTEGERS = ("status", "num_steps")
_ALWAYS_FINITE = ("betas", "global_orient", "body_pose", "transl", "joints", *CAMERA_SHAPES)
"""Finite for every person with a body; other fields are NaN where something is not known or not observed."""

_ADVICE = "give a file that FitResult.save wrote."

_MAX_NAMED = 3
"""Missing arrays that an error names: a file of another kind lacks most of them."""


def arrays_of(result: Any) -> dict[str, np.ndarray]:
    """The arrays of a result by name, including those of its camera, its costs and its quality features."""
    arrays = {name: np.asarray(getattr(result, name)) for name in FIELD_SHAPES}
    arrays |= {COST + name: np.asarray(value) for name, value in result.cost_by_term.items()}
    arrays |= {FEATURES + name: np.asarray(value) for name, value in vars(result.quality_features).items()}
    arrays |= {
        name: np.asarray(getattr(result, name)) for name in _OPTIONAL_SHAPES if getattr(result, name) is not None
    }
    if result.extrinsics is not None:
        arrays |= {name: np.asarray(getattr(result.extrinsics, name)) for name in _EXTRINSICS_SHAPES}
    return arrays | {name: np.asarray(getattr(result.camera, name)) for name in CAMERA_SHAPES}


def fields_of(stored: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The inverse of `arrays_of`: the fields of a result, except its body."""
    fields: dict[str, Any] = {name: jnp.asarray(stored[name]) for name in FIELD_SHAPES}
    fields["camera"] = Camera(**{name: jnp.asarray(stored[name]) for name in CAMERA_SHAPES})
    fields["cost_by_term"] = {
        name.removeprefix(COST): jnp.asarray(value) for name, value in stored.items() if name.startswith(COST)
    }
    fields |= {name: jnp.asarray(stored[name]) for name in _OPTIONAL_SHAPES if name in stored}
    if "rotation" in stored:
        fields["extrinsics"] = Extrinsics(**{name: jnp.asarray(stored[name]) for name in _EXTRINSICS_SHAPES})
    features = {key.removeprefix(FEATURES): jnp.asarray(stored[key]) for key in FEATURE_KEYS}
    fields["quality_features"] = QualityFeatures(**features)
    return fields | {"layout": str(stored["layout"])}


def read_saved(path: str | PathLike[str], is_usable: Mapping[int, bool]) -> dict[str, np.ndarray]:
    """Read and check the arrays of a saved result, executing nothing.

    Args:
        path: the file.
        is_usable: for the code of each status, whether it comes with a body.
    Returns:
        The arrays by name: numbers with JAX's dtypes, and two texts. Other arrays of the file are left out.
    Raises:
        InputError: it is not a saved result, lacks an array, or holds an impossible one.
    """
    content = {_RENAMED_KEYS.get(name, name): value for name, value in load_npz(path).items()}
    shapes = FIELD_SHAPES | CAMERA_SHAPES | dict.fromkeys(FEATURE_KEYS, ())
    missing = sorted({*shapes, *TEXTS} - set(content) - {FEATURES + name for name in _LATER_FEATURES})
    if missing:
        more = f" and {len(missing) - _MAX_NAMED} more arrays" if len(missing) > _MAX_NAMED else ""
        raise InputError(f"{path}: is not a saved fit, it lacks {', '.join(missing[:_MAX_NAMED])}{more}; {_ADVICE}")
    unknown = np.full(getattr(content["status"], "shape", ()), np.nan, np.float32)
    content = dict.fromkeys((FEATURES + name for name in _LATER_FEATURES), unknown) | content
    shapes |= {name: () for name in content if name.startswith(COST)}
    shapes |= {name: shape for name, shape in _OPTIONAL_SHAPES.items() if name in content}
    if any(name in content for name in _EXTRINSICS_SHAPES):
        shapes |= {name: (None, *shapes[name]) for name in _OF_VIEWS} | _EXTRINSICS_SHAPES
        absent = sorted(set(_EXTRINSICS_SHAPES) - set(content))
        if absent:
            raise InputError(f"{path}: is not a saved fit, it lacks {absent[0]}; {_ADVICE}")
    arrays = {name: _numbers(content[name], name, path) for name in shapes}
    arrays |= {name: _text(content[name], name, path) for name in TEXTS}
    _check_shapes(arrays, shapes, path)
    _check_people(arrays, is_usable, path)
    return arrays


def check_fits_body(
    stored: Mapping[str, np.ndarray], path: str | PathLike[str], name: str, num_betas: int, num_joints: int
) -> None:
    """Check that a file was fitted with this body.

    Raises:
        InputError: it was fitted with another body.
    """
    fitted, num_pose, most_pose = str(stored["body_name"]), stored["body_pose"].shape[-1], 3 * (num_joints - 1)
    if fitted != name:
        raise InputError(f"{path}: was fitted with the body {fitted!r}, not {name!r}; give that body as `body`.")
    if stored["betas"].shape[-1] > num_betas or num_pose > most_pose or num_pose % 3:
        raise InputError(
            f"{path}: holds {stored['betas'].shape[-1]} betas and a body_pose of {num_pose} numbers, and the body {name!r} has "
            f"{num_betas} and {most_pose}: give the body that was fitted, with all its betas, as `body`."
        )


def _numbers(value: object, name: str, path: object) -> np.ndarray:
    kinds = "iu" if name in _INTEGERS else "fiu"
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
        raise InputError(f"{path}: {name!r} does not hold {'whole ' if name in _INTEGERS else ''}numbers; {_ADVICE}")
    wanted = value.dtype if value.dtype.kind in "iu" else np.dtype(np.float64 if value.itemsize > 4 else np.float32)
    with np.errstate(over="ignore"):  # what overflows becomes infinite, which is checked
        array = np.asarray(value).astype(jax.dtypes.canonicalize_dtype(wanted))
    if value.dtype.kind in "iu" and not np.array_equal(array, value):
        raise InputError(f"{path}: {name!r} holds whole numbers of more than {8 * array.itemsize} bits; {_ADVICE}")
    return array


def _text(value: object, name: str, path: object) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "U" or value.ndim:
        raise InputError(f"{path}: {name!r} is not a text; {_ADVICE}")
    return value


def _check_shapes(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int | None, ...]], path: object) -> None:
    people = arrays["status"].shape
    if len(people) > 2:
        raise InputError(
            f"{path}: 'status' has shape {people}; expected one number, one per person or frame, or one per track and frame; {_ADVICE}"
        )
    for name, shape in shapes.items():
        array, expected = arrays[name], (*people, *shape)
        fits = array.ndim == len(expected) and all(b in (None, a) for a, b in zip(array.shape, expected, strict=True))
        if not fits:
            axes = ", ".join("any" if length is None else str(length) for length in expected)
            raise InputError(f"{path}: {name!r} has shape {array.shape}; expected ({axes}), like 'status'; {_ADVICE}")
    num_keypoints, num_errors = arrays["keypoints_px"].shape[-2], arrays["reprojection_error_px"].shape[-1]
    views = {arrays[name].shape[len(people)] for name in (*_OF_VIEWS, *_EXTRINSICS_SHAPES) if "rotation" in arrays}
    if len(views) > 1:
        raise InputError(f"{path}: has arrays of {' and '.join(map(str, sorted(views)))} views; {_ADVICE}")
    num_points = arrays["point_errors"].shape[-1] if "point_errors" in arrays else num_keypoints
    if num_points != num_keypoints:
        raise InputError(
            f"{path}: 'point_errors' has {num_points} points and 'keypoints_px' {num_keypoints} keypoints; {_ADVICE}"
        )
    if num_keypoints != num_errors:
        raise InputError(
            f"{path}: 'keypoints_px' has {num_keypoints} keypoints and 'reprojection_error_px' {num_errors}; {_ADVICE}"
        )


def _check_people(arrays: Mapping[str, np.ndarray], is_usable: Mapping[int, bool], path: object) -> None:
    codes = np.ravel(arrays["status"])
    unknown = sorted(set(codes.tolist()) - set(is_usable))
    if unknown:
        raise InputError(
            f"{path}: 'status' holds {unknown[0]}, which this version does not know: update smplify-jax, or {_ADVICE}"
        )
    has_body = np.array([is_usable[code] for code in codes.tolist()], bool)
    for name in (*_ALWAYS_FINITE, *(name for name in _EXTRINSICS_SHAPES if name in arrays)):
        is_finite = np.isfinite(arrays[name].reshape(len(codes), *arrays[name].shape[arrays["status"].ndim :]))
        damaged = np.flatnonzero(has_body & ~is_finite.all(axis=tuple(range(1, is_finite.ndim))))
        if damaged.size:
            raise InputError(
                f"{path}: {name!r} of person {damaged[0]} holds numbers that are not finite, but the status says that there is a body: "
                "the file is damaged, fit again."
            )
