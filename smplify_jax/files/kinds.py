"""What a file is, from its first bytes: pictures, and what users give by mistake."""

from __future__ import annotations

import os
from dataclasses import dataclass

from smplify_jax.files.plain import open_plain


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: for sentences, such as "a JPEG picture".
        is_picture: whether it is of a format of pictures that `load_image` reads.
        is_video: whether it is of a format of videos, perhaps of one that `smplify_jax.files.video` reads.
        advice: what to do with it, "" where that is not plain.
    """

    name: str
    is_picture: bool = False
    is_video: bool = False
    advice: str = ""


HEIF = FileKind("a HEIC picture", is_picture=True)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"}
)
"""Endings of the names of videos that `smplify_jax.files.video` reads."""

_VIDEO = FileKind("a video", is_video=True)
_TO_JPEG = "save it as JPEG or PNG"
_TO_PAGES = "save its pages as JPEG or PNG"
_TO_FILES = "unpack it first"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_NUM_BYTES = 32

_STARTS = (
    (b"\xff\xd8\xff", FileKind("a JPEG picture", is_picture=True)),
    (b"\x89PNG\r\n\x1a\n", FileKind("a PNG picture", is_picture=True)),
    (b"II*\0", FileKind("a TIFF picture", is_picture=True)),
    (b"MM\0*", FileKind("a TIFF picture", is_picture=True)),
    (b"BM", FileKind("a BMP picture", is_picture=True)),
    (b"GIF8", FileKind("a GIF picture", advice=_TO_JPEG)),
    (b"8BPS", FileKind("a Photoshop picture", advice=_TO_JPEG)),
    (b"%!PS", FileKind("a PostScript file", advice=_TO_PAGES)),
    (b"%PDF", FileKind("a PDF document", advice=_TO_PAGES)),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"glTF", FileKind("a glTF scene")),
    (b"Rar!", FileKind("a RAR archive", advice=_TO_FILES)),
    (b"7z\xbc\xaf", FileKind("a 7z archive", advice=_TO_FILES)),
)


def kind_of_file(path: str | os.PathLike[str]) -> FileKind | None:
    """What the first bytes of a file say that it is; None where they say nothing.

    Raises:
        InputError: the file is missing, or is no plain file.
    """
    with open_plain(path) as file:
        return kind_of(file.read(_NUM_BYTES))


def kind_of(start: bytes) -> FileKind | None:
    """What a file is that begins with these bytes, at least 32 of them or all; None where they say nothing."""
    if start[:4] == b"RIFF":
        return {b"WEBP": FileKind("a WebP picture", is_picture=True), b"AVI ": _VIDEO}.get(start[8:12])
    if start[4:8] == b"ftyp":
        if start[8:12] in (b"avif", b"avis"):
            return FileKind("an AVIF picture", advice=_TO_JPEG)
        return HEIF if start[8:12] in _HEIF_BRANDS else _VIDEO
    if start[:2] == b"BM" and start[6:10] != bytes(4):  # two letters are few: a bitmap has four bytes of zeros, too
        return None
    return next((kind for first, kind in _STARTS if start.startswith(first)), None)
