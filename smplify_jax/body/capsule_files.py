"""Capsule files, and giving a body its capsules."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from smplify_jax.body.capsule_placement import place_on_joints
from smplify_jax.body.capsules import PART_JOINTS, PARTS, Capsules
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.npz import load_npz

NUM_FILE_BETAS = 10
"""Betas of a capsule file; its arrays have one more row for the constant part."""

_PUBLISHED_KEYS = ("betas2lens", "betas2rads")
_OWN_KEYS = ("axes", "betas2centers", "num_vertices")


def with_capsules(body: BodyModel, capsules: Capsules | str | os.PathLike[str]) -> BodyModel:
    """Give a body its capsules, which the interpenetration term and `penetration_depth` need.

    Args:
        body: any body of the SMPL family; the open body has its capsules already.
        capsules: Capsules, or a file: what `python -m smplify_jax.learn.capsules` writes, or a `regressors_locked_normalized_*.npz`.
    Raises:
        InputError: the file cannot be read, or was learned for another mesh.
    """
    if not isinstance(capsules, Capsules):
        capsules = load_capsules(capsules, body)
    return replace(body, capsules=capsules.with_num_betas(body.num_betas))


def load_capsules(path: str | os.PathLike[str], body: BodyModel) -> Capsules:
    """Read a capsule file.

    Args:
        path: an .npz with `betas2lens` and `betas2rads`, each (11, 20): ten betas padded with one trailing 1, columns in the order of
            PARTS. Files of our own tool have further keys: `axes` (20, 3), `betas2centers` (11, 20, 3) and `num_vertices`.
        body: the body they are for. Where the file lacks axes and centres, they come from its joints: see `capsule_placement`.
    Raises:
        InputError: no such file, missing keys, wrong shapes, numbers that are not capsules, or another mesh.
    """
    arrays = load_npz(path, {*_PUBLISHED_KEYS, *_OWN_KEYS})
    lens, rads = (_checked(arrays, key, (None, len(PARTS)), path) for key in _PUBLISHED_KEYS)
    if lens.shape != rads.shape or len(lens) < 1:
        raise InputError(
            f"{path}: betas2lens has shape {lens.shape} and betas2rads {rads.shape}; expected the same, such as (11, 20)"
        )
    # Constants in metres: lengths or radii beyond these limits mean a file in other units, or of something else.
    if not ((lens[-1] >= 0).all() and (lens[-1] < 2).all() and (rads[-1] > 0).all() and (rads[-1] < 1).all()):
        raise InputError(
            f"{path}: the last rows must be the mean body's lengths and radii in metres, and are not; use a capsule file in metres"
        )
    num_vertices = len(body.v_template)
    made_for = np.asarray(arrays.get("num_vertices", num_vertices))
    if made_for.shape != () or made_for.dtype.kind not in "iu":
        raise InputError(f"{path}: 'num_vertices' is no whole number; use a file that the tool wrote")
    if made_for != num_vertices:
        raise InputError(
            f"{path}: learned for a body of {made_for} vertices, and {body.name!r} has {num_vertices}; "
            "learn its own with `python -m smplify_jax.learn.capsules`"
        )
    if "axes" in arrays and "betas2centers" in arrays:
        axes = _checked(arrays, "axes", (len(PARTS), 3), path)
        centers = _checked(arrays, "betas2centers", (len(lens), len(PARTS), 3), path)
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(axes, axis=-1, keepdims=True)
        if not ((norms > 0.5) & (norms < 2)).all():
            raise InputError(f"{path}: 'axes' must be unit vectors; use a file that the tool wrote")
        return Capsules(axes / norms, centers, lens, rads)
    axes, centers = place_on_joints(body, PART_JOINTS)
    bare = Capsules(axes, centers, np.zeros((len(centers), len(PARTS)), np.float32), np.ones_like(centers[..., 0]))
    return replace(bare.with_num_betas(len(lens) - 1), betas2lens=lens, betas2rads=rads)


def save_capsules(path: str | os.PathLike[str], capsules: Capsules, num_vertices: int) -> None:
    """Write a capsule file under the published keys and our own, for ten betas. The same capsules give the same bytes.

    Args:
        path: the .npz to write.
        capsules: any number of betas.
        num_vertices: of the body that they are for.
    """
    ten = capsules.with_num_betas(NUM_FILE_BETAS)
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            betas2lens=np.asarray(ten.betas2lens, np.float32),
            betas2rads=np.asarray(ten.betas2rads, np.float32),
            axes=np.asarray(ten.axes, np.float32),
            betas2centers=np.asarray(ten.betas2centers, np.float32),
            num_vertices=np.int32(num_vertices),
        )


def _checked(
    arrays: dict[str, Any], key: str, shape: tuple[int | None, ...], path: str | os.PathLike[str]
) -> np.ndarray:
    """An array of the file in float32, of the wanted shape (None: any size) and finite."""
    if key not in arrays:
        raise InputError(f"{path}: '{key}' is missing; a capsule file has {' and '.join(_PUBLISHED_KEYS)}")
    value = arrays[key]
    is_numeric = isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
    if not is_numeric or not _is_shape(value.shape, shape):
        shown = tuple("n" if size is None else size for size in shape)
        raise InputError(f"{path}: '{key}' has shape {np.shape(value)}; expected numbers of shape {shown}")
    with np.errstate(over="ignore"):  # what single precision cannot hold becomes infinite
        value = value.astype(np.float32)
    if not np.isfinite(value).all():
        raise InputError(f"{path}: '{key}' holds NaN or infinity; learn or download the file again")
    return value


def _is_shape(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w in (None, n) for n, w in zip(shape, wanted, strict=True))
