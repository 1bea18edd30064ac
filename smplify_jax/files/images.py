"""Pictures read from and written to files, as uint8 arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})

_QUARTER_TURNS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


def load_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Raises:
        InputError: the file is missing or not a picture.
    """
    with _opened(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read_image_size(path: str | os.PathLike[str] | IO[bytes]) -> tuple[int, int]:
    """Width and height [px] of a picture as `load_image` would give it, from the head of the file, open or not.

    Raises:
        InputError: the file is missing or not a picture.
    """
    with _opened(path) as image:
        width, height = image.size
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
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise InputError(f"There is no picture {path}: check the path.") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}): give a PNG or JPEG file.") from error
