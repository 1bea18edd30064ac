"""The pictures that exports name or hold, found in their folder."""

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
"""What a picture's name may lack, in the order in which it is tried: OpenPose leaves the ending out."""


def ending_in_folder(image: str, folder: Path | None) -> str | None:
    """What a picture's name lacks of a file's in the folder, most often nothing; None if there is no such file that can be read.

    Args:
        image: name of the picture, with or without its ending.
        folder: that it is relative to; None for a path as it is.
    """
    path = image if folder is None else os.path.join(folder, image)
    return next((ending for ending in ENDINGS if _is_readable(path + ending)), None)


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def has_ending(image: str) -> bool:
    """Whether the name ends as a picture's does."""
    return os.path.splitext(image)[1].lower() in IMAGE_SUFFIXES
