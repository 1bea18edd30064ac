"""Read the open bodies that the package ships: of everybody, of women and of men, with the same mesh.

The file holds the left half of an exactly symmetric body, quantised; the right half is its mirror image. Vertices of
the whole: the midline's, then the left side's, then the right side's in the same order. N is the number of vertices of
the half, M of the midline, so the whole has V = 2 N - M.

Keys of the .npz, format version 1:
    format_version, num_midline: int32.
    version: "female", "male" or "all_ages"; a file without it is "neutral".
    age_years (K,), age_betas (K, 16) float32: of all ages, the mean betas at ages [years]; they are linear between these.
    v_template (N, 3) float32 [m]; midline x is zero.
    shapedirs (16, N, 3) int16, shapedirs_scale (16,) float32 [m per unit].
    posedirs_sizes (23,) int32: for how many vertices each joint has correctives; posedirs_rows: these vertices, joint
        after joint; posedirs (rows, 3, 9) int16, posedirs_scale (23,) [m per unit]. Right joints leave out the midline.
    lbs_joints (N, 4) uint8, lbs_weights (N, 4) uint16, to be scaled to sum to one.
    faces (F, 3) uint16 of the half.
    regressor_joints, regressor_vertices, regressor_weights: entries of the left and middle joints, numbered in SMPL's
        order without the right ones; a middle joint's weight is for a vertex and its mirror image together.
    point_names, point_sizes, point_vertices, point_weights: the left and middle named surface points, one after the
        other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.body.capsule_files import with_capsules
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body_file import OPEN_BODY_NAMES, check_stored
from smplify_jax.errors import InputError
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import load_npz
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS, mirrored_name

OPEN_BODY_PATHS = {
    version: Path(__file__).parent / "data" / f"{name.replace(' ', '_')}.npz"
    for version, name in OPEN_BODY_NAMES.items()
}
OPEN_BODY_PATH = OPEN_BODY_PATHS["neutral"]

CAPSULES_PATHS = {version: path.with_name(f"{path.stem}_capsules.npz") for version, path in OPEN_BODY_PATHS.items()}
"""Learned by `python -m smplify_jax.learn.capsules` for the shipped bodies; another open body has none until they are learned for it."""

OPEN_BODY_ORIGIN = (
    "The open body of smplify-jax, not derived from SMPL. Mesh, shapes, skeleton and skinning weights derive from assets of MakeHuman, "
    "dedicated to the public domain under CC0 1.0 Universal (https://creativecommons.org/publicdomain/zero/1.0/); see NOTICE."
)
"""Written into every file of an open body."""

_FORMAT_VERSION = 1
_MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
_FEATURE_SIGNS = (_MIRROR[:, None] * np.outer(_MIRROR, _MIRROR).reshape(1, 9)).astype(np.float32)


@dataclass(frozen=True)
class _Half:
    """Sizes of the file's half, and how it becomes the whole."""

    num_vertices: int
    num_midline: int

    def mirror(self) -> np.ndarray:
        """(V,) the mirrored vertex of each vertex of the whole."""
        left = np.arange(self.num_midline, self.num_vertices)
        return np.concatenate([np.arange(self.num_midline), left + len(left), left])

    @property
    def num_whole(self) -> int:
        return 2 * self.num_vertices - self.num_midline

    def both_sides(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Rows of the whole from rows of the half and their mirror images."""
        return np.concatenate([left, right[self.num_midline :]])


def open_body_version(name: str) -> str | None:
    """The version of the open body of this name, one of `OPEN_BODY_NAMES`; None if it is the name of another body."""
    return next((version for version, known in OPEN_BODY_NAMES.items() if known == name), None)


def open_body_gender(version: str) -> str:
    """The gender of an open body's version: all ages are neutral."""
    return version if version in ("female", "male") else "neutral"


def load_open_body(num_betas: int = 10, path: Path | str = OPEN_BODY_PATH) -> BodyModel:
    """An open body as a `BodyModel`.

    Args:
        num_betas: how many shape directions to keep, at most 16.
        path: a file as `python -m smplify_jax.learn.open_body` writes it.
    Raises:
        InputError: the file cannot be used, or it has fewer betas.
    """
    arrays = read_open_body(path)
    available = arrays["shapedirs"].shape[-1]
    if not 0 <= num_betas <= available:
        raise InputError(
            f"The open body has {available} betas and {num_betas} were asked for: ask for at most {available}."
        )
    version = arrays.pop("version")
    body = BodyModel(
        **arrays | {"shapedirs": arrays["shapedirs"][..., :num_betas]},
        name=OPEN_BODY_NAMES[version],
        gender=open_body_gender(version),
    )
    has_capsules = Path(path) == OPEN_BODY_PATHS[version] and CAPSULES_PATHS[version].is_file()
    return with_capsules(body, CAPSULES_PATHS[version]) if has_capsules else body


def read_open_body(path: Path | str = OPEN_BODY_PATH) -> dict[str, Any]:
    """Read an open body.

    Returns:
        float32 arrays in the SMPL frame (y up, z front, x to the body's left) [m]: v_template (V, 3), shapedirs
        (V, 3, 16), posedirs (V, 3, 207), J_regressor (24, V), lbs_weights (V, 24), point_weights (P, n); int32 arrays
        faces (F, 3), point_vertices (P, n); tuples parents, joint_names, point_names; the text version.

    Raises:
        InputError: the file is not there or is of another format version.
    """
    data = {key: np.asarray(value) for key, value in load_npz(path).items()}
    version = data.get("format_version", np.int32(0))
    if version.shape != () or version.dtype.kind not in "iu" or version != _FORMAT_VERSION:
        shown = version if version.shape == () else "no single number"
        raise InputError(f"{path} has format version {shown}; expected {_FORMAT_VERSION}: rebuild or reinstall it.")
    with explained_damage(path, "rebuild or reinstall it."):
        check_stored(data)
        whole = _whole(data)
    if not all(np.isfinite(array).all() for array in whole.values() if isinstance(array, np.ndarray)):
        raise InputError(f"{path} holds numbers that are not finite; rebuild or reinstall it.")
    return whole


def _whole(data: dict[str, np.ndarray]) -> dict[str, Any]:
    half = _Half(len(data["v_template"]), int(data["num_midline"]))
    joint_mirror = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES])
    template = data["v_template"]
    shapedirs = np.moveaxis(data["shapedirs"] * data["shapedirs_scale"][:, None, None], 0, -1)
    weights = _lbs_weights(data["lbs_joints"], data["lbs_weights"])
    names, vertices, point_weights = _points(data, half)
    return {
        "v_template": half.both_sides(template, template * _MIRROR),
        "shapedirs": half.both_sides(shapedirs, shapedirs * _MIRROR[:, None]),
        "posedirs": _posedirs(data, half),
        "J_regressor": _regressor(data, half),
        "lbs_weights": half.both_sides(weights, weights[:, joint_mirror]),
        "faces": _faces(data["faces"].astype(np.int32), half),
        "point_vertices": vertices,
        "point_weights": point_weights,
        "parents": SMPL_PARENTS,
        "joint_names": SMPL_JOINT_NAMES,
        "point_names": names,
        "version": str(data["version"]) if "version" in data else "neutral",
    }


