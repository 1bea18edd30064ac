"""Find the pictures that files name: in the folder that was given, whatever the names say."""

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


class PictureFolder:
    """Where pictures are looked for.

    Attributes:
        folder: that their names are relative to.
    """

    def __init__(self, folder: Path | None, *, leads_anywhere: bool = False) -> None:
        """Look in a folder, None for the one that the process runs in; with `leads_anywhere` also where names and links lead out of it."""
        self.folder = Path() if folder is None else folder
        self._root = None if leads_anywhere else os.path.realpath(self.folder)

    def path_of(self, image: str) -> Path:
        """A picture's path."""
        return self.folder / image

    def ending_of(self, image: str) -> str | None:
        """What a picture's name lacks of a file's in the folder, most often nothing; None if there is no such file that can be read.

        Args:
            image: name of the picture, with or without its ending.

        Raises:
            OutsideError: the name, or a link, leads out of the folder.
        """
        path = os.path.join(self.folder, image)
        if "\0" in path:
            return None
        ending = next((ending for ending in ENDINGS if _is_readable(path + ending)), None)
        # Of what is outside, not even whether it is there is told.
        if not self.holds(path + (ending or "")):
            raise OutsideError
        return ending

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Whether a path lies in the folder, or may lie anywhere."""
        if self._root is None:
            return True
        real = os.path.realpath(path)
        return real == self._root or real.startswith(os.path.join(self._root, ""))


class OutsideError(Exception):
    """A picture's name leads out of the folder of pictures."""


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def has_ending(image: str) -> bool:
    """Whether the name has the suffix of a picture."""
    return os.path.splitext(image)[1].lower() in IMAGE_SUFFIXES
