"""Pictures read from and written to files, as uint8 arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from smplify_jax.errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})


def load_image(path: Path | str) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Raises:
        InputError: the file is missing or not a picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError as error:
        raise InputError(f"There is no picture {path}: check the path.") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}): give a PNG or JPEG file.") from error


def encode_png(image: np.ndarray) -> bytes:
    """The bytes of a PNG file of a (H, W, 3 or 4) uint8 picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def save_image(path: Path | str, image: np.ndarray) -> None:
    """Write a (H, W, 3 or 4) uint8 picture as a PNG file."""
    Path(path).write_bytes(encode_png(image))
