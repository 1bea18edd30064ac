"""Correspondence files: which points of a body's surface correspond to the points of something else.

| file | content |
|---|---|
| `.npz` | arrays under the names below; or a sparse matrix of `scipy.sparse.save_npz`: a row for each point, a column for each vertex |
| `.json` | an object with lists under these names, or a list of vertices |
| `.csv` | a first line with the names below, and a line for each point |

| name | meaning |
|---|---|
| `vertices` (K,), in CSV `vertex` | the vertex of each point |
| `vertices` (K, N) and `weights` (K, N), in CSV `v0`, `v1`, ..., `w0`, `w1`, ... | several vertices, and the share of each |
| `triangles` (K,) and `barycentric` (K, 3), in CSV `triangle`, `b0`, `b1`, `b2` | a face of the body's mesh, and a place in it |
| `source` (K,) | which of the given points each is; 0, 1, 2, ... without it |
| `std` (K,) | how far a given point may be from the body's [m]; 0 without it |

The content decides which it is, not the file's name.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.body.load import shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.surface_correspondence import SurfacePoints
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.files.budget import Allowance, ReadingTime, check_limit
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import load_npz
from smplify_jax.files.pickle_arrays import check_compressed
from smplify_jax.files.plain import open_plain, read_plain, size_of

_ADVICE = "expected vertices, vertices with weights, or triangles with barycentric coordinates, in an .npz, JSON or CSV"
_NUM_BETAS = 10
_NAMES = ("vertices", "weights", "triangles", "barycentric", "source", "std")
_SINGULAR = {"vertex": "vertices", "weight": "weights", "triangle": "triangles"}
_NUMBERED = {"v": "vertices", "w": "weights", "b": "barycentric"}


def load_surface_points(path: str | os.PathLike[str], body: BodyModel | None = None) -> SurfacePoints:
    """Read which points of a body's surface correspond to the points of something else, such as the vertices of another mesh.

    `fit_points(vertices, layout=load_surface_points("correspondence.npz"))` then fits the body to them. `smplify_jax.body.surface_files`
    describes the files.

    Args:
        path: the file.
        body: whose mesh the file is about; the open body by default.
    Raises:
        InputError: the file is missing, damaged, or has something else in it; or the body's mesh has fewer vertices or faces.
    """
    path = Path(path)
    body = shipped_body(_NUM_BETAS) if body is None else body
    with explained_damage(path, _ADVICE), ReadingTime(path).running():
        try:
            fields = _fields(path)
            vertices, weights = _vertices(fields, body)
            points = SurfacePoints.of(
                vertices, weights, source=fields.get("source"), std=fields.get("std"), name=path.name
            )
            points.check(body)
            return points
        except InputError as error:
            raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None


def _fields(path: Path) -> dict[str, Any]:
    """What the file has under the names that are known."""
    with open_plain(path, "a correspondence file") as file:
        is_archive = file.read(4) == b"PK\x03\x04"
        num_bytes = size_of(file)
    if is_archive:
        arrays = load_npz(path)
        return (
            _of_sparse(arrays, num_bytes)
            if "shape" in arrays
            else {name: arrays[name] for name in _NAMES if name in arrays}
        )
    check_limit(num_bytes, "value_letters", "more bytes than any correspondence has,")
    try:
        text = read_plain(path).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InputError(f"it is no text in UTF-8; {_ADVICE}") from None
    if not text.startswith(("{", "[")):
        return _of_table(text)
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"it is damaged or cut-off JSON ({error.msg}, line {error.lineno})") from None
    return {"vertices": tree} if isinstance(tree, list) else {name: tree[name] for name in _NAMES if name in tree}


def _vertices(fields: dict[str, Any], body: BodyModel) -> tuple[Any, Any]:
    """Vertices and weights, of triangles those of their corners."""
    if "vertices" in fields:
        return fields["vertices"], fields.get("weights")
    if "triangles" not in fields or "barycentric" not in fields:
        raise InputError(f"it has neither vertices nor triangles with barycentric coordinates; {_ADVICE}")
    triangles, faces = host_array(fields["triangles"], "the triangles"), np.asarray(body.faces)
    is_face = (triangles >= 0) & (triangles < len(faces)) & (triangles == np.floor(triangles))
    if triangles.ndim != 1 or not is_face.all():
        raise InputError(f"the triangles must be (K,) numbers of the {len(faces)} faces of {body.name!r}, from 0 on")
    return faces[triangles.astype(np.int64)], fields["barycentric"]


def _of_table(text: str) -> dict[str, Any]:
    """Columns by name."""
    lines = [line for line in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in line)]
    names = [name.strip().lower() for name in lines[0]] if lines else []
    if len(lines) < 2 or any(len(line) != len(names) for line in lines):
        raise InputError(f"its lines have different numbers of cells, or there is none below the names; {_ADVICE}")
    try:
        numbers = np.array([[float(cell) for cell in line] for line in lines[1:]])
    except ValueError as error:
        raise InputError(f"a cell below the first line is no number ({error})") from None
    fields: dict[str, Any] = {}
    for name, column in zip(names, numbers.T, strict=True):
        known = _SINGULAR.get(name, name)
        if known in _NAMES:
            fields[known] = column
        elif name[:1] in _NUMBERED and name[1:].isdecimal():
            fields.setdefault(_NUMBERED[name[:1]], []).append(column)
    return {name: np.stack(value, axis=1) if isinstance(value, list) else value for name, value in fields.items()}


def _of_sparse(arrays: dict[str, Any], num_bytes: int) -> dict[str, Any]:
    """Vertices and weights (K, N) of a sparse matrix (K, V); rows with fewer than N entries have weight zero on vertex zero."""
    allowance = Allowance(num_bytes)
    rows, columns, values, count = _entries(arrays)
    allowance.charge(16 * count)
    order = np.argsort(rows, kind="stable")
    rows, columns, values = rows[order], columns[order], values[order]
    first = np.searchsorted(rows, np.arange(count))
    place = np.arange(len(rows)) - first[rows]
    width = int(place.max(initial=0)) + 1
    allowance.charge(16 * count * width)
    vertices, weights = np.zeros((count, width), np.int64), np.zeros((count, width))
    vertices[rows, place], weights[rows, place] = columns, values
    return {"vertices": vertices, "weights": weights}


def _entries(arrays: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Row, column and value of each entry of a sparse matrix, and its number of rows; nothing of scipy's runs."""
    kind = arrays.get("format")
    kind = kind.item() if isinstance(kind, np.ndarray) and kind.ndim == 0 else kind
    kind = kind.decode(errors="replace") if isinstance(kind, bytes) else kind
    count, length = (int(number) for number in host_array(arrays["shape"], "the shape").reshape(2))
    data = host_array(arrays["data"], "the data").astype(np.float64)
    if kind == "coo":
        rows, columns = (host_array(arrays[name], name).astype(np.int64) for name in ("row", "col"))
        if not rows.shape == columns.shape == data.shape or data.ndim != 1:
            raise InputError("its sparse matrix has rows, columns and data of different lengths; save it again")
    elif kind in ("csr", "csc"):
        indices, pointers = (host_array(arrays[name], name).astype(np.int64) for name in ("indices", "indptr"))
        lines, across = (count, length) if kind == "csr" else (length, count)
        check_compressed(data, indices, pointers, lines, across)
        along = np.repeat(np.arange(lines), np.diff(pointers))
        rows, columns = (along, indices) if kind == "csr" else (indices, along)
    else:
        raise InputError(f"its sparse matrix has the format {kind!r}; expected csr: save matrix.tocsr()")
    if count < 1 or data.size == 0 or rows.min() < 0 or rows.max() >= count or columns.min() < 0:
        raise InputError("its sparse matrix is empty, or has entries outside of its shape; save it again")
    return rows, columns, data, count
