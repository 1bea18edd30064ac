"""The tar files that 4D-Humans trains on, in the order of WebDataset: for each picture `KEY.jpg` and `KEY.data.pyd`.

`data.pyd` is a pickled list of people, each a dict with `keypoints_2d` (44, 3) [px of the full picture], in the order of its
.npz; `center` (2,) [px]; `scale`, (2,) or a number, **in units of 200 px** as in SPIN, and not in pixels as in its .npz: its
loader multiplies by 200. The pickle is read without executing anything. The picture's size is read from the picture.
Source: Goel et al., ICCV 2023, and the maintainers' answers on the files; WebDataset's documentation, "The WebDataset format".
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, budget, to_raise
from smplify_jax.files.images import read_image_size
from smplify_jax.files.safe_pickle import parse_pickle
from smplify_jax.files.tar import DAMAGE, open_tar
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.hmr2 import LAYOUT, WHOSE, spin49_rows
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Source,
    check_layout,
    known_size,
)

_PEOPLE = "data.pyd"
_PICTURES = ("jpg", "jpeg", "png")


@dataclass
class _Sample:
    """The members of one key, as far as they were met, and what the file may still ask for."""

    key: str
    allowance: Allowance
    people: bytes | None = None
    image: str = ""
    picture: bytes | None = None


@dataclass(frozen=True)
class _Person:
    """One entry of a list of people, or the reason why the list cannot be read, and their picture."""

    value: Any
    image: str
    picture: bytes | None


def recognises(head: FileHead) -> bool:
    """A tar file."""
    return head.kind == "tar"


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each picture."""

    def make(position: str, person: _Person) -> FoundPerson:
        check_layout(source, LAYOUT, WHOSE)
        if isinstance(person.value, InputError):
            raise person.value
        if not isinstance(person.value, dict) or not isinstance(person.value.get("keypoints_2d"), np.ndarray):
            raise InputError("the person is no dict with an array keypoints_2d, as 4D-Humans writes it")
        return found_person(
            source,
            position,
            spin49_rows(person.value["keypoints_2d"]),
            LAYOUT,
            image=person.image,
            image_size=_size(person),
            box=_box(person.value),
        )

    return rows_of(source, _people(source.path), make)


def _people(path: Path) -> Iterator[tuple[str, _Person]]:
    for number, sample in enumerate(_samples(path)):
        place = f"{number}/{sample.key}"
        if sample.people is None:
            continue  # a picture without anybody in it
        try:
            people = parse_pickle(sample.people, _PEOPLE, sample.allowance)
            if not isinstance(people, (list, tuple)):
                raise InputError(f"{_PEOPLE} holds a {type(people).__name__}; expected a list of people")
        except InputError as error:
            yield place, _Person(error, sample.image, sample.picture)
            continue
        for k, person in enumerate(people):
            yield f"{place}[{k}]", _Person(person, sample.image, sample.picture)


def _samples(path: Path) -> Iterator[_Sample]:
    """Members of the same key that follow each other, as WebDataset groups them."""
    sample: _Sample | None = None
    try:
        with open_tar(path) as (archive, allowance):
            for member in archive:
                if not member.isfile():
                    continue
                key, ending = _key_and_ending(member.name)
                if sample is not None and sample.key != key:
                    yield sample
                    sample = None
                sample = sample or _Sample(key, allowance)
                if ending == _PEOPLE:
                    sample.people = _bytes(archive, member)
                elif ending.lower() in _PICTURES:
                    sample.image, sample.picture = f"{key}.{ending}", _bytes(archive, member)
    except DAMAGE as error:
        if sample is not None:
            # What was read of it is whole: a member is read in one go.
            yield sample
        place = "" if sample is None else sample.key
        if isinstance(error, DamagedFileError) or (isinstance(error, InputError) and sample is None):
            raise
        what = str(error) if isinstance(error, InputError) else f"damaged or cut-off tar ({error})"
        raise DamagedFileError(f"{what}; nothing after it is read", place) from error
    if sample is not None:
        yield sample


def _key_and_ending(name: str) -> tuple[str, str]:
    """A member's key and ending, which begins at the first dot of its base name."""
    folder, slash, base = name.rpartition("/")
    stem, _, ending = base.partition(".")
    return f"{folder}{slash}{stem}", ending


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > budget().member_bytes:
        raise DamagedFileError(
            f"{member.name} has {member.size} bytes; expected at most {budget().member_bytes} ({to_raise('member_bytes')})",
            member.name,
        )
    file = archive.extractfile(member)
    data = file.read() if file is not None else b""
    if len(data) < member.size:
        raise tarfile.ReadError(f"{member.name} is shorter than it claims")
    return data


def _size(person: _Person) -> tuple[float, float] | None:
    if person.picture is None:
        return None
    try:
        return known_size(*read_image_size(io.BytesIO(person.picture)))
    except InputError as error:
        raise InputError(f"the picture {person.image} cannot be read") from error


def _box(person: dict[Any, Any]) -> CropBox | None:
    if "center" not in person and "scale" not in person:
        return None
    return CropBox.from_spin(person.get("center"), person.get("scale"))


FORMAT = KeypointFormat(
    "4dhumans-tar",
    "tar files of 4D-Humans, with data.pyd",
    recognises,
    read,
    content="tar files with `KEY.jpg` and `KEY.data.pyd` for each picture",
    layouts="`spin49`",
    endings=(".tar",),
)
