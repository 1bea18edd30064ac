"""Pictures read from and written to files, as uint8 arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.budget import check_limit
from smplify_jax.files.plain import open_plain

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""What is opened, whatever a file is called: Pillow knows formats that start other programs, such as PostScript."""

_QUARTER_TURNS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


def load_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Raises:
        InputError: the file is missing, not a picture, or larger than the budget (`files.budget`) allows.
    """
    with _opened(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read_image_size(path: str | os.PathLike[str] | IO[bytes]) -> tuple[int, int]:
    """Width and height [px] of a picture as `load_image` would give it, from the head of the file, open or not.

    Raises:
        InputError: the file is missing or not a picture.
    """
    with _opened(path) as image:
        width, height = _stored_size(image)
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) in _QUARTER_TURNS
        return (height, width) if is_turned else (width, height)


def save_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a (H, W, 3 or 4) uint8 picture as a PNG file, completely or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_write(path) as file:
        Image.fromarray(image).save(file, format="PNG")


@contextmanager
def _opened(path: str | os.PathLike[str] | IO[bytes]) -> Iterator[Image.Image]:
    if not isinstance(path, (str, os.PathLike)):
        with _explained("the picture"), Image.open(path, formats=_FORMATS) as image:
            _check_size(image)
            yield image
        return
    with open_plain(path, "a picture") as file, _explained(path), Image.open(file, formats=_FORMATS) as image:
        _check_size(image)
        yield image


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height [px] before a picture is turned upright: of a TIFF, some versions of Pillow say those of afterwards."""
    tags = getattr(image, "tag_v2", None)
    return image.size if tags is None else (int(tags[_TIFF_WIDTH]), int(tags[_TIFF_HEIGHT]))


def _check_size(image: Image.Image) -> None:
    check_limit(image.width * image.height, "picture_pixels", "the number of its pixels is")


@contextmanager
def _explained(name: object) -> Iterator[None]:
    """Say what Pillow cannot read in one sentence, and nothing besides.

    Raises:
        InputError: whatever goes wrong.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata, most of them; how large it is, is checked here
            yield
    except InputError as error:
        raise InputError(f"{name} cannot be read as a picture: {error}") from None
    except Exception as error:  # Pillow's readers raise whatever damaged bytes lead them to
        is_other = isinstance(error, UnidentifiedImageError)
        reason = "it is of another kind" if is_other else (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{name} cannot be read as a picture ({reason}): give a PNG or JPEG file.") from error
