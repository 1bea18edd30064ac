"""Find a body file in a folder with the usual layout: `models/smpl/SMPL_NEUTRAL.pkl` and the like."""

from __future__ import annotations

import re
from pathlib import Path

from smplify_jax.errors import InputError
from smplify_jax.files.plain import is_plain

GENDERS = ("neutral", "male", "female")

_GENDER_WORDS = {"neutral": "neutral", "male": "male", "m": "male", "female": "female", "f": "female"}
_FAMILY_WORDS = ("smpl", "smplh", "smplx", "basicmodel")
_MAX_DEPTH = 3  # models/smplh/neutral/model.npz is the deepest layout in use
_SUFFIXES = (".npz", ".pkl")  # the first is preferred where both hold the same model


def check_gender(gender: str | None) -> str | None:
    """The gender in lower case; InputError if it is unknown."""
    if gender is not None and gender.lower() not in GENDERS:
        raise InputError(f"gender {gender!r} is not known: choose {', '.join(GENDERS)}, or leave it out")
    return None if gender is None else gender.lower()


def gender_of_file(path: Path) -> str | None:
    """The gender in a body file's name; None if there is none.

    Known names are `SMPL_MALE`, `SMPLX_NEUTRAL_2020`, `SMPLH_female`, `basicModel_f_lbs_10_207_0_v1.0.0`, and `model`
    in a folder named for the gender.
    """
    words = re.split(r"[^a-z0-9]+", path.stem.lower())
    if words[0] in _FAMILY_WORDS and len(words) > 1:
        return _GENDER_WORDS.get(words[1])
    return _GENDER_WORDS.get(path.parent.name.lower()) if words == ["model"] else None


def find_body_file(folder: Path, gender: str | None) -> Path:
    """The one body file of a gender in a folder or up to three folders below.

    Args:
        folder: Such as smplx's `models`, or one of the folders in it.
        gender: One of `GENDERS`; None takes the only file there is, or the only neutral one.
    Raises:
        InputError: No file fits, or several do; the message names them.
    """
    found = {path: gender_of_file(path) for path in _body_files(folder)}
    fitting = [path for path, of_file in found.items() if of_file == gender]
    if gender is None:
        neutral = [path for path, of_file in found.items() if of_file == "neutral"]
        fitting = neutral if neutral and len(found) > 1 else list(found)
    if len(fitting) == 1:
        return fitting[0]
    wanted = f"{gender} body file" if gender else "body file"
    if fitting:
        names = ", ".join(str(path) for path in fitting)
        raise InputError(f"{folder}: several files fit ({names}); give the path of one of them, or a gender")
    others = ", ".join(str(path) for path in found) or "none"
    raise InputError(
        f"{folder}: there is no {wanted} such as SMPL_NEUTRAL.pkl or SMPLX_MALE.npz; body files found: {others}; "
        "give the path of a file"
    )


def _body_files(folder: Path) -> list[Path]:
    """Body files of any gender, one per model: the same name with another suffix is the same model, and so is a link to it."""
    by_model: dict[tuple[Path, str], Path] = {}
    for depth in range(_MAX_DEPTH):
        for path in sorted(folder.glob("*/" * depth + "*")):
            gender = gender_of_file(path) if path.suffix.lower() in _SUFFIXES and is_plain(path) else None
            if gender is not None:
                model = (path.resolve().with_suffix(""), gender)
                known = by_model.setdefault(model, path)
                by_model[model] = min(known, path, key=lambda p: _SUFFIXES.index(p.suffix.lower()))
    return list(by_model.values())
