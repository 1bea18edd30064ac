"""Pictures read from and written to files, as uint8 arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.budget import check_limit
from smplify_jax.files.kinds import HEIF, FileKind, kind_of, kind_of_file
from smplify_jax.files.plain import open_plain

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif"})
"""The last two are of phones, and need the package pillow-heif."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""What is opened, whatever a file is called: Pillow knows formats that start other programs, such as PostScript."""

_QUARTER_TURNS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture with what its camera wrote about it.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        exif: tag number to value of EXIF's own tags, as `focal_length_from_exif` takes them; empty without any.
    """

    image: np.ndarray
    exif: dict[int, object]


def check_image(image: object, num_channels: tuple[int, ...] = (3,)) -> None:
    """Check that an array is a picture.

    Args:
        image: what a caller gave as one.
        num_channels: that it may have.
    Raises:
        InputError: it is not (H, W, 3) of uint8, or has no pixels.
    """
    is_array = isinstance(image, np.ndarray)
    if not is_array or image.ndim != 3 or image.shape[2] not in num_channels or image.dtype != np.uint8:
        what = f"shape {image.shape} and type {image.dtype}" if is_array else type(image).__name__
        raise InputError(f"the picture is {what}: give an array (H, W, 3) of uint8, red first")
    if not image.size:
        raise InputError(f"the picture has no pixels: its shape is {image.shape}")


def load_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a picture as `load_image` does, with its EXIF tags.

    Raises:
        InputError: as for `load_image`.
    """
    with _opened(path) as image:
        return Photo(_upright_rgb(image), _exif_tags(image))


def load_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    What is transparent becomes white. Grey, palettes and CMYK become RGB, and 16 bits 8.

    Raises:
        InputError: the file is missing, not a picture, larger than the budget (`files.budget`) allows, or HEIC without pillow-heif.
    """
    with _opened(path) as image:
        return _upright_rgb(image)


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a picture, by its first bytes, whatever it is called; False for what cannot be opened."""
    try:
        kind = kind_of_file(path)
    except InputError:
        return False
    return kind is not None and kind.is_picture


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
    with open_plain(path, "a picture") as file:
        kind = kind_of(file.read(32))
        file.seek(0)
        with _explained(path, kind), Image.open(file, formats=_formats_of(kind)) as image:
            _check_size(image)
            yield image


def _formats_of(kind: FileKind | None) -> tuple[str, ...]:
    """Pillow's formats to try.

    Raises:
        InputError: reading needs a package that is not installed.
    """
    if kind != HEIF:
        return _FORMATS
    try:
        from pillow_heif import register_heif_opener  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError("it is HEIC: pip install pillow-heif, or save it as JPEG") from None
    register_heif_opener()
    return ("HEIF",)


def _upright_rgb(image: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return _from_deep_grey(np.asarray(upright))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB"))
    return np.asarray(upright.convert("RGB"))


def _from_deep_grey(grey: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 from (H, W) integers of 16 bits or numbers: Pillow would cut off what is above 255."""
    values = np.nan_to_num(grey.astype(np.float32))
    has_sixteen_bits = grey.dtype.itemsize == 2 or values.max() > 255
    highest = 65535 if has_sixteen_bits else 1 if grey.dtype.kind == "f" and values.max() <= 1 else 255
    eight_bits = np.rint(values * (255 / highest)).clip(0, 255).astype(np.uint8)
    return np.repeat(eight_bits[..., None], 3, axis=2)


def _exif_tags(image: Image.Image) -> dict[int, object]:
    """What the camera wrote; nothing where the tags are damaged, which is no reason not to use the picture."""
    try:
        return dict(image.getexif().get_ifd(ExifTags.IFD.Exif))
    except Exception:  # Pillow's readers raise whatever damaged bytes lead them to
        return {}


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height [px] before a picture is turned upright: of a TIFF, some versions of Pillow say those of afterwards."""
    tags = getattr(image, "tag_v2", None)
    return image.size if tags is None else (int(tags[_TIFF_WIDTH]), int(tags[_TIFF_HEIGHT]))


def _check_size(image: Image.Image) -> None:
    check_limit(image.width * image.height, "picture_pixels", "the number of its pixels is")


@contextmanager
def _explained(name: object, kind: FileKind | None = None) -> Iterator[None]:
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
        reason = _reason(error, kind)
        raise InputError(f"{name} cannot be read as a picture ({reason}): give a PNG or JPEG file.") from error


def _reason(error: Exception, kind: FileKind | None) -> str:
    """Why a file could not be read."""
    if not isinstance(error, UnidentifiedImageError):
        return (str(error) or type(error).__name__).splitlines()[0]
    if kind is None:
        return "it is of another kind"
    return f"it is {kind.name} of a rare kind" if kind.is_picture else f"it is {kind.name}"
