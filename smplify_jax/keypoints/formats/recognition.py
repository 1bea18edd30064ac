"""Which format a file has, by how it begins."""

from __future__ import annotations

import codecs
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.json_stream import JsonStream
from smplify_jax.keypoints.formats.reading import DamagedFileError, FileHead

HEAD_BYTES = 2**18
"""Enough for the first keys of an object, up to and with that of its pictures, and for the first record of a list."""

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")


def read_head(path: Path) -> FileHead:
    """The beginning of a file.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'; check the path") from None
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if start.startswith(_ZIP_STARTS):
        return FileHead("npz", _array_names(path))
    if start.startswith(b"PAR1"):
        return FileHead("parquet")
    if start.startswith(b"\x89HDF"):
        return FileHead("hdf5")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return _json_head(text.decode(errors="replace"))
    if _is_tar(path):
        return FileHead("tar")
    return _text_head(text) or FileHead("unknown")


def _array_names(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ()


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False


def _text_head(start: bytes) -> FileHead | None:
    """The head of a file of text; None where it is none."""
    try:
        # A window may end within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return None
    if "\0" in text or not text:
        return None
    return FileHead("text", first=text.splitlines()[0].strip())


def _json_head(text: str) -> FileHead:
    stream = JsonStream(io.StringIO(text))
    names: list[str] = []
    first: Any = None
    is_list = stream.peek() == "["
    try:
        if is_list:
            # The first pictures of a video may show nobody.
            first = next((item for item in stream.items() if item), None)
            names = list(first) if isinstance(first, dict) else []
        else:
            for key in stream.members():
                names.append(key)
                if len(names) == 1:
                    first = stream.value()
                else:
                    stream.skip()
    except DamagedFileError:
        pass  # the end of the text, most often
    return FileHead("json list" if is_list else "json object", tuple(names), first)
