"""From the paths on the command line to the people in them, each with their picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smplify_jax.cli.options import FitCommand, ReadOptions
from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES, read_image_size
from smplify_jax.keypoints.load import load_keypoints
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.observations import drop_outside


@dataclass(frozen=True, eq=False)
class PersonInput:
    """One person to fit.

    Attributes:
        name: unique in the run; the outputs' file names begin with it.
        source: the path on the command line.
        layout: name of the keypoint layout.
        keypoints: (K, 3) x, y [px], confidence.
        image_size: (2,) width and height [px], NaN where unknown.
        image_name: what the keypoint file calls the picture, or None.
        image_path: the picture, or None.
    """

    name: str
    source: Path
    layout: str
    keypoints: np.ndarray
    image_size: np.ndarray
    image_name: str | None
    image_path: Path | None = None


@dataclass(frozen=True)
class UnreadInput:
    """A path that could not be read, and why."""

    source: Path
    reason: str


def read_inputs(paths: Sequence[Path], options: ReadOptions) -> tuple[list[PersonInput], list[UnreadInput]]:
    """Read every path; one that cannot be read does not stop the others.

    Raises:
        InputError: the pictures cannot be found, which concerns everybody.
    """
    people: list[PersonInput] = []
    unread: list[UnreadInput] = []
    for path in paths:
        try:
            people += _read_people(path, options)
        except (InputError, OSError) as error:
            unread.append(UnreadInput(path, str(error)))
    names = unique_names(person.name for person in people)
    people = [replace(person, name=name) for person, name in zip(people, names, strict=True)]
    return _with_pictures(people, options), unread


def _read_people(path: Path, options: ReadOptions) -> list[PersonInput]:
    found = load_keypoints(path, options.format, layout=options.layout)
    rows = zip(found.names, found.keypoints, found.image_size, found.image_names, strict=True)
    return [PersonInput(name, path, found.layout, points, size, image) for name, points, size, image in rows]


def _with_pictures(people: list[PersonInput], options: ReadOptions) -> list[PersonInput]:
    """Give each person their picture, and the picture's size where it is not known; then drop what lies outside."""
    paths = _match_pictures(people, options.image)
    # Reading a size opens the file, and a picture may show many people.
    sizes = {path: read_image_size(path) for path in set(paths) if path is not None}
    completed = []
    for person, path in zip(people, paths, strict=True):
        size = person.image_size
        if np.isnan(size).any():
            fallback = options.image_size or (np.nan, np.nan)
            size = np.asarray(fallback if path is None else sizes[path], np.float32)
        keypoints = drop_outside(person.keypoints, size) if options.drop_outside else person.keypoints
        completed.append(replace(person, image_path=path, image_size=size, keypoints=keypoints))
    return completed


def missing_pictures(people: Sequence[PersonInput], command: FitCommand) -> list[str]:
    """What to tell the user about pictures that are not there, and sizes that nobody knows."""
    complaints = []
    num_without_picture = sum(person.image_path is None for person in people)
    if command.read.image is not None and num_without_picture:
        complaints.append(f"{command.read.image} has no picture for {num_without_picture} of {len(people)} people.")
    num_without_size = sum(bool(np.isnan(person.image_size).any()) for person in people)
    is_camera_known = command.camera.focal_length is not None and command.camera.camera_center is not None
    if num_without_size and not is_camera_known:
        complaints.append(
            f"The picture's size is not known for {num_without_size} of {len(people)} people, so the camera is guessed "
            "from their keypoints; give --image or --image-size for a better fit."
        )
    return complaints


def _match_pictures(people: list[PersonInput], where: Path | None) -> list[Path | None]:
    if where is None:
        return [None] * len(people)
    if where.is_dir():
        pictures = _PictureFolder(sorted(path for path in where.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES))
        return [pictures.of(person) for person in people]
    if not where.exists():
        raise InputError(f"There is no picture or folder {where}: check --image.")
    if len({person.image_name for person in people}) <= 1:
        return [where] * len(people)
    # Several pictures' people and one picture: it is shown to those it belongs to.
    return [_PictureFolder([where]).of(person) for person in people]


class _PictureFolder:
    """Pictures to be found by the names that keypoint files use."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_name: dict[str, Path] = {}
        for path in paths:
            self._by_name[path.name] = path
            self._by_name.setdefault(path.stem, path)

    def of(self, person: PersonInput) -> Path | None:
        """The person's picture: named by the keypoint file, or else like the person or their file."""
        if person.image_name is not None:
            # COCO's names may have a folder before them; OpenPose's lack the ending.
            name = Path(person.image_name.replace("\\", "/"))
            return self._by_name.get(name.name) or self._by_name.get(name.stem)
        return self._by_name.get(person.name) or self._by_name.get(person.source.stem)
