"""The arrays of a body file of the SMPL family, checked, as a `BodyModel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.regressors import point_arrays
from smplify_jax.body.surface_points import surface_points
from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPLX_JOINT_NAMES, joint_names_for_count

KEYS: dict[str, tuple[str, ...]] = {
    "v_template": ("v_template",),
    "shapedirs": ("shapedirs",),
    "posedirs": ("posedirs",),
    "J_regressor": ("J_regressor",),
    "lbs_weights": ("weights", "lbs_weights"),
    "faces": ("f", "faces"),
    "kintree_table": ("kintree_table",),
}
"""Each array of a body, to the keys under which files store it."""

NAME_KEY = "body_name"
"""The key under which `save_body` writes the body's name; bodies from SMPL's own files are named after the file."""

ALL_KEYS = frozenset([NAME_KEY, *(key for keys in KEYS.values() for key in keys)])

NUM_SHAPE_IN_SMPLX = {400: 300, 20: 10}
"""SMPL-X's shapedirs end in expression directions: the number of all directions, to the number of shape directions."""

_MAX_WEIGHT_SUM_ERROR = 0.01
_HEIGHT_RANGE = (0.1, 5.0)
_MAX_DENSE_NUMBERS = 10**7
"""Of a sparse matrix: ten times what SMPL-X's regressor has."""
_MAX_NAME_LENGTH = 200


@runtime_checkable
class _Sparse(Protocol):
    shape: tuple[int, int]

    def toarray(self) -> np.ndarray: ...


def body_from_arrays(arrays: Mapping[str, object], name: str, source: str, num_betas: int) -> BodyModel:
    """Check a body file's arrays and make a body of them.

    Args:
        arrays: Under `KEYS`: v_template (V, 3) [m]; shapedirs (V, 3, B), for SMPL-X followed by expression directions;
            posedirs (V, 3, 9(J-1)), (3V, 9(J-1)) or (9(J-1), 3V); J_regressor (J, V), dense or sparse; weights (V, J);
            f (F, 3); kintree_table (2, J), parents in the first row, the root's any number that is not a joint.
        name: The body's name, if the file does not store one.
        source: What to call the file in messages.
        num_betas: How many shape directions to keep.
    Raises:
        InputError: A key is missing, an array has the wrong shape or holds NaN, or there are fewer shape directions.
    """
    reader = _Reader(arrays, source)
    v_template = reader.numbers("v_template", (None, 3))
    num_vertices = len(v_template)
    lbs_weights = reader.numbers("lbs_weights", (num_vertices, None))
    num_joints = lbs_weights.shape[1]
    joint_names = joint_names_for_count(num_joints)
    if joint_names is None:
        raise reader.error("lbs_weights", f"is for {num_joints} joints; expected 24 (SMPL), 52 (SMPL-H) or 55 (SMPL-X)")
    shapedirs = reader.numbers("shapedirs", (num_vertices, 3, None))
    num_shape = _num_shape_directions(shapedirs.shape[2], num_joints)
    if not 0 <= num_betas <= num_shape:
        raise InputError(
            f"{source}: the body has {num_shape} betas and {num_betas} were asked for; ask for at most {num_shape}"
        )
    faces = reader.whole_numbers("faces", (None, 3))
    _check_values(reader, v_template, lbs_weights, faces)
    points = surface_points(v_template)
    point_vertices, point_weights = point_arrays([(np.array([v]), np.ones(1)) for v in points.values()])
    return BodyModel(
        v_template=v_template,  # pyright: ignore[reportArgumentType]
        shapedirs=np.ascontiguousarray(shapedirs[:, :, :num_betas]),  # pyright: ignore[reportArgumentType]
        posedirs=_posedirs(reader, num_vertices, num_joints),  # pyright: ignore[reportArgumentType]
        J_regressor=reader.numbers("J_regressor", (num_joints, num_vertices)),  # pyright: ignore[reportArgumentType]
        lbs_weights=lbs_weights,  # pyright: ignore[reportArgumentType]
        faces=faces.astype(np.int32),  # pyright: ignore[reportArgumentType]
        point_vertices=point_vertices,  # pyright: ignore[reportArgumentType]
        point_weights=point_weights,  # pyright: ignore[reportArgumentType]
        parents=_parents(reader, num_joints),
        joint_names=joint_names,
        point_names=tuple(points),
        name=_name(arrays, name, source),
    )


def _name(arrays: Mapping[str, object], default: str, source: str) -> str:
    """The name that `save_body` wrote, or the default."""
    if NAME_KEY not in arrays:
        return default
    name = np.asarray(arrays[NAME_KEY])
    if name.ndim or name.dtype.kind != "U" or not (str(name).isprintable() and 0 < len(str(name)) <= _MAX_NAME_LENGTH):
        raise InputError(
            f"{source}: {NAME_KEY!r} is not a name; expected a line of at most {_MAX_NAME_LENGTH} characters"
        )
    return str(name)


