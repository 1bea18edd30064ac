"""MediaPipe's pose landmarks as JSON.

MediaPipe itself writes no files, and what people save of its results has many forms. A person is a list of 33 landmarks,
each

- an object with `x`, `y` and, where its interface gives one, `visibility` (else `presence` or `score`); or a list x, y, z,
  visibility, or fewer of them, also behind the landmark's number; or all of these numbers in one list;
- in MediaPipe's order, or with an `id` or a `name` each, or in an object by their names; then also fewer than 33.

Such a person, or several, is under `pose_landmarks` (Python), `poseLandmarks`, `landmarks` (web), `landmark` (`MessageToDict`), or
under nothing. Pictures or frames are objects with `image`, `width`, `height`, `frame`, alone, in a list, under `frames`, or in an
object by their names. World landmarks are metres, and are not read.

x and y are fractions of the picture's width and height, or pixels, which their values tell. For fractions the size must be
known: from the object, from the picture's file, or from the caller. MediaPipe gives all 33 points always, and guesses those it
does not see: `visibility` is the confidence; a landmark without one is seen. The 33 are layout `mediapipe33`; fewer, with names, are placed
by them.

Source: MediaPipe's documentation, "Pose landmark detection guide".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES
from smplify_jax.keypoints.formats.flat_rows import is_number
from smplify_jax.keypoints.formats.found import FoundPerson, are_fractions, found_person, fractions_to_pixels, rows_of
from smplify_jax.keypoints.formats.json_stream import opened_json, read_members, stream_list
from smplify_jax.keypoints.formats.mediapipe_landmarks import is_landmark, is_person, placed_landmarks
from smplify_jax.keypoints.formats.reading import (
    DamagedFileError,
    FileHead,
    KeypointFormat,
    Row,
    Size,
    Source,
    check_layout,
    known_size,
)

_KEYS = ("pose_landmarks", "poseLandmarks", "landmarks", "landmark")
_FRAMES = "frames"
_LISTS = (_FRAMES, "poses")
_IMAGE_KEYS = ("image", "image_name", "image_path", "file_name", "filename")
_SIZE_KEYS = (("width", "height"), ("image_width", "image_height"), ("frame_width", "frame_height"))
_FRAME_KEYS = ("frame", "frame_id", "frame_number", "frame_index")
_ABOUT_KEYS = frozenset((*_IMAGE_KEYS, *_FRAME_KEYS, *(key for keys in _SIZE_KEYS for key in keys)))

MAX_FRACTION = 10.0
"""Landmarks outside the picture are guessed, too: of a face before a webcam the feet are several pictures farther down."""

_MAX_DEPTH = 6
"""Lists and objects around a landmark: more is none of these forms."""


@dataclass(frozen=True)
class _Landmarks:
    """One person's landmarks, what is said about their picture, and its place in a list of frames, None outside of one."""

    landmarks: Any
    about: dict[str, Any]
    place: int | None = None


def recognises(head: FileHead) -> bool:
    """An object or a list that holds one of the keys, or landmarks themselves."""
    if head.kind == "json object":
        has_key = not {*_KEYS, *_LISTS}.isdisjoint(head.names)
        return has_key or _has_key(head.first) or is_person(head.first) or is_landmark(head.first, with_lists=False)
    if head.kind != "json list":
        return False
    return _has_key(head.first) or _holds_landmarks(head.first)


def read(source: Source) -> Iterator[Row]:
    """A row for each person of each picture."""

    def make(position: str, person: _Landmarks) -> FoundPerson:
        rows, layout = placed_landmarks(person.landmarks, source.options.layout)
        check_layout(source, layout, "MediaPipe's landmarks")
        image, size, frame = _picture(person.about)
        size = size or source.image_size(image)
        if size is None and are_fractions(rows, MAX_FRACTION):
            raise InputError(
                "the size of the picture is not known, and these coordinates are fractions of it; add its width and "
                "height [px], or give the folder of the pictures"
            )
        rows = fractions_to_pixels(rows, size, MAX_FRACTION)
        return found_person(
            source,
            position,
            rows,
            layout,
            source_id="" if frame is None else f"frame {frame}",
            image=image,
            image_size=size,
            # Pictures with names may be listed in any order.
            frame=person.place if frame is None and not image else frame,
        )

    return rows_of(source, _people(source.path), make)


