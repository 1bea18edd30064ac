"""What is inside a file, before it is known which keypoint format it is: JSON, or named arrays."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_LISTED = 8
_MAX_LISTED_LENGTH = 40


@dataclass(frozen=True)
class JsonFile:
    """A parsed JSON file.

    Attributes:
        path: where it was read from, for messages.
        value: what `json.loads` returned.
    """

    path: Path
    value: Any

    def describe(self) -> str:
        """A few words for messages about what was found."""
        if isinstance(self.value, dict):
            return f"a JSON object with {_listed(list(self.value), 'keys')}"
        if isinstance(self.value, list) and self.value and isinstance(self.value[0], dict):
            return f"a JSON list of objects with {_listed(list(self.value[0]), 'keys')}"
        return f"JSON of type {type(self.value).__name__}"


@dataclass(frozen=True)
class ArrayFile:
    """An `.npz` file, whose arrays are read one by one so that an unreadable one spoils only itself.

    Attributes:
        path: where it was read from, for messages.
        names: names of its arrays.
    """

    path: Path
    names: tuple[str, ...]
    _archive: Any = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def array(self, name: str) -> np.ndarray:
        """One array; pickled objects are never loaded.

        Raises:
            InputError: the array is damaged, of Python objects, or no array at all.
        """
        try:
            value = self._archive[name]
        # The readers of zip, deflate and npy raise a dozen unrelated types on damaged bytes, MemoryError among them.
        except Exception as error:
            raise InputError(
                f"'{self.path}': the array {name!r} cannot be read ({_first_line(error)}); save plain numbers and "
                "text with numpy.savez"
            ) from error
        if not isinstance(value, np.ndarray):
            raise InputError(f"'{self.path}': {name!r} is not an array; write the file with numpy.savez")
        return value

    def describe(self) -> str:
        """A few words for messages about what was found."""
        return f"an .npz with {_listed([self._describe_array(name) for name in self.names], 'arrays')}"

    def _describe_array(self, name: str) -> str:
        try:
            return f"{name} {self.array(name).shape}"
        except InputError:
            return f"{name} (unreadable)"


def read_contents(path: Path) -> JsonFile | ArrayFile:
    """Read a file as JSON or as `.npz`, judged by its bytes and not by its name.

    Raises:
        InputError: the file cannot be read, is damaged, or is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if not data.strip():
        raise InputError(f"'{path}' is empty; expected keypoints as JSON or .npz")
    if data.startswith(_ZIP_STARTS):
        return _read_npz(path, data)
    return JsonFile(path, _parse_json(path, data))


def _read_npz(path: Path, data: bytes) -> ArrayFile:
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # as many types as above
        raise InputError(f"'{path}' is a damaged or cut-off .npz file; write it again") from error
    return ArrayFile(path, tuple(archive.files), archive)


def _parse_json(path: Path, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        if data.lstrip()[:1] in (b"{", b"["):
            raise InputError(f"'{path}' is damaged or cut-off JSON ({_first_line(error)}); write it again") from error
        hint = "; it is a single .npy array, save it with numpy.savez" if data.startswith(b"\x93NUMPY") else ""
        raise InputError(f"'{path}' is neither JSON nor .npz, the two kinds of keypoint file{hint}") from error


def _listed(items: list[str], kind: str) -> str:
    if not items:
        return f"no {kind}"
    more = ", ..." if len(items) > _MAX_LISTED else ""
    return f"{kind} {', '.join(map(_printable, items[:_MAX_LISTED]))}{more}"


def _printable(text: str) -> str:
    """The beginning of a text that may be damaged, on one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_MAX_LISTED_LENGTH])


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