def _num_shape_directions(num_directions: int, num_joints: int) -> int:
    has_expressions = num_joints == len(SMPLX_JOINT_NAMES)
    return NUM_SHAPE_IN_SMPLX.get(num_directions, num_directions) if has_expressions else num_directions


class _Reader:
    """Gets arrays by name, in float32, with errors that name the file and the key."""

    def __init__(self, arrays: Mapping[str, object], source: str) -> None:
        self.arrays = arrays
        self.source = source

    def error(self, name: str, what: str) -> InputError:
        return InputError(f"{self.source}: {self.key(name)!r} {what}")

    def key(self, name: str) -> str:
        for key in KEYS[name]:
            if key in self.arrays:
                return key
        raise InputError(
            f"{self.source}: there is no {' or '.join(repr(key) for key in KEYS[name])} in it; expected a body file of "
            f"the SMPL family, with {', '.join(keys[0] for keys in KEYS.values())}"
        )

    def array(self, name: str) -> np.ndarray:
        value = self.arrays[self.key(name)]
        if isinstance(value, _Sparse):
            if value.shape[0] * value.shape[1] > _MAX_DENSE_NUMBERS:
                raise self.error(name, f"has shape {value.shape}, more than any body has")
            value = value.toarray()
        try:
            array = np.asarray(value)
        except (
            ValueError,
            TypeError,
            OverflowError,
        ):  # lists in a pickle: of unequal lengths, or of numbers that no array holds
            raise self.error(name, "is no array; expected one of numbers") from None
        if array.dtype.kind not in "fiu":
            raise self.error(name, f"is of type {array.dtype}; expected numbers")
        return array

    def numbers(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        array = self.array(name)
        self.check_shape(name, array, shape)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows, or is no number, fails the next check
            array = np.ascontiguousarray(array, np.float32)
        if not np.isfinite(array).all():
            raise self.error(
                name, "holds NaN, infinite or absurdly large numbers; the file is damaged: download it again"
            )
        return array

    def whole_numbers(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        array = self.array(name)
        self.check_shape(name, array, shape)
        if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
            raise self.error(name, "holds fractions; expected whole numbers")
        with np.errstate(invalid="ignore"):  # what no int64 holds becomes one that is no vertex and no joint
            return array.astype(np.int64)

    def check_shape(self, name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
        fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
        if not fits or 0 in array.shape:
            expected = ", ".join("any" if n is None else str(n) for n in shape)
            raise self.error(name, f"has shape {array.shape}; expected ({expected})")


def _posedirs(reader: _Reader, num_vertices: int, num_joints: int) -> np.ndarray:
    num_features = 9 * (num_joints - 1)
    shape = reader.array("posedirs").shape
    if shape == (3 * num_vertices, num_features):
        return reader.numbers("posedirs", shape).reshape(num_vertices, 3, num_features)
    if shape == (num_features, 3 * num_vertices):
        return np.ascontiguousarray(reader.numbers("posedirs", shape).T).reshape(num_vertices, 3, num_features)
    return reader.numbers("posedirs", (num_vertices, 3, num_features))


def _parents(reader: _Reader, num_joints: int) -> tuple[int, ...]:
    """Parents by column; the root's entry is -1 in some files and 2**32 - 1 in others."""
    table = reader.whole_numbers("kintree_table", (2, num_joints))
    column_of_joint = {int(joint): column for column, joint in enumerate(table[1])}
    parents = (-1, *(column_of_joint.get(int(parent), num_joints) for parent in table[0, 1:]))
    if not all(parent < joint for joint, parent in enumerate(parents)):
        raise reader.error("kintree_table", "is not a tree; expected each joint's parent to come before it")
    return parents


def _check_values(reader: _Reader, v_template: np.ndarray, lbs_weights: np.ndarray, faces: np.ndarray) -> None:
    # In double precision: what is finite in single may overflow there on the way.
    extent = float(np.ptp(v_template.astype(np.float64), axis=0).max())
    if not _HEIGHT_RANGE[0] <= extent <= _HEIGHT_RANGE[1]:
        raise reader.error("v_template", f"is {extent:.3g} m across; expected a body in metres")
    if np.abs(lbs_weights.sum(axis=1, dtype=np.float64) - 1).max() > _MAX_WEIGHT_SUM_ERROR:
        raise reader.error("lbs_weights", "has rows that do not sum to one; the file is damaged: download it again")
    if faces.min() < 0 or faces.max() >= len(v_template):
        raise reader.error(
            "faces", f"names vertices from {faces.min()} to {faces.max()} of {len(v_template)}; expected from 0"
        )
