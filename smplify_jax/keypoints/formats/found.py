"""From what a reader finds in a file to the rows of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.camera.observed import is_observed
from smplify_jax.errors import InputError
from smplify_jax.files.budget import ReadingTime, TimeIsUpError, check_time
from smplify_jax.keypoints.formats.flat_rows import check_count
from smplify_jax.keypoints.formats.outside import (
    known_camera_center,
    known_crop,
    known_focal_length,
    known_frame,
    known_text,
    printable,
)
from smplify_jax.keypoints.formats.reading import WITHOUT_KEYPOINTS, DamagedFileError, Row, Size, Source
from smplify_jax.keypoints.observations import MAX_FRACTION, check_keypoints, clean_keypoints
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

_Record = TypeVar("_Record")
_Item = TypeVar("_Item")

_BLOCK = 256
"""People whose keypoints are cleaned at once: one by one takes as long as all the rest of reading."""


@dataclass(frozen=True)
class FoundPerson:
    """A person whose keypoints are still as the file has them.

    Attributes:
        keypoints: (K, 3) x, y [px], confidence; NaN and other signs of "not found" still in it.
        about: the other fields of `DatasetRow`.
    """

    keypoints: np.ndarray
    about: dict[str, Any]


def found_person(
    source: Source,
    position: str,
    keypoints: np.ndarray,
    layout: str,
    *,
    source_id: str = "",
    image: str = "",
    image_size: Size | None = None,
    focal_length: float | None = None,
    camera_center: tuple[float, float] | None = None,
    box: CropBox | None = None,
    gender: str | None = None,
    track_id: str = "",
    frame: int | str | None = None,
    name: str = "",
) -> FoundPerson:
    """A person of a file, with the picture's size if it can be found.

    Confidences above 1 become 1, as in a fit: a fixed rule gives the same number the same meaning in every file, which
    dividing by the highest one, of a file or of a person, would not.

    Args:
        source: the file.
        position: the place in the file.
        keypoints: (K, 3) x, y [px], confidence; NaN and other signs of "not found" still in it.
        layout: name of the layout.
        source_id: and all that follow, as in `DatasetRow`.
        image: the picture's name.
        image_size: as the file says it; None to look it up.
        focal_length: [px].
        camera_center: [px].
        box: the person's.
        gender: of the person.
        track_id: of the person, through the frames of a video.
        frame: its number in the video, in digits or as a number; None where the file does not state it.
        name: of the person.

    Raises:
        InputError: the keypoints are no numbers, or not (K, 3). Whether any is an observation, in pixels, is seen later.
    """
    if check_keypoints(keypoints).ndim != 2:
        raise InputError(f"keypoints have shape {keypoints.shape}; expected (K, 3): x, y, confidence")
    check_count(len(keypoints), layout, "the person")
    position, image = known_text(position, "the record's place"), known_text(image, "the picture's name")
    return FoundPerson(
        keypoints,
        {
            "id": f"{source.name}#{position}",
            "layout": layout,
            "file": source.name,
            "position": position,
            "source_id": known_text(source_id, "the record's id"),
            "image": source.image_name(image),
            "image_size": source.image_size(image) if image_size is None else image_size,
            "focal_length": known_focal_length(focal_length),
            "camera_center": known_camera_center(camera_center),
            "box": known_crop(box),
            "gender": gender,
            "track_id": known_text(track_id, "the track's id"),
            "frame": known_frame(frame),
            "name": known_text(name, "the person's name"),
        },
    )


def are_fractions(keypoints: np.ndarray, limit: float = MAX_FRACTION) -> bool:
    """Whether the observations among (K, 3) keypoints are fractions of a picture: none lies farther than `limit` from its corner.

    Raises:
        InputError: the keypoints are no numbers, or not (K, 3).
    """
    found = keypoints[is_observed(check_keypoints(keypoints)), :2]
    return len(found) > 0 and float(np.abs(found).max()) <= limit


def fractions_to_pixels(keypoints: np.ndarray, size: Size | None, limit: float = MAX_FRACTION) -> np.ndarray:
    """Keypoints in pixels, whether the file has pixels or fractions of the picture: their values tell.

    Args:
        keypoints: (K, 3) x, y, confidence.
        size: width and height of the picture [px]; None if unknown.
        limit: coordinates none of which is larger are fractions: nobody's points all lie so near to the picture's corner.

    Returns:
        (K, 3): fractions times the size, with rows of zeros for what is no observation, because its marks are no coordinates.
        What is in pixels already, and fractions of a picture of unknown size, which `rows_of` rejects, are as they were.

    Raises:
        InputError: the keypoints are no numbers, or not (K, 3).
    """
    if size is None or not are_fractions(keypoints, limit):
        return keypoints
    scaled = np.where(is_observed(keypoints)[:, None], keypoints, 0.0)
    scaled[:, :2] *= size
    return scaled


def rows_of(
    source: Source, records: Iterable[tuple[str, _Record]], make: Callable[[str, _Record], FoundPerson | None]
) -> Iterator[Row]:
    """The rows of what `make` gives for each (position, record), None for none; a bad record is rejected and the next one read.

    A `DamagedFileError` of the records rejects the rest of the file, as does the end of its time. Whatever else goes wrong with a record
    rejects it, too: a file can hold what no reader thought of, and it stops nobody else. Rows come as soon as a few hundred records are
    read, or all.
    """
    for block in ReadingTime(source.path).over(_in_blocks(_found(source, records, make))):
        yield from _cleaned(block)


def _found(
    source: Source, records: Iterable[tuple[str, _Record]], make: Callable[[str, _Record], FoundPerson | None]
) -> Iterator[FoundPerson | RejectedRow]:
    iterator = iter(records)
    position = ""
    while True:
        try:
            check_time()
            position, record = next(iterator)
        except StopIteration:
            return
        except DamagedFileError as error:
            yield _rejected(source, error.position, error)
            return
        except TimeIsUpError as error:
            yield _rejected(source, position, InputError(f"{error}; nothing after it is read"))
            return
        try:
            person = make(position, record)
        except Exception as error:  # also that time is up, which the next record will find, too
            yield _rejected(source, position, error)
        else:
            if person is None:
                source.options.pass_over(WITHOUT_KEYPOINTS)
            else:
                yield person


def _rejected(source: Source, position: str, error: Exception) -> RejectedRow:
    reason = (
        str(error) if isinstance(error, InputError) else f"the record cannot be read ({type(error).__name__}: {error})"
    )
    return RejectedRow(source.name, printable(position), printable(reason))


def _in_blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Lists of _BLOCK items and what is left; an error comes after the items that came before it."""
    block: list[_Item] = []
    try:
        for item in items:
            block.append(item)
            if len(block) == _BLOCK:
                yield block
                block = []
    except InputError:
        yield block
        raise
    yield block


