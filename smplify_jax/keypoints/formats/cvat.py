"""CVAT's own XML, "CVAT for images" and "CVAT for video", of skeletons.

    <annotations>
      <image id="0" name="walk/1.jpg" width="640" height="480">
        <skeleton label="person" ...>
          <points label="left_wrist" occluded="0" outside="0" points="385.00,245.00" ...></points>
          ...
      <track id="3" label="person" ...>
        <skeleton frame="12" ...> ... the same

Points are placed by their labels; where these are numbers, as CVAT gives them by default, by their order and count. A point that is
outside is not found; an occluded one has half the confidence, as in COCO's annotations. Boxes, single points and the like are no people,
and passed over. A video's frames have no pictures, and their size is the task's `original_size`.
The file is read piece by piece. A document type is refused: CVAT writes none, and entities are how XML is used to attack readers.
Source: CVAT's documentation, "XML annotation format".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import check_limit
from smplify_jax.files.plain import open_plain
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.placing import COCO_LAYOUTS, placed_rows
from smplify_jax.keypoints.formats.reading import DamagedFileError, FileHead, KeypointFormat, Row, Source, known_size
from smplify_jax.keypoints.point_names import are_names

_BLOCK_BYTES = 2**16
_MAX_TAG_BYTES = 2**24
"""What is longer is no tag, or has lost its closing quote."""

_NUMBER = re.compile(r"[0-9]{1,9}")

_Attributes = dict[str, str]


@dataclass(frozen=True)
class _Skeleton:
    """A skeleton's points, and what it is in.

    Attributes:
        about: of the skeleton.
        points: of each of its points.
        image: of the picture it is in; empty in a video.
        track: of the track it is in; empty in a picture.
        video_size: width and height of the video, "" where the file has not said them.
    """

    about: _Attributes
    image: _Attributes
    track: _Attributes
    video_size: tuple[str, str]
    points: list[_Attributes] = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    """XML, whatever its elements: the reader says what is wrong with another's."""
    return head.kind == "text" and isinstance(head.first, str) and head.first.startswith(("<?xml", "<annotations"))


def read(source: Source) -> Iterator[Row]:
    """A row for each skeleton with a point that is not outside."""

    def make(position: str, skeleton: _Skeleton) -> FoundPerson | None:
        points = skeleton.points
        names = tuple(point.get("label", "") for point in points)
        if not are_names(names) and all(map(_NUMBER.fullmatch, names)):
            points = sorted(points, key=lambda point: int(point["label"]))
        rows = np.array([_row(point) for point in points]).reshape(-1, 3)
        if not rows[:, 2].any():
            return None
        rows, layout = placed_rows(rows, names, COCO_LAYOUTS, source.options.layout, "the skeleton")
        frame = skeleton.about.get("frame", "")
        return found_person(
            source,
            position,
            rows,
            layout,
            source_id=f"frame {frame}" if frame else "",
            image=skeleton.image.get("name", ""),
            image_size=_size(skeleton),
            track_id=skeleton.track.get("id", ""),
            frame=frame,
        )

    yield from rows_of(source, _numbered(source.path), make)


def _row(point: _Attributes) -> tuple[float, float, float]:
    """x, y [px], confidence."""
    text = point.get("points", "")
    try:
        x, y = map(float, text.split(","))
    except ValueError as error:
        raise InputError(f"a point is at {text[:40]!r}; expected x,y in pixels") from error
    if point.get("outside") == "1":
        return 0.0, 0.0, 0.0
    return x, y, 0.5 if point.get("occluded") == "1" else 1.0


def _size(skeleton: _Skeleton) -> tuple[float, float] | None:
    is_video = not skeleton.image
    width, height = (
        skeleton.video_size if is_video else (skeleton.image.get("width", ""), skeleton.image.get("height", ""))
    )
    if not width and not height:
        return None
    try:
        return known_size(float(width), float(height))
    except ValueError as error:
        raise InputError(f"the picture has width {width[:20]!r} and height {height[:20]!r}; expected pixels") from error


def _numbered(path: Path) -> Iterator[tuple[str, _Skeleton]]:
    for number, skeleton in enumerate(_skeletons(path)):
        yield f"skeletons[{number}]", skeleton


def _skeletons(path: Path) -> Iterator[_Skeleton]:
    """The skeletons of a file, in its order.

    Raises:
        InputError: the file cannot be opened, or is no XML of CVAT's.
        DamagedFileError: from where on it is damaged.
    """
    parser = _Parser(path)
    try:
        with open_plain(path, "a file of CVAT's") as file:
            num_fed = 0
            while block := file.read(_BLOCK_BYTES):
                parser.expat.Parse(block, False)
                num_fed += len(block)
                yield from parser.taken()
                if num_fed - parser.expat.CurrentByteIndex > _MAX_TAG_BYTES:
                    raise DamagedFileError("damaged XML: a tag does not end; nothing after it is read")
            parser.expat.Parse(b"", True)
    except expat.ExpatError as error:
        yield from parser.taken()
        raise DamagedFileError(f"damaged or cut-off XML ({error}); nothing after it is read") from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from error


class _Parser:
    """What expat has read of the skeletons so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: deque[_Skeleton] = deque()
        self._skeleton: _Skeleton | None = None
        self._image: _Attributes = {}
        self._track: _Attributes = {}
        self._size: dict[str, str] = {"width": "", "height": ""}
        self._elements: list[str] = []
        self.expat = expat.ParserCreate()
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._text
        self.expat.StartDoctypeDeclHandler = self._refuse

    def taken(self) -> Iterator[_Skeleton]:
        """The skeletons that are complete, each once."""
        while self._done:
            yield self._done.popleft()

    def _start(self, name: str, attributes: _Attributes) -> None:
        if not self._elements and name != "annotations":
            raise InputError(f"'{self._path}' is XML of <{name[:40]}>; CVAT's begins with <annotations>")
        self._elements.append(name)
        check_limit(len(self._elements), "nesting", f"'{self._path}': the depth of its elements in each other is")
        if name == "image":
            self._image = attributes
        elif name == "track":
            self._track = attributes
        elif name == "skeleton":
            size = (self._size["width"], self._size["height"])
            self._skeleton = _Skeleton(attributes, self._image, self._track, size)
        elif name == "points" and self._skeleton is not None:
            self._skeleton.points.append(attributes)

    def _end(self, name: str) -> None:
        self._elements.pop()
        if name == "image":
            self._image = {}
        elif name == "track":
            self._track = {}
        elif name == "skeleton" and self._skeleton is not None:
            self._done.append(self._skeleton)
            self._skeleton = None

    def _text(self, text: str) -> None:
        if self._elements[-2:-1] == ["original_size"] and self._elements[-1] in self._size:
            self._size[self._elements[-1]] += text.strip()

    def _refuse(self, *_: object) -> NoReturn:
        raise InputError(f"'{self._path}' has a document type, which CVAT does not write and which is not read")


FORMAT = KeypointFormat(
    "cvat",
    "CVAT's XML of skeletons in images or a video",
    recognises,
    read,
    content="CVAT's XML, for images or for video: `skeleton` with `points`",
    layouts="by the names of the points; where they are numbers, by the count as for `coco`",
    endings=(".xml",),
)
