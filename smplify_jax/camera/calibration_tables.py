"""Cameras in files that give names to their numbers: which name means what, and where each camera's names are.

Programs agree on the numbers (OpenCV's) and not on their names: `K`, `matrix`, `camera_matrix`; `R`, `Rot`, `rvec`, `rotation`. Names
are compared in small letters and without underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from smplify_jax.camera.calibrated import CalibratedCamera, calibrated_camera
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.files.printable import printable

Table = Mapping[str, Any]

_SPELLINGS = {
    "matrix": "k matrix cameramatrix intrinsicmatrix intrinsicsmatrix intrinsic intrinsics mtx m",
    "rotation": "rot r rotation rotationmatrix rvec rvecs rotationvector",
    "translation": "t translation translationvector tvec tvecs",
    "extrinsics": "rt extrinsic extrinsics extrinsicmatrix worldtocamera w2c",
    "distortion": "dist distortion distortions distcoef distcoeffs distcoeff distortioncoefficients distortioncoeffs d",
    "size": "size imagesize imgsize resolution imageresolution",
    "width": "width imagewidth w",
    "height": "height imageheight h",
    "fisheye": "fisheye isfisheye",
    "model": "distortionmodel cameramodel",
    "name": "name cameraname serial",
}
_FIELD_OF = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_OF_CAMERAS = ("matrix", "rotation", "translation", "extrinsics", "distortion")
"""A table with one of these is a camera."""

_NUMBERED = re.compile(r"(.*?)(?:_(\w+)|([0-9]+))")
_FISHEYE_MODELS = ("fisheye", "equidistant", "kannalabrandt", "kannalabrandt4", "omni")
_FISHEYE = (
    "is a fisheye lens, which is not supported; undistort the keypoints first and give the pinhole camera of the result"
)


def cameras_of_tree(tree: Any) -> list[CalibratedCamera]:
    """The cameras of a file's content, in its order.

    Raises:
        InputError: there is none, or one lacks something or cannot be used; the end of a sentence about the file.
    """
    tables = list(_tables(tree))
    if not tables:
        raise InputError("it holds no camera: expected a matrix K, a rotation R and a translation t for each")
    is_alone = len(tables) == 1
    cameras = []
    for number, (given_name, table) in enumerate(tables):
        fields = _fields(table)
        name = printable(str(fields.get("name", given_name or number)))
        try:
            cameras.append(_camera(fields, name, is_alone))
        except InputError as error:
            raise InputError(f"camera {name!r}: {error}") from None
    return cameras


def has_only(tree: Any, field: str) -> bool:
    """Whether a file gives intrinsics and no places ("matrix"), or places and no intrinsics ("rotation")."""
    if not isinstance(tree, dict):
        return False
    fields = set()
    for key, value in tree.items():
        fields |= {_split(key)[0]} if not isinstance(value, dict) else set(_fields(value))
    other = "rotation" if field == "matrix" else "matrix"
    return field in fields and other not in fields


def _tables(tree: Any) -> Iterator[tuple[str, Table]]:
    """Name and content of each camera."""
    if isinstance(tree, list):
        yield from ((str(number), table) for number, table in enumerate(tree) if isinstance(table, dict))
        return
    if not isinstance(tree, dict):
        return
    if isinstance(tree.get("cameras"), (list, dict)):
        yield from _tables(tree["cameras"])
        return
    fields = _fields(tree)
    names = [str(name) for name in np.ravel(tree.get("names", []))]
    if names and "matrix" not in fields:
        yield from _by_suffix(tree, names)
    elif "matrix" in fields:
        yield from _stacked(tree, names)
    elif inner := {key: value for key, value in tree.items() if _is_camera(value)}:
        yield from inner.items()
    else:
        suffixes = [suffix for field, suffix in map(_split, tree) if field == "matrix" and suffix]
        yield from _by_suffix(tree, list(dict.fromkeys(suffixes)))


def _is_camera(value: Any) -> bool:
    return isinstance(value, dict) and any(field in _OF_CAMERAS for field in _fields(value))


def _field(key: Any) -> str:
    return _FIELD_OF.get(str(key).lower().replace("_", ""), "")


def _fields(table: Table) -> dict[str, Any]:
    """Values by their meaning; of two rotations the matrix."""
    fields: dict[str, Any] = {}
    for key, value in table.items():
        field = _field(key)
        if field and not (field in fields and np.size(fields[field]) >= np.size(value)):
            fields[field] = value
    return fields


def _split(key: Any) -> tuple[str, str]:
    """Meaning and camera of a key such as "K_01" or "M1"; the camera is "" where the key names none."""
    if field := _field(key):
        return field, ""
    found = _NUMBERED.fullmatch(str(key))
    return (_field(found[1]), found[2] or found[3]) if found else ("", "")


def _by_suffix(tree: Table, names: list[str]) -> Iterator[tuple[str, Table]]:
    """Cameras whose names end their keys: EasyMocap's K_01, R_01, T_01, or M1, D1, M2, D2 with R and T of the second (OpenCV, stereo)."""
    tables: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in tree.items():
        for name in {str(key).partition("_")[2], _split(key)[1]} & set(names):
            tables[name][str(key).removesuffix(name).removesuffix("_")] = value
    common = _fields(tree)
    is_placed = any("translation" in _fields(table) for table in tables.values())
    if len(names) == 2 and not is_placed and {"rotation", "translation"} <= set(common):
        first, second = (
            {key: value for key, value in table.items() if _field(key) != "rotation"} for table in tables.values()
        )
        first |= {"R": np.eye(3), "t": np.zeros(3)}
        second |= {"R": common["rotation"], "t": common["translation"]}
        tables = dict(zip(names, (first, second), strict=True))
    for table in tables.values():
        table.update({field: common[field] for field in ("size", "width", "height") if field in common})
    yield from tables.items()