def _lbs_weights(joints: np.ndarray, quantised: np.ndarray) -> np.ndarray:
    weights = np.zeros((len(joints), len(SMPL_JOINT_NAMES)), np.float32)
    values = quantised.astype(np.float64)
    np.put_along_axis(
        weights, joints.astype(int), (values / values.sum(axis=1, keepdims=True)).astype(np.float32), axis=1
    )
    return weights


def _faces(left: np.ndarray, half: _Half) -> np.ndarray:
    """Mirroring reverses a face's winding, so two of its corners are exchanged."""
    return np.concatenate([left, half.mirror().astype(np.int32)[left][:, [0, 2, 1]]])


def _posedirs(data: dict[str, np.ndarray], half: _Half) -> np.ndarray:
    posedirs = np.zeros((half.num_whole, 3, 9 * (len(SMPL_JOINT_NAMES) - 1)), np.float32)
    mirror = half.mirror()
    ends = np.cumsum(data["posedirs_sizes"])
    for j, name in enumerate(SMPL_JOINT_NAMES[1:]):
        span = slice(ends[j] - data["posedirs_sizes"][j], ends[j])
        rows = data["posedirs_rows"][span].astype(int)
        values = data["posedirs"][span] * data["posedirs_scale"][j]
        partner = SMPL_JOINT_NAMES.index(mirrored_name(name)) - 1
        posedirs[rows, :, 9 * j : 9 * j + 9] = values
        posedirs[mirror[rows], :, 9 * partner : 9 * partner + 9] = values * _FEATURE_SIGNS
    return posedirs


def _regressor(data: dict[str, np.ndarray], half: _Half) -> np.ndarray:
    regressor = np.zeros((len(SMPL_JOINT_NAMES), half.num_whole), np.float32)
    mirror = half.mirror()
    stored = [name for name in SMPL_JOINT_NAMES if not name.startswith("right_")]
    vertices, weights = data["regressor_vertices"].astype(int), data["regressor_weights"]
    for k, name in enumerate(stored):
        is_of_joint = data["regressor_joints"] == k
        at, value = vertices[is_of_joint], weights[is_of_joint]
        if name.startswith("left_"):
            regressor[SMPL_JOINT_NAMES.index(name), at] = value
            regressor[SMPL_JOINT_NAMES.index(mirrored_name(name)), mirror[at]] = value
        else:
            row = regressor[SMPL_JOINT_NAMES.index(name)]
            np.add.at(row, at, 0.5 * value)
            np.add.at(row, mirror[at], 0.5 * value)
    return regressor


def _points(data: dict[str, np.ndarray], half: _Half) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    mirror = half.mirror()
    sizes = data["point_sizes"].astype(int)
    ends = np.cumsum(sizes)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, end, size in zip(data["point_names"].tolist(), ends, sizes, strict=True):
        at, weight = data["point_vertices"][end - size : end].astype(int), data["point_weights"][end - size : end]
        found[name] = at, weight
        if name.startswith("left_"):
            found[mirrored_name(name)] = mirror[at], weight
    vertices = np.zeros((len(found), max(sizes)), np.int32)
    weights = np.zeros((len(found), max(sizes)), np.float32)
    for row, (at, weight) in enumerate(found.values()):
        vertices[row, : len(at)] = at
        weights[row, : len(at)] = weight
    return tuple(found), vertices, weights