def _cleaned(block: list[FoundPerson | RejectedRow]) -> Iterator[Row]:
    """The rows of a block, in its order."""
    by_count: dict[int, list[FoundPerson]] = {}
    for item in block:
        if isinstance(item, FoundPerson):
            by_count.setdefault(len(item.keypoints), []).append(item)
    cleaned = {count: iter(_clean(np.stack([one.keypoints for one in some]))) for count, some in by_count.items()}
    for item in block:
        if isinstance(item, RejectedRow):
            yield item
            continue
        keypoints, complaint = next(cleaned[len(item.keypoints)])
        if complaint:
            yield RejectedRow(item.about["file"], item.about["position"], complaint)
        else:
            yield DatasetRow(keypoints=keypoints, **item.about)


def _clean(keypoints: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """Each person's keypoints (K, 3) of (N, K, 3), cleaned, and why they are of no use; "" if they are."""
    cleaned = clean_keypoints(keypoints)
    num_observed = (cleaned[..., 2] > 0).sum(axis=1)
    farthest = np.abs(cleaned[..., :2]).max(axis=(1, 2))
    return [
        (one, _complaint(*about)) for one, *about in zip(cleaned, num_observed.tolist(), farthest.tolist(), strict=True)
    ]


def _complaint(num_observed: int, farthest: float) -> str:
    if not num_observed:
        return "no keypoint has finite coordinates and a confidence above 0"
    if num_observed > 1 and farthest <= MAX_FRACTION:
        return "the coordinates look like fractions of the picture; write them in pixels"
    return ""
