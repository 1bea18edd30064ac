"""The library's own `.npz`: keypoints with their layout, written by `numpy.savez`.

    numpy.savez("people.npz", keypoints=keypoints, layout="coco17", image_size=(640, 480), names=["anna", "ben"])

Arrays: `keypoints` (K, 3) or (B, K, 3) rows x, y [px], confidence; `layout`, a name; optional `image_size` (2,) or
(B, 2) width and height [px], NaN twice where unknown; optional `names`, `image_names` and `track_ids` (B,), text; optional
`frames` (B,), whole numbers. Rows without `image_names` and `frames` are the frames of a video, in their order, if tracks are asked for.

The arrays are read whole: for large datasets write Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.formats.flat_rows import check_count
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Size, Source, known_track
from smplify_jax.keypoints.keypoint_set import is_image_size
from smplify_jax.keypoints.layouts import LAYOUTS
from smplify_jax.keypoints.names import file_safe

_ARRAYS = ("keypoints", "layout", "image_size", "names", "image_names", "track_ids", "frames")


@dataclass(frozen=True)
class _Person:
    """One person of the file."""

    keypoints: np.ndarray
    name: str
    image: str
    image_size: Size | None
    track_id: str
    frame: int | None


def recognises(head: FileHead) -> bool:
    """An array `keypoints`; what else it lacks, `read` says."""
    return head.kind == "npz" and "keypoints" in head.names


def read(source: Source) -> Iterator[Row]:
    """A row for each person; a single one without a name gets the file's, several get numbers after it.

    Raises:
        InputError: an array is missing, unreadable, or of the wrong type, shape or count.
    """
    arrays = _Arrays(source)
    keypoints = arrays.keypoints()
    layout = source.options.layout or arrays.layout()
    check_count(keypoints.shape[-2], layout, f"'{source.path}'")

    def make(position: str, person: _Person) -> FoundPerson:
        return found_person(
            source,
            position,
            person.keypoints,
            layout,
            source_id=person.name,
            image=person.image,
            image_size=person.image_size,
            track_id=known_track(person.track_id),
            frame=person.frame,
            name=file_safe(person.name),
        )

    people = _people(arrays, keypoints)
    yield from rows_of(source, ((f"[{k}]", person) for k, person in enumerate(people)), make)


def _people(arrays: _Arrays, keypoints: np.ndarray) -> list[_Person]:
    is_single = keypoints.ndim == 2
    people = keypoints[None] if is_single else keypoints
    stem = arrays.source.path.stem
    default = [stem] if is_single else [f"{stem}_{k}" for k in range(len(people))]
    names = arrays.texts("names", len(people)) or default
    images = arrays.texts("image_names", len(people))
    tracks = arrays.texts("track_ids", len(people)) or [""] * len(people)
    frames = arrays.frames(len(people)) or (range(len(people)) if images is None else [None] * len(people))
    images = images or [""] * len(people)
    sizes = arrays.image_sizes(len(people))
    return [_Person(*about) for about in zip(people, names, images, sizes, tracks, frames, strict=True)]


class _Arrays:
    """The arrays of one file, each checked when it is asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found = load_npz(source.path, _ARRAYS)

    def keypoints(self) -> np.ndarray:
        """(K, 3) or (B, K, 3)."""
        keypoints = self._array("keypoints")
        if keypoints is None:
            raise InputError(f"'{self.source.path}' lacks the array 'keypoints'; write the file with numpy.savez")
        if keypoints.dtype.kind not in "iuf" or keypoints.ndim not in (2, 3) or keypoints.shape[-1] != 3:
            raise InputError(
                f"'{self.source.path}': keypoints have shape {keypoints.shape} and type {keypoints.dtype}; expected "
                "numbers in shape (K, 3) or (B, K, 3), rows x, y, confidence"
            )
        return keypoints

    def layout(self) -> str:
        """The layout's name."""
        values = self._array("layout")
        if values is None:
            raise InputError(
                f"'{self.source.path}' does not say which layout its keypoints have; add an array 'layout' such as "
                '"coco17", or name the layout when reading'
            )
        if values.size != 1 or values.dtype.kind not in "US":
            raise InputError(
                f"'{self.source.path}': layout must be one name, not {values.dtype} of shape {values.shape}"
            )
        name = self._decoded(values)[0]
        if name not in LAYOUTS:
            raise InputError(f"'{self.source.path}' has the unknown layout {name!r}; use one of {', '.join(LAYOUTS)}")
        return name

    def image_sizes(self, num_people: int) -> list[Size | None]:
        """The size of each person's picture, None where it is unknown."""
        sizes = self._array("image_size")
        if sizes is None:
            return [None] * num_people
        if sizes.dtype.kind not in "iuf" or sizes.shape not in {(2,), (num_people, 2)}:
            raise InputError(
                f"'{self.source.path}': image_size has shape {sizes.shape} and type {sizes.dtype}; expected (width, "
                f"height), or one row of it for each of {num_people} people"
            )
        sizes = np.broadcast_to(sizes.astype(np.float64), (num_people, 2))
        if not all(map(is_image_size, sizes)):
            raise InputError(
                f"'{self.source.path}': image_size must hold a positive width and height [px]; leave it out, or NaN "
                "twice, where it is unknown"
            )
        return [None if np.isnan(width) else (width, height) for width, height in sizes.tolist()]

    def frames(self, num_people: int) -> list[int] | None:
        """The number of each person's frame; None where the file has none of them."""
        values = self._array("frames")
        if values is None:
            return None
        if values.dtype.kind not in "iu" or values.shape != (num_people,):
            raise InputError(
                f"'{self.source.path}': frames has shape {values.shape} and type {values.dtype}; expected a whole number for each of "
                f"{num_people} people"
            )
        return values.tolist()

    def texts(self, name: str, num_people: int) -> list[str] | None:
        """A text for each person; None where the file has none of them."""
        values = self._array(name)
        if values is None:
            return None
        if values.dtype.kind not in "US" or values.size != num_people:
            raise InputError(
                f"'{self.source.path}': {name} has shape {values.shape} and type {values.dtype}; expected one text for "
                f"each of {num_people} people"
            )
        return self._decoded(values)

    def _array(self, name: str) -> np.ndarray | None:
        return np.asarray(self._found[name]) if name in self._found else None

    def _decoded(self, values: np.ndarray) -> list[str]:
        """Text from an array of str or of UTF-8 bytes."""
        try:
            return [text.decode() if isinstance(text, bytes) else text for text in values.ravel().tolist()]
        except UnicodeDecodeError as error:
            raise InputError(f"'{self.source.path}' holds text that is not UTF-8; save names as str") from error


FORMAT = KeypointFormat(
    "npz",
    "our .npz with arrays keypoints and layout",
    recognises,
    read,
    content="our own `.npz`: arrays `keypoints` (K, 3) or (B, K, 3) and `layout`; optional `image_size`, `names`, `image_names`, "
    "`track_ids`, `frames`",
    layouts="as the file says",
    endings=(".npz",),
)
