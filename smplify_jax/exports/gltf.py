"""Assemble a binary glTF file (GLB): its JSON, and its arrays in one buffer.

Source: Khronos, glTF 2.0 specification, sections 3.6 (accessors), 3.11 (animations) and 4 (GLB).
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

_COMPONENT_TYPES = {
    np.dtype(np.uint8): 5121,
    np.dtype(np.uint16): 5123,
    np.dtype(np.uint32): 5125,
    np.dtype(np.float32): 5126,
}
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_VERTICES, _INDICES = 34962, 34963
"""What graphics memory a buffer view is for."""

_JSON_CHUNK, _BINARY_CHUNK = b"JSON", b"BIN\0"


class Gltf:
    """A glTF document under construction.

    Attributes:
        content: the JSON. Its lists `accessors`, `bufferViews` and `buffers` are kept here, the others by the caller.
    """

    def __init__(self, generator: str) -> None:
        """Start an empty document of version 2.0 by this program."""
        self.content: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": generator},
            "accessors": [],
            "bufferViews": [],
        }
        self._bytes = bytearray()

    def add(
        self, array: np.ndarray, *, of_vertices: bool = False, of_indices: bool = False, has_bounds: bool = False
    ) -> int:
        """Add an array; returns the number of its accessor.

        Args:
            array: (N, ...) of uint8, uint16, uint32 or float32; matrices (N, 4, 4) as written in books.
            of_vertices: it has a row for each vertex of a mesh.
            of_indices: it has the vertices of triangles.
            has_bounds: state its smallest and largest values, as positions and times must.
        """
        rows = np.ascontiguousarray(
            np.swapaxes(array, 1, 2) if array.ndim == 3 else array
        )  # glTF's matrices are column by column
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": rows.nbytes}
        if of_vertices or of_indices:
            view["target"] = _INDICES if of_indices else _VERTICES
        self._bytes += rows.astype(rows.dtype.newbyteorder("<")).tobytes()
        self._bytes += bytes(-len(self._bytes) % 4)
        self.content["bufferViews"].append(view)
        accessor: dict[str, Any] = {
            "bufferView": len(self.content["bufferViews"]) - 1,
            "componentType": _COMPONENT_TYPES[rows.dtype],
            "count": len(rows),
            "type": _TYPES[rows.shape[1:]],
        }
        if has_bounds:
            accessor |= {
                "min": np.atleast_1d(rows.min(axis=0)).tolist(),
                "max": np.atleast_1d(rows.max(axis=0)).tolist(),
            }
        self.content["accessors"].append(accessor)
        return len(self.content["accessors"]) - 1

    def to_bytes(self) -> bytes:
        """The file."""
        content = self.content | {"buffers": [{"byteLength": len(self._bytes)}]}
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = b"".join(
            struct.pack("<I4s", len(data), kind) + data
            for kind, data in ((_JSON_CHUNK, text), (_BINARY_CHUNK, bytes(self._bytes)))
        )
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
