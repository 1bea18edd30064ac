"""Read the people in the paths on the command line, and find each person's picture."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from smplify_jax.cli.options import FitCommand, ReadOptions
from smplify_jax.cli.photos import detected_people, pictures_of
from smplify_jax.cli.shared_options import CameraOptions
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import get_detector
from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES, read_image_size
from smplify_jax.files.picture_folder import PictureFolder
from smplify_jax.keypoints.formats import reading as formats
from smplify_jax.keypoints.load import find_people, image_name, nobody_found
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.observations import drop_outside
from smplify_jax.keypoints.person_names import person_names
from smplify_jax.keypoints.rows import DatasetRow, PassedFile, RejectedRow


@dataclass(frozen=True, eq=False)
class PersonInput:
    """One person to fit.

    Attributes:
        name: unique in the run; the outputs' file names begin with it.
        source: the path on the command line.
        row: the person as read from the file.
        keypoints: (K, 3) x, y [px], confidence: those of the row, without any that --drop-outside removes.
        image_size: (2,) width and height [px], NaN where unknown.
        image_path: the picture, or None.
        is_detected: whether the path is a picture, in which the keypoints were found.
    """

    name: str
    source: Path
    row: DatasetRow
    keypoints: np.ndarray
    image_size: np.ndarray
    image_path: Path | None = None
    is_detected: bool = False

    @property
    def layout(self) -> str:
        """Name of the keypoint layout."""
        return self.row.layout

    @property
    def image_name(self) -> str | None:
        """What the keypoint file calls the picture, or None."""
        return image_name(self.row)


@dataclass(frozen=True)
class UnreadInput:
    """A path in which nothing could be read, and the reason."""

    source: Path
    reason: str


@dataclass(frozen=True)
class RejectedInput:
    """An unusable record or file of a path that has usable ones."""

    source: Path
    row: RejectedRow


@dataclass(frozen=True)
class PassedInput:
    """A file of a path that holds something other than keypoints."""

    source: Path
    row: PassedFile


@dataclass(frozen=True)
class FoundInputs:
    """Everything found in the paths on the command line.

    Attributes:
        people: people to fit.
        unread: paths without any person.
        rejected: other records and files that cannot be used.
        passed: files that hold something other than keypoints.
    """

    people: list[PersonInput] = field(default_factory=list)
    unread: list[UnreadInput] = field(default_factory=list)
    rejected: list[RejectedInput] = field(default_factory=list)
    passed: list[PassedInput] = field(default_factory=list)


def read_inputs(paths: Sequence[Path], options: ReadOptions) -> FoundInputs:
    """Read every path, continuing after paths and records that cannot be used.

    Args:
        paths: files and folders of keypoints; pictures, and folders of nothing else, in which people are then detected.
        options: how they are read.

    Raises:
        InputError: the file or folder of pictures cannot be used, or there is no detector, which affects everybody.
    """
    found = FoundInputs()
    reading = _reading(options)
    detector: Detector | None = None
    for path in paths:
        pictures = pictures_of(path) if options.format is None else []
        if pictures:
            detector = detector or get_detector(options.detector, options.detector_model)
            _detect_people(pictures, detector, found)
            continue
        try:
            _read_people(path, options.format, reading, found)
        except (InputError, OSError) as error:
            found.unread.append(UnreadInput(path, str(error)))
    names = unique_names(person.name for person in found.people)
    people = [replace(person, name=name) for person, name in zip(found.people, names, strict=True)]
    return replace(found, people=_with_pictures(people, options))


def _reading(options: ReadOptions) -> formats.ReadOptions:
    """Options for what the files may not state. With --image, --image-size applies later, to people whose picture is not found."""
    where, size = options.image, options.image_size
    if where is None:
        return formats.ReadOptions(options.layout, None if size is None else (float(size[0]), float(size[1])))
    if not where.exists():
        raise InputError(f"There is no picture or folder {where}: check --image.")
    if not where.is_dir():
        read_image_size(where)  # fail at once if the only picture is unreadable
    return formats.ReadOptions(options.layout, image_folder=where, pictures_anywhere=options.pictures_anywhere)


def _read_people(path: Path, format: str | None, reading: formats.ReadOptions, into: FoundInputs) -> None:
    found = find_people(path, format, reading)
    for name, row in zip(found.names, found.people, strict=True):
        size = np.asarray(row.image_size or (np.nan, np.nan), np.float32)
        into.people.append(PersonInput(name, path, row, row.keypoints, size))
    if not found.people and not found.rejected:
        into.unread.append(UnreadInput(path, nobody_found(found, path)))
    into.rejected.extend(RejectedInput(path, row) for row in found.rejected)
    into.passed.extend(PassedInput(path, row) for row in found.passed)


def _detect_people(pictures: list[Path], detector: Detector, into: FoundInputs) -> None:
    progress = None if len(pictures) > 1 else True  # tqdm's words for "on a terminal" and "never"
    for picture in tqdm(pictures, unit="picture", file=sys.stderr, disable=progress, leave=False):
        try:
            rows = detected_people(picture, detector)
        except (InputError, OSError) as error:
            into.unread.append(UnreadInput(picture, str(error)))
            continue
        for name, row in zip(person_names(rows), rows, strict=True):
            size = np.asarray(row.image_size, np.float32)
            into.people.append(PersonInput(name, picture, row, row.keypoints, size, picture, is_detected=True))


def _with_pictures(people: list[PersonInput], options: ReadOptions) -> list[PersonInput]:
    """Add each person's picture and, where the file lacks it, its size; then drop keypoints outside it if the options say so."""
    paths = _match_pictures(people, options)
    completed = []
    for person, matched in zip(people, paths, strict=True):
        path = person.image_path if person.is_detected else matched
        size = person.image_size
        if np.isnan(size).any():
            size = np.asarray(_size_of(path) or options.image_size or (np.nan, np.nan), np.float32)
        keypoints = drop_outside(person.keypoints, size) if options.drop_outside else person.keypoints
        completed.append(replace(person, image_path=path, image_size=size, keypoints=keypoints))
    return completed


