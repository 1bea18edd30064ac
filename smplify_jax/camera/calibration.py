"""Calibrations of several cameras, in the files that people have.

| program | file |
|---|---|
| Qualisys | `.qca.txt` |
| Pose2Sim, Anipose, FreeMoCap, Caliscope | `.toml` |
| EasyMocap | `intri.yml` and `extri.yml`: their folder, or one of them |
| OpenCV | FileStorage's YAML or JSON, with `K`, `R`, `T` or `rvec`, `tvec`, or a stereo pair's `M1`, `D1`, `M2`, `D2`, `R`, `T` |
| CMU Panoptic and others | JSON: a list `cameras`, or cameras by name, with `K`, `R`, `t` |
| NumPy | `.npz` of arrays `K` (V, 3, 3), `R` (V, 3, 3), `t` (V, 3); optional `dist`, `image_size`, `names` |

The content decides which it is, not the name. What the numbers mean is in `CalibratedCamera`.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.calibration_qualisys import cameras_of_qualisys
from smplify_jax.camera.calibration_tables import cameras_of_tree, has_only
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.budget import check_limit
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import load_npz
from smplify_jax.files.opencv_yaml import parse_opencv_yaml, with_matrices
from smplify_jax.files.plain import open_plain, read_plain, size_of

METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "inch": 0.0254}
"""Units of length by the names that `load_calibration` takes."""

_MAX_APART = 50.0
"""Cameras that see the same people stand nearer to each other [m]; a larger number is of another unit."""

_TOML = re.compile(r"""\[\[?\s*[\w."'-][\w."' -]*\]\]?\s*(#.*)?|[\w."'-][\w."' -]*=.*""")
_ADVICE = "expected a calibration of Qualisys, Pose2Sim, Anipose, EasyMocap or OpenCV: export it again"


def load_calibration(path: str | os.PathLike[str], *, unit: str | None = None) -> tuple[CalibratedCamera, ...]:
    """Read the cameras of a calibration, in the file's order.

    Args:
        path: the file; of EasyMocap, the folder of `intri.yml` and `extri.yml`, or either of them.
        unit: of the file's translations, a key of `METRES`. Qualisys writes millimetres; files of others are taken to be in metres. The
            files of Anipose and FreeMoCap are in the unit of the board's squares, often mm, and CMU Panoptic's are in cm.
    Raises:
        InputError: the file is missing, damaged, cut off or of another kind; a camera lacks something, is a fisheye lens, or its numbers
            are not those of a camera; or, without `unit`, the cameras stand so far apart that the numbers are hardly metres.
    """
    if unit is not None and unit not in METRES:
        raise InputError(f"unit is {unit!r}; expected one of {', '.join(METRES)}")
    path = Path(path)
    with explained_damage(path, _ADVICE):
        try:
            cameras, own_unit = _read(path)
            return _in_metres(cameras, unit, own_unit)
        except InputError as error:
            raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None


def save_calibration(path: str | os.PathLike[str], cameras: Sequence[CalibratedCamera]) -> None:
    """Write cameras as Pose2Sim's `.toml`, which Anipose and FreeMoCap read too. Translations are in metres.

    Raises:
        InputError: there is no camera, or the file cannot be written.
    """
    if not cameras:
        raise InputError("there is no camera to write; give at least one")
    tables = [_toml_table(number, camera) for number, camera in enumerate(cameras)]
    text = "\n".join([*tables, "[metadata]\nadjusted = false\nerror = 0.0\n"])
    with atomic_write(path) as file:
        file.write(text.encode())


def _read(path: Path) -> tuple[list[CalibratedCamera], float | None]:
    """The cameras with lengths as the file has them, and the metres per unit if the format says it."""
    if path.is_dir():
        return cameras_of_tree(_tree_of_pair(path / "intri.yml", path / "extri.yml")), None
    with open_plain(path, "a calibration file") as file:
        is_archive = file.read(4) == b"PK\x03\x04"
    if is_archive:
        return cameras_of_tree(load_npz(path)), None
    text = _text(path)
    if text.startswith("<"):
        return cameras_of_qualisys(text), METRES["m"]  # the reader's own conversion
    return cameras_of_tree(_with_other_half(path, _tree(text))), None


def _text(path: Path) -> str:
    with open_plain(path) as file:
        check_limit(size_of(file), "value_letters", f"{path}: more bytes than any calibration has,")
    try:
        return read_plain(path).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InputError(f"it is no text in UTF-8; {_ADVICE}") from None


def _tree(text: str) -> Any:
    """What a file of JSON, TOML or OpenCV's YAML holds."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if _TOML.fullmatch(first.strip()):
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"it is damaged or cut-off TOML ({error})") from None
    if text.startswith(("{", "[")):
        try:
            return with_matrices(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputError(f"it is damaged or cut-off JSON ({error.msg}, line {error.lineno})") from None
    if text.startswith("%YAML") or re.search(r":(\s|$)", text, re.MULTILINE):
        return parse_opencv_yaml(text)
    raise InputError(f"it is no calibration; {_ADVICE}")


def _with_other_half(path: Path, tree: Any) -> Any:
    """A file of intrinsics alone, or of places alone, with the other file beside it."""
    for field, here, there in (("matrix", "intri", "extri"), ("rotation", "extri", "intri")):
        other = path.with_name(path.name.replace(here, there))
        if here in path.name and has_only(tree, field):
            if not other.is_file():
                raise InputError(f"it is half of a calibration; put {other.name} beside it")
            return _merged(tree, _tree(_text(other)))
    return tree


def _tree_of_pair(intrinsics: Path, places: Path) -> dict[str, Any]:
    if not (intrinsics.is_file() and places.is_file()):
        raise InputError(
            "it is a folder without intri.yml and extri.yml; give a calibration file, or EasyMocap's folder"
        )
    return _merged(_tree(_text(intrinsics)), _tree(_text(places)))


def _merged(first: Any, second: Any) -> dict[str, Any]:
    if not (isinstance(first, dict) and isinstance(second, dict)):
        raise InputError("intrinsics and places are not in the form that EasyMocap writes")
    return first | second


def _in_metres(
    cameras: list[CalibratedCamera], unit: str | None, own_unit: float | None
) -> tuple[CalibratedCamera, ...]:
    positions = np.array([camera.position for camera in cameras])
    apart = float(np.linalg.norm(positions - positions[:1], axis=1).max())
    if unit is None and own_unit is None and apart > _MAX_APART:
        raise InputError(
            f"its cameras stand {apart:.4g} units of length apart, which are hardly metres; say which unit they are: unit='mm', 'cm' or 'm'"
        )
    scale = own_unit or METRES[unit or "m"]
    return tuple(replace(camera, translation=np.asarray(camera.translation) * scale) for camera in cameras)


def _toml_table(number: int, camera: CalibratedCamera) -> str:
    distortion = np.asarray(camera.distortion, np.float64)
    used = 4 if not distortion[4:].any() else 5 if not distortion[5:].any() else len(distortion)
    name = json.dumps(camera.name or f"cam_{number}", ensure_ascii=False).replace("\x7f", "\\u007f")
    lines = [f"[cam_{number}]", f"name = {name}"]
    if np.isfinite(np.asarray(camera.image_size)).all():
        lines.append(f"size = {_toml(camera.image_size)}")
    lines += [
        f"matrix = {_toml(camera.matrix)}",
        f"distortions = {_toml(distortion[:used])}",
        f"rotation = {_toml(Rotation.from_matrix(np.asarray(camera.rotation, np.float64)).as_rotvec())}",
        f"translation = {_toml(camera.translation)}",
        "fisheye = false",
        "",
    ]
    return "\n".join(lines)


def _toml(numbers: Any) -> str:
    return repr(np.asarray(numbers, np.float64).tolist())
