"""How a file begins, by which its format is recognised."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.files.kinds import kind_of
from smplify_jax.files.npy import DAMAGE, read_array_header
from smplify_jax.files.npz import open_npz
from smplify_jax.files.plain import open_plain
from smplify_jax.files.tar import is_tar
from smplify_jax.keypoints.formats.json_stream import JsonStream
from smplify_jax.keypoints.formats.reading import ArrayHead, DamagedFileError, FileHead

HEAD_BYTES = 2**18
"""Enough for the first keys of an object, up to and with that of its pictures, and for the first records of a list."""

NUM_RECORDS = 8
"""Records of a list that are looked at: one that lacks something, or is none, does not hide what the others are."""

MAX_SKIPPED_RECORDS = 100
"""Values of a list that are looked at to find these."""

MAX_ARRAYS = 256
"""Arrays of an .npz whose headers are looked at."""

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_LISTED, _MAX_LISTED_LENGTH = 8, 40


def read_head(path: Path) -> FileHead:
    """The beginning of a file.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        with open_plain(path, "a file of keypoints") as file:
            start = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if start.startswith(_ZIP_STARTS):
        return _npz_head(path)
    if start.startswith(b"PAR1"):
        return FileHead("parquet")
    if start.startswith(b"\x89HDF"):
        return FileHead("hdf5")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return _json_head(text.decode(errors="replace"), is_whole=len(start) < HEAD_BYTES)
    if not text and path.suffix.lower() == ".txt":
        return FileHead("text", first="")  # labels of a picture that shows nobody
    if not text:
        return FileHead("unknown", damage="is empty")
    if is_tar(path):
        return FileHead("tar")
    if (kind := kind_of(start)) is not None:
        advice = f"; {kind.advice}" if kind.advice else ""
        return FileHead("unknown", damage=f"is {kind.name}, not a file of keypoints{advice}")
    if _is_json(text):
        return FileHead("json value")
    if (line := _first_line_of_text(text)) is not None:
        return FileHead("text", first=line)
    hint = "; save a single array with numpy.savez" if start.startswith(b"\x93NUMPY") else ""
    return FileHead("unknown", damage=f"is neither JSON, .npz, tar nor Parquet{hint}")


def described(head: FileHead) -> str:
    """A few words for messages about what a file is, if it is not damaged."""
    names = ", ".join(map(_name_in_a_message, [name for name in head.names if name][:_MAX_LISTED]))
    if head.kind == "npz":
        shapes = {name: f" {head.arrays[name].shape}" if name in head.arrays else "" for name in head.names}
        names = ", ".join(f"{_name_in_a_message(name)}{shapes[name]}" for name in head.names[:_MAX_LISTED])
        return f"an .npz with the arrays {names}" if names else "an .npz without arrays"
    if head.kind in ("json object", "json list"):
        what = "a JSON object" if head.kind == "json object" else "a JSON list"
        has_objects = head.kind == "json list" and isinstance(head.first, dict)
        what = f"{what} of objects" if has_objects else what
        return f"{what} with the keys {names}" if names else f"{what} without keys"
    return "a single JSON value" if head.kind == "json value" else f"a {head.kind} file"


def _name_in_a_message(name: str) -> str:
    """The beginning of a name that may be damaged, on one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:_MAX_LISTED_LENGTH])


def _npz_head(path: Path) -> FileHead:
    arrays: dict[str, ArrayHead] = {}
    try:
        with open_npz(path) as archive:
            names = archive.names
            for name in islice(archive.members, MAX_ARRAYS):
                try:
                    with archive.open(name) as file:
                        shape, _, dtype = read_array_header(file)
                except DAMAGE:
                    continue  # an unreadable array beside the keypoints does no harm
                arrays[name] = ArrayHead(shape, dtype.kind)
    except InputError:
        raise
    except DAMAGE as error:
        return FileHead("npz", damage=f"is a damaged or cut-off .npz ({_first_line(error)})")
    return FileHead("npz", names, arrays=arrays)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _first_line_of_text(start: bytes) -> str | None:
    """The first line of a file of text; None where it is none."""
    try:
        # A window may end within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text or not text else text.splitlines()[0].strip()


def _json_head(text: str, is_whole: bool) -> FileHead:
    stream = JsonStream(io.StringIO(text))
    names: dict[str, None] = {}
    first: Any = None
    damage = ""
    is_list = stream.peek() == "["
    try:
        if is_list:
            for item in _first_records(stream):
                keys = item if isinstance(item, dict) else {}
                names |= dict.fromkeys(keys)
                # The first pictures of a video may show nobody, and a record may lack something.
                if not first or len(keys) > (len(first) if isinstance(first, dict) else 0):
                    first = item
        else:
            for key in stream.members():
                is_first = not names
                names[key] = None
                if is_first:
                    first = stream.value()
                else:
                    stream.skip()
    except DamagedFileError as error:
        # The end of the text, most often.
        damage = f"is {error}" if is_whole else ""
    return FileHead("json list" if is_list else "json object", tuple(names), first, damage=damage)


def _first_records(stream: JsonStream) -> Iterator[Any]:
    """The first values of a list, until enough of them are objects with keys."""
    num_objects = 0
    for item in islice(stream.items(), MAX_SKIPPED_RECORDS):
        yield item
        num_objects += isinstance(item, dict) and bool(item)
        if num_objects == NUM_RECORDS:
            return


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
