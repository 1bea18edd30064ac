"""Find the pictures that exports name or contain."""

from __future__ import annotations

import os
from pathlib import Path

from smplify_jax.files.images import IMAGE_SUFFIXES

_USUAL = (".jpg", ".jpeg", ".png")

ENDINGS = (
    "",
    *(spelling for ending in _USUAL for spelling in (ending, ending.upper())),
    *sorted(spelling for ending in IMAGE_SUFFIXES.difference(_USUAL) for spelling in (ending, ending.upper())),
)
"""Suffixes to try after a picture's name, in this order: OpenPose leaves the suffix out."""


def ending_in_folder(image: str, folder: Path | None) -> str | None:
    """The suffix that completes a picture's name, usually ""; None if no suffix gives a readable file.

    Args:
        image: name of the picture, with or without its suffix.
        folder: the folder that the name is relative to; None if it is a path already.
    """
    path = image if folder is None else os.path.join(folder, image)
    return next((ending for ending in ENDINGS if _is_readable(path + ending)), None)


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def has_ending(image: str) -> bool:
    """Whether the name has the suffix of a picture."""
    return os.path.splitext(image)[1].lower() in IMAGE_SUFFIXES
