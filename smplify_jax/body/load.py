"""Load a body: an open body that is shipped, or the user's file of the SMPL family."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from smplify_jax.body.folder import check_gender, find_body_file, gender_of_file
from smplify_jax.body.formats import ALL_KEYS, body_from_arrays
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import OPEN_BODY_PATHS, load_open_body, open_body_gender, open_body_version
from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.files.plain import open_plain
from smplify_jax.files.safe_pickle import load_pickle

_ZIP_START = b"PK\x03\x04"
_OPEN_BODY_KEY = "format_version"  # only files of our own format have it


def load_body(
    path: str | os.PathLike[str] | None = None, gender: str | None = None, num_betas: int = 10, all_ages: bool = False
) -> BodyModel:
    """Load a body of the SMPL family.

    Reading executes nothing that a file asks for, and needs neither chumpy nor smplx.

    Args:
        path: A `.pkl` or `.npz` file of SMPL, SMPL-H or SMPL-X as they are distributed, a folder of such files as smplx
            lays it out, or a rebuilt open body; None gives an open body that comes with this package.
        gender: "neutral", "male" or "female", in upper or lower case: which file of a folder to take, or which open body;
            without it the open body is the neutral one, whose betas span women and men.
        num_betas: How many shape directions to keep.
        all_ages: Take the open body of children and adults, from 2 to 90 years, of both genders. `betas_at_age` gives the mean shape of an
            age.
    Returns:
        The body, in float32. Hands and face of SMPL-H and SMPL-X are joints like any other; SMPL-X's expressions are
        left out. A mesh other than SMPL's, SMPL-X's or the open body's has no named surface points: `point_names` is
        empty.
    Raises:
        InputError: The file cannot be read or is not such a body, none or several files of the folder fit, or the body
            has fewer betas.
    """
    gender = check_gender(gender)
    if all_ages and (path is not None or gender not in (None, "neutral")):
        raise InputError("the body of all ages is a neutral open body: leave out the file and the gender, or all_ages")
    if all_ages:
        return load_open_body(num_betas, OPEN_BODY_PATHS["all_ages"])
    if path is None:
        return load_open_body(num_betas, OPEN_BODY_PATHS[gender or "neutral"])
    file = _body_file(Path(path), gender)
    arrays = _read_arrays(file)
    if _OPEN_BODY_KEY in arrays:
        body = load_open_body(num_betas=num_betas, path=file)
        _check_is_asked_for(file, body.gender, gender)
        return body
    body = body_from_arrays(arrays, name=file.stem, source=str(file), num_betas=num_betas)
    return replace(body, gender=_gender_of_open_body(body.name) or gender_of_file(file) or gender)


def _gender_of_open_body(name: str) -> str | None:
    version = open_body_version(name)
    return None if version is None else open_body_gender(version)


def shipped_body(num_betas: int, version: str = "neutral") -> BodyModel:
    """An open body of a version in `OPEN_BODY_NAMES`, the same object at every call.

    Programs are compiled per body, and bodies are compared by identity.
    """
    return _shipped_body(num_betas, version)


@lru_cache(maxsize=8)
def _shipped_body(num_betas: int, version: str) -> BodyModel:
    return load_open_body(num_betas, OPEN_BODY_PATHS[version])


def _body_file(path: Path, gender: str | None) -> Path:
    if path.is_dir():
        return find_body_file(path, gender)
    _check_is_asked_for(path, gender_of_file(path), gender)
    return path


def _check_is_asked_for(path: Path, of_file: str | None, gender: str | None) -> None:
    if gender is not None and of_file is not None and of_file != gender:
        raise InputError(f"{path}: this is a {of_file} body and {gender} was asked for; leave gender out for a file")


def _read_arrays(path: Path) -> dict[str, object]:
    """Read the format from the content, not from the file's ending: files get renamed."""
    if _starts_as_zip(path):
        return load_npz(path, {*ALL_KEYS, _OPEN_BODY_KEY})
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: holds a {type(content).__name__}; expected the dict of a body file of the SMPL family"
        )
    return content


def _starts_as_zip(path: Path) -> bool:
    if not os.path.lexists(path):
        raise InputError(f"{path}: there is no such file or folder; check the path")
    with open_plain(path, "a body file") as file:
        return file.read(len(_ZIP_START)) == _ZIP_START