def _stacked(tree: Table, names: list[str]) -> Iterator[tuple[str, Table]]:
    """One camera, or one for each row of arrays K (V, 3, 3), R (V, 3, 3), t (V, 3)."""
    fields = _fields(tree)
    matrices = host_array(fields["matrix"], "the matrix K")
    if matrices.ndim != 3:
        yield (names or [""])[0], tree
        return
    count = len(matrices)
    rows: dict[str, np.ndarray] = {}
    for field, value in fields.items():
        if field in ("name", "model", "fisheye"):
            continue
        array = host_array(value, f"'{field}'")
        is_shared = field in ("size", "width", "height") and array.ndim < 2 and len(np.ravel(array)) != count
        if not is_shared and (array.ndim == 0 or len(array) != count):
            raise InputError(
                f"the array for '{field}' has shape {array.shape}; expected one for each of {count} cameras"
            )
        rows[field] = np.broadcast_to(array, (count, *array.shape)) if is_shared else array
    for number in range(count):
        name = names[number] if len(names) == count else str(number)
        shared = {field: fields[field] for field in ("model", "fisheye") if field in fields}
        yield name, {field: value[number] for field, value in rows.items()} | shared


def _camera(fields: dict[str, Any], name: str, is_alone: bool) -> CalibratedCamera:
    if np.any(fields.get("fisheye", False)) or _model(fields) in _FISHEYE_MODELS:
        raise InputError(_FISHEYE)
    if "matrix" not in fields:
        raise InputError("its matrix K is missing; expected a key such as 'K', 'matrix' or 'camera_matrix'")
    rotation, translation = _placing(fields, is_alone)
    size, distortion = fields.get("size"), fields.get("distortion")
    if size is None and {"width", "height"} <= set(fields):
        size = [np.ravel(fields["width"])[0], np.ravel(fields["height"])[0]]
    return calibrated_camera(
        matrix=fields["matrix"],
        rotation=rotation,
        translation=translation,
        distortion=() if distortion is None else distortion,
        image_size=size,
        name=name,
    )


def _placing(fields: dict[str, Any], is_alone: bool) -> tuple[Any, Any]:
    """R and t; a single camera without any is the world."""
    if "extrinsics" in fields and not {"rotation", "translation"} <= set(fields):
        numbers = host_array(fields["extrinsics"], "the matrix [R t]")
        if numbers.shape not in ((3, 4), (4, 4)):
            raise InputError(f"the matrix [R t] has shape {numbers.shape}; expected (3, 4) or (4, 4)")
        return numbers[:3, :3], numbers[:3, 3]
    if is_alone and not {"rotation", "translation"} & set(fields):
        return np.eye(3), np.zeros(3)
    for field, words in (("rotation", "'R', 'rotation' or 'rvec'"), ("translation", "'t', 'translation' or 'tvec'")):
        if field not in fields:
            raise InputError(f"its {field} is missing; expected a key such as {words}")
    return fields["rotation"], fields["translation"]


def _model(fields: dict[str, Any]) -> str:
    return re.sub(r"[\W_]", "", str(fields.get("model", ""))).lower()