def _picture(about: dict[str, Any]) -> tuple[str, Size | None, int | str | None]:
    """Name of a picture, size, and what its frame is called; "" and None for what is not said.

    Raises:
        InputError: the size is none.
    """
    image = next((about[key] for key in _IMAGE_KEYS if isinstance(about.get(key), str)), "")
    frame = next((about[key] for key in _FRAME_KEYS if type(about.get(key)) in (int, str)), None)
    sizes = (known_size(about.get(width), about.get(height)) for width, height in _SIZE_KEYS)
    return image, next((size for size in sizes if size is not None), None), frame


def _has_key(value: Any) -> bool:
    return isinstance(value, dict) and not {*_KEYS, *_LISTS}.isdisjoint(value)


def _holds_landmarks(value: Any, depth: int = 0) -> bool:
    if is_landmark(value) or is_person(value):
        return True
    return (
        isinstance(value, list) and depth < _MAX_DEPTH and any(_holds_landmarks(item, depth + 1) for item in value[:1])
    )


def _people(path: Path) -> Iterator[tuple[str, _Landmarks]]:
    with opened_json(path) as stream:
        if stream.peek() == "[":
            yield from _people_of_list(path)
            return
    key = _list_key(path)
    if key is not None:
        about = read_members(path, _ABOUT_KEYS)
        for number, (place, record) in enumerate(stream_list(path, key)):
            yield from _numbered(_people_in(record, about, place), number if key == _FRAMES else None)
        return
    with opened_json(path) as stream:
        yield from _people_in(stream.value(), {}, "")


def _people_of_list(path: Path) -> Iterator[tuple[str, _Landmarks]]:
    """The people of a file that is a list, of frames or of one person's landmarks."""
    landmarks: list[Any] = []
    for number, (place, record) in enumerate(stream_list(path)):
        if landmarks or is_landmark(record) or is_number(record):
            landmarks.append(record)
        else:
            yield from _numbered(_people_in(record, {}, place), number)
    if landmarks:
        yield "", _Landmarks(landmarks, {})


def _numbered(people: Iterator[tuple[str, _Landmarks]], number: int | None) -> Iterator[tuple[str, _Landmarks]]:
    """The people of one item of a list, which is the frame of that number."""
    for place, person in people:
        yield place, replace(person, place=number)


def _list_key(path: Path) -> str | None:
    """The key under which an object has its frames, None if it has none or is damaged before them."""
    try:
        with opened_json(path) as stream:
            for key in stream.members():
                if key in _LISTS and stream.peek() == "[":
                    return key
                stream.skip()
    except DamagedFileError:
        pass
    return None


def _people_in(value: Any, about: dict[str, Any], place: str, depth: int = 0) -> Iterator[tuple[str, _Landmarks]]:
    """Everybody in a value; what holds neither people nor the place for them counts as a person, to be rejected."""
    if value is None or value == []:
        return
    place = place.removeprefix(".")
    if depth > _MAX_DEPTH or not isinstance(value, dict | list) or is_person(value):
        yield place, _Landmarks(value, about)
    elif isinstance(value, list):
        if any(map(is_landmark, value)) or not any(map(_is_group, value)):
            yield place, _Landmarks(value, about)
            return
        for k, item in enumerate(value):
            yield from _people_in(item, about, f"{place}[{k}]", depth + 1)
    else:
        yield from _people_in_object(value, about, place, depth)


def _is_group(value: Any) -> bool:
    """Whether an item of a list may be a person, or several, or a frame without any; and no part of one person."""
    if isinstance(value, list):
        return not value or is_person(value) or any(isinstance(item, dict | list) for item in value)
    return value is None or isinstance(value, dict)


def _people_in_object(
    value: dict[str, Any], about: dict[str, Any], place: str, depth: int
) -> Iterator[tuple[str, _Landmarks]]:
    about = about | {key: value[key] for key in _ABOUT_KEYS & value.keys()}
    key = next((key for key in (*_KEYS, *_LISTS) if key in value), None)
    if key is not None:
        yield from _people_in(value[key], about, f"{place}.{key}", depth + 1)
        return
    groups = {key: item for key, item in value.items() if isinstance(item, dict | list)}
    if not groups or any(is_landmark(item) for item in groups.values()):
        yield place, _Landmarks(value, about)
        return
    for key, item in groups.items():
        is_picture = PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES
        yield from _people_in(item, about | ({"image": key} if is_picture else {}), f"{place}.{key}", depth + 1)


FORMAT = KeypointFormat(
    "mediapipe",
    "MediaPipe's pose landmarks of each picture",
    recognises,
    read,
    content="JSON with `pose_landmarks`, `poseLandmarks`, `landmarks`, `landmark`, or bare lists of 33; with or "
    "without `visibility`, `image`, `width`, `height`, frames",
    layouts="`mediapipe33`",
)
