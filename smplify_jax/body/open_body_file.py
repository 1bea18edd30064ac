"""What an open body's file must be, before its numbers are taken for places in arrays: see `open_body` for its keys."""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

MAX_VERTICES = 50_000
"""Of the half: several times what any body has, and few enough for all pose correctives in memory."""

_NUM_JOINTS = len(SMPL_JOINT_NAMES)
_NUM_STORED_JOINTS = sum(not name.startswith("right_") for name in SMPL_JOINT_NAMES)

_SHAPES: dict[str, tuple[int | str, ...]] = {
    "num_midline": (),
    "v_template": ("N", 3),
    "shapedirs": ("B", "N", 3),
    "shapedirs_scale": ("B",),
    "posedirs_sizes": (_NUM_JOINTS - 1,),
    "posedirs_rows": ("R",),
    "posedirs": ("R", 3, 9),
    "posedirs_scale": (_NUM_JOINTS - 1,),
    "lbs_joints": ("N", 4),
    "lbs_weights": ("N", 4),
    "faces": ("F", 3),
    "regressor_joints": ("E",),
    "regressor_vertices": ("E",),
    "regressor_weights": ("E",),
    "point_names": ("P",),
    "point_sizes": ("P",),
    "point_vertices": ("W",),
    "point_weights": ("W",),
}
"""Sizes of the arrays; equal letters are equal numbers."""

_LIMITS = {
    "num_midline": "N",
    "posedirs_rows": "N",
    "lbs_joints": _NUM_JOINTS,
    "faces": "N",
    "regressor_joints": _NUM_STORED_JOINTS,
    "regressor_vertices": "V",
    "point_vertices": "V",
    "posedirs_sizes": "R",
    "point_sizes": "W",
}
"""Whole numbers, and what they are below: of sizes, and of the midline's vertices, what they are at most."""

OPEN_BODY_NAMES = {
    "neutral": "open body",
    "female": "open body female",
    "male": "open body male",
    "all_ages": "open body all ages",
}
"""By version, the name of every body whose betas span that open body's shape space rather than SMPL's."""

_SIZES = ("num_midline", "posedirs_sizes", "point_sizes")


def check_stored(data: dict[str, np.ndarray]) -> None:
    """Check an open body's arrays.

    Raises:
        ValueError: one of them is no array of numbers, or of names; they do not fit each other; a number is no place in another; or
            the version is not known.
        KeyError: one is missing.
    """
    if "version" in data and str(data["version"]) not in OPEN_BODY_NAMES:
        raise ValueError(f"'version' is not one of {', '.join(OPEN_BODY_NAMES)}")
    sizes: dict[str, int] = {}
    for name, shape in _SHAPES.items():
        array, kinds = data[name], "U" if name == "point_names" else "iu" if name in _LIMITS else "iuf"
        wanted = tuple(
            sizes.setdefault(n, m) if isinstance(n, str) else n for n, m in zip(shape, array.shape, strict=False)
        )
        if array.dtype.kind not in kinds or array.ndim != len(shape) or array.shape != wanted:
            raise ValueError(f"{name!r} has shape {array.shape} and type {array.dtype}; expected {shape}")
    if not 0 < sizes["N"] <= MAX_VERTICES:
        raise ValueError(f"it has {sizes['N']} vertices; expected at most {MAX_VERTICES}")
    sizes["V"] = 2 * sizes["N"] - int(data["num_midline"])
    for name, limit in _LIMITS.items():
        most = (sizes[limit] if isinstance(limit, str) else limit) - (name not in _SIZES)
        values = data[name]
        if values.size and not 0 <= int(values.min()) <= int(values.max()) <= most:
            raise ValueError(f"{name!r} holds numbers from {values.min()} to {values.max()}; expected 0 to {most}")
    for name, total in (("posedirs_sizes", "R"), ("point_sizes", "W")):
        if int(data[name].sum(dtype=np.int64)) != sizes[total]:
            raise ValueError(f"{name!r} do not add up to {sizes[total]}")
