"""Look up pictures that keypoint files name, in the folder that was given."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from smplify_jax.files.images import read_image_size
from smplify_jax.files.picture_folder import OutsideError, PictureFolder
from smplify_jax.files.plain import is_plain


class FoundPicture(NamedTuple):
    """Where a picture is; or that its name leads out of the folder."""

    path: Path
    is_outside: bool = False


@lru_cache(maxsize=4096)  # the people of a picture follow each other
def find_picture(folder: Path, image: str, leads_anywhere: bool) -> FoundPicture | None:
    """The picture of that name, which a format may say without its ending, or with folders of its own before it."""
    if is_plain(folder):
        return FoundPicture(folder) if PurePosixPath(image).name in ("", folder.name, folder.stem) else None
    pictures, outside = _pictures_of(folder, leads_anywhere), None
    for name in dict.fromkeys((image, PurePosixPath(image).name)) if image else ():
        try:
            ending = pictures.ending_of(name)
        except OutsideError:
            outside = FoundPicture(pictures.path_of(name), is_outside=True)
        else:
            if ending is not None:
                return FoundPicture(pictures.path_of(name + ending))
    return outside


@lru_cache(maxsize=4)
def _pictures_of(folder: Path, leads_anywhere: bool) -> PictureFolder:
    return PictureFolder(folder, leads_anywhere=leads_anywhere)


@lru_cache(maxsize=4096)
def size_of_picture(picture: Path) -> tuple[float, float]:
    """Width and height [px]; errors as of `read_image_size`."""
    width, height = read_image_size(picture)
    return float(width), float(height)