@lru_cache(maxsize=4096)  # reading a size opens the file, and a picture may show many people
def _size_of(path: Path | None) -> tuple[int, int] | None:
    """The size of a picture; None if it is unreadable, which the overlay complains about later."""
    try:
        return None if path is None else read_image_size(path)
    except InputError:
        return None


def missing_pictures(people: Sequence[PersonInput], command: FitCommand) -> list[str]:
    """Sentences for the user about missing pictures and unknown picture sizes."""
    complaints = []
    num_without_picture = sum(person.image_path is None for person in people)
    if command.read.image is not None and num_without_picture:
        complaints.append(f"{command.read.image} has no picture for {num_without_picture} of {len(people)} people.")
    num_without_size = sum(
        bool(np.isnan(person.image_size).any()) and not _is_camera_known(person.row, command.camera)
        for person in people
    )
    if num_without_size:
        complaints.append(
            f"The picture's size is not known for {num_without_size} of {len(people)} people, so the camera is guessed "
            "from their keypoints; give --image or --image-size for a better fit."
        )
    return complaints


def _is_camera_known(row: DatasetRow, camera: CameraOptions) -> bool:
    has_focal_length = camera.focal_length is not None or row.focal_length is not None
    return has_focal_length and (camera.camera_center is not None or row.camera_center is not None)


def _match_pictures(people: list[PersonInput], options: ReadOptions) -> list[Path | None]:
    where = options.image
    if where is None:
        return [None] * len(people)
    if where.is_dir():
        folder = PictureFolder(where, leads_anywhere=options.pictures_anywhere)
        names = sorted(path for path in where.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        pictures = _PicturesByName(path for path in names if folder.holds(path))
        return [pictures.of(person) for person in people]
    if len({person.image_name for person in people}) <= 1:
        return [where] * len(people)
    # People of several pictures but only one picture: it belongs to the people with its name.
    return [_PicturesByName([where]).of(person) for person in people]


class _PicturesByName:
    """Pictures by the names that keypoint files use for them."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_name: dict[str, Path] = {}
        for path in paths:
            self._by_name[path.name] = path
            self._by_name.setdefault(path.stem, path)

    def of(self, person: PersonInput) -> Path | None:
        """The person's picture: the one that the keypoint file names, or else one with the name of the person or their file."""
        if person.image_name is not None:
            # COCO's names may begin with a folder; OpenPose's lack the suffix.
            name = Path(person.image_name.replace("\\", "/"))
            return self._by_name.get(name.name) or self._by_name.get(name.stem)
        return self._by_name.get(person.name) or self._by_name.get(person.source.stem)
