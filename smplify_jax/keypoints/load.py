"""`load_keypoints`: people from a file or a folder, in any format that the library reads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints import coco, lsp, npz, openpose
from smplify_jax.keypoints.contents import read_contents
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.observations import MAX_FRACTION, zero_unobserved
from smplify_jax.keypoints.reading import Contents, Format, Person

FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in (npz, lsp, openpose, coco)}
"""Every format by name, in the order in which contents are tried."""

_ENDINGS_IN_FOLDER = (".json", ".npz")


def load_keypoints(
    path: str | os.PathLike[str], format: str | None = None, *, layout: str | None = None
) -> KeypointSet:
    """Read the keypoints of one or more people.

    Args:
        path: a file with any name, or a folder, whose `.json` and `.npz` files are read in the order of their names;
            those that are recognisably no keypoint files are passed over, damaged ones are not. Subfolders are not
            entered.
        format: "npz", "lsp", "openpose" or "coco"; by default recognised by what is in the file.
        layout: read the keypoints as this layout, in place of the one that the file says or that its count of keypoints
            implies; needed for OpenPose's BODY_25B.

    Returns:
        The people of all files, in one layout.

    Raises:
        InputError: the path does not exist, nothing in it is a keypoint file, a file is damaged or malformed, nobody is
            found, the coordinates are not in pixels, or the files have different layouts. The message names the file.
    """
    folder_or_file = Path(path)
    formats = get_formats(format)
    if layout is not None:
        get_layout(layout)
    if folder_or_file.is_dir():
        people = _read_folder(folder_or_file, formats, layout)
    elif folder_or_file.exists():
        people = _read_file(folder_or_file, formats, layout)
    else:
        raise InputError(f"there is no file or folder '{path}'; check the path")
    return _keypoint_set(people, folder_or_file)


def get_formats(name: str | None) -> list[Format]:
    """The format of that name; all of them for None.

    Raises:
        InputError: no format has that name; the message lists the known ones.
    """
    if name is None:
        return list(FORMATS.values())
    if name not in FORMATS:
        raise InputError(f"there is no keypoint format '{name}'; use one of {', '.join(FORMATS)}")
    return [FORMATS[name]]


def _recognised(contents: Contents, formats: list[Format]) -> Format | None:
    return next((candidate for candidate in formats if candidate.recognises(contents)), None)


def _read_file(path: Path, formats: list[Format], layout: str | None) -> list[Person]:
    contents = read_contents(path)
    # With one candidate its reader says better what is wrong than "not recognised" would.
    chosen = formats[0] if len(formats) == 1 else _recognised(contents, formats)
    if chosen is None:
        raise InputError(f"'{path}' is {contents.describe()}, which is no known keypoint format; {_known(formats)}")
    return chosen.read_people(contents, layout)


def _read_folder(folder: Path, formats: list[Format], layout: str | None) -> list[Person]:
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix.lower() in _ENDINGS_IN_FOLDER and not file.name.startswith(".") and file.is_file()
        )
    except OSError as error:
        raise InputError(f"the folder '{folder}' cannot be read: {error.strerror or error}") from error
    people: list[Person] = []
    num_recognised = 0
    origin: dict[str, Path] = {}
    for file in files:
        contents = read_contents(file)
        chosen = _recognised(contents, formats)
        if chosen is None:
            continue
        num_recognised += 1
        found = chosen.read_people(contents, layout)
        for person in found:
            origin.setdefault(person.layout, file)
        people += found
    if not num_recognised:
        raise InputError(
            f"the folder '{folder}' holds no keypoint file among its {len(files)} .json and .npz files; "
            f"{_known(formats)}"
        )
    if len(origin) > 1:
        (one, file_of_one), (other, file_of_other) = list(origin.items())[:2]
        raise InputError(
            f"the folder '{folder}' mixes layouts: {one} in '{file_of_one.name}', {other} in "
            f"'{file_of_other.name}'; read them apart"
        )
    return people


def _keypoint_set(people: list[Person], path: Path) -> KeypointSet:
    if not people:
        raise InputError(f"no people found in '{path}'")
    layouts = sorted({person.layout for person in people})
    if len(layouts) > 1:
        raise InputError(f"'{path}' mixes the layouts {' and '.join(layouts)}; put them into files of their own")
    keypoints = zero_unobserved(np.stack([person.keypoints for person in people]))
    observed = keypoints[keypoints[..., 2] > 0]
    if not len(observed):
        raise InputError(f"no people found in '{path}': none of its keypoints has a confidence above 0")
    if len(observed) > 1 and np.abs(observed[:, :2]).max() <= MAX_FRACTION:
        raise InputError(
            f"the coordinates in '{path}' look like fractions of the picture; write them in pixels (OpenPose: "
            "--keypoint_scale 0)"
        )
    return KeypointSet(
        keypoints=keypoints,
        layout=layouts[0],
        names=unique_names(person.name for person in people),
        image_size=np.array([person.image_size for person in people], dtype=np.float32),
        image_names=tuple(person.image_name for person in people),
    )


def _known(formats: list[Format]) -> str:
    return "known: " + "; ".join(f"{known.name} ({known.description})" for known in formats)
