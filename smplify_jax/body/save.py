"""Write a body in the format of SMPL's files, for programs that read those."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from smplify_jax.body.formats import NAME_KEY, NUM_SHAPE_IN_SMPLX
from smplify_jax.body.load import shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import OPEN_BODY_ORIGIN, open_body_version
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.portable_pickle import portable_pickle
from smplify_jax.geometry.skeleton import SMPLX_JOINT_NAMES

_ROOT_PARENT = 2**32 - 1
"""What SMPL's files store as the root's parent."""


def save_body(path: str | os.PathLike[str], body: BodyModel | None = None) -> None:
    """Write a body as a file of the SMPL family, by default the neutral open body.

    A `.pkl` is read by the package smplx (`smplx.SMPL(path)`, or `smplx.create(folder, "smpl")` for `folder/smpl/SMPL_NEUTRAL.pkl`), by
    other programs that take SMPL's pickles, in Python 2 and 3 and with NumPy from 1.16 on, and by `load_body`. A `.npz` is read by
    `load_body` and by `numpy.load`. Both hold plain NumPy arrays under SMPL's keys: v_template, shapedirs, posedirs, J_regressor (dense:
    Blender's Python has no scipy), J, weights, f, kintree_table, bs_type, bs_style; and `body_name`, so that a renamed open body is not
    taken for SMPL.

    What SMPL's files have no place for is lost: capsules (`with_capsules` gives them back), and named surface points. `load_body`
    recognises those of SMPL's and SMPL-X's own meshes; an open body read from such a file has no nose, eyes, ears, feet or hips, so to
    fit with the open body, call `load_body()`. Likewise smplx takes its joints beyond the 24th from fixed vertices of SMPL's mesh: for the
    open body they are meaningless.

    Files of bodies with fingers lack the hands' principal components and the face's landmarks, which a `BodyModel` does not have, so
    smplx does not read them. Those of SMPL-X get expression directions of zero, which their readers expect after the shape.

    Args:
        path: the file; its ending, `.pkl` or `.npz`, is the format. Its folder must exist.
        body: any body; None is the neutral open body with 10 betas.
    Raises:
        InputError: the ending is another one, or the file cannot be written.
    """
    body = shipped_body(10) if body is None else body
    if not isinstance(body, BodyModel) or not isinstance(path, (str, os.PathLike)):
        raise InputError(
            f"save_body got a {type(path).__name__} and a {type(body).__name__}: give a path, then a body."
        )
    path = Path(path)
    arrays = _arrays(body)
    match path.suffix.lower():
        case ".pkl":
            data = portable_pickle(arrays)
        case ".npz":
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **arrays)
            data = buffer.getvalue()
        case _:
            raise InputError(f"{path}: a body is written as .pkl or .npz; give the file one of these endings")
    with atomic_write(path) as file:
        file.write(data)


def _arrays(body: BodyModel) -> dict:
    v_template = np.asarray(body.v_template)
    parents = np.array([_ROOT_PARENT, *body.parents[1:]], np.uint32)
    regressor = np.asarray(body.J_regressor)
    arrays = {
        "v_template": v_template,
        "shapedirs": _shapedirs(body),
        "posedirs": np.asarray(body.posedirs),
        "J_regressor": regressor,
        "J": regressor @ v_template,
        "weights": np.asarray(body.lbs_weights),
        "f": np.asarray(body.faces).astype(np.uint32),
        "kintree_table": np.stack([parents, np.arange(body.num_joints, dtype=np.uint32)]),
        "bs_type": "lrotmin",  # pose correctives are linear in the entries of R - I
        "bs_style": "lbs",  # linear blend skinning
        NAME_KEY: body.name,
    }
    return arrays | ({"origin": OPEN_BODY_ORIGIN} if open_body_version(body.name) else {})


def _shapedirs(body: BodyModel) -> np.ndarray:
    """The shape directions; for SMPL-X padded to a number from which readers infer which of them are shape."""
    shapedirs = np.asarray(body.shapedirs)
    if body.num_joints != len(SMPLX_JOINT_NAMES):
        return shapedirs
    totals = [total for total, num_shape in NUM_SHAPE_IN_SMPLX.items() if num_shape >= body.num_betas]
    padded = np.zeros((*shapedirs.shape[:2], min(totals)), shapedirs.dtype)
    padded[..., : body.num_betas] = shapedirs
    return padded
