"""LSP keypoints in `.npz`, as DeepCut writes them.

One array with a column for each of the 14 keypoints and the rows x, y [px], confidence, then two of offsets that
DeepCut adds to its confidence map and that are no use here: (3, 14) or (5, 14). A people axis may come first or last:
DeepCut's results on the whole of LSP are one array (5, 14, 2000). The array is called `pose` or `est_joints`; without
these the first array of such a shape is taken.

Source: Pishchulin et al., CVPR 2016 (DeepCut); Johnson and Everingham, BMVC 2010 (the order).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.formats.flat_rows import check_count
from smplify_jax.keypoints.formats.found import FoundPerson, found_person, rows_of
from smplify_jax.keypoints.formats.reading import FileHead, KeypointFormat, Row, Source
from smplify_jax.keypoints.formats.recognition import read_head

LAYOUT = "lsp14"
NUM_KEYPOINTS = 14

_ONE_PERSON = {(3, NUM_KEYPOINTS), (5, NUM_KEYPOINTS)}
_PREFERRED_NAMES = ("pose", "est_joints")


def recognises(head: FileHead) -> bool:
    """An `.npz` with an array of the shape described above.

    By shape and not by name: other files have an array `pose` too, of joint rotations.
    """
    return _array_name(head) is not None


def read(source: Source) -> Iterator[Row]:
    """A row for each person; a single one gets the file's name, several get numbers after it.

    Raises:
        InputError: no array has a shape described above, or it is damaged.
    """
    layout = source.options.layout or LAYOUT
    check_count(NUM_KEYPOINTS, layout, f"'{source.path}'")
    people = _people(source)
    stem = source.path.stem
    names = [stem] if people.ndim == 2 else [f"{stem}_{k}" for k in range(len(people))]
    named = zip(names, people[None] if people.ndim == 2 else people, strict=True)

    def make(position: str, person: tuple[str, np.ndarray]) -> FoundPerson:
        name, rows = person
        return found_person(source, position, rows[:3].T, layout, name=name)

    yield from rows_of(source, ((f"[{k}]", person) for k, person in enumerate(named)), make)


def _people(source: Source) -> np.ndarray:
    """(3 or 5, 14), or (B, 3 or 5, 14) where there is a people axis."""
    name = _array_name(read_head(source.path))
    values = None if name is None else load_npz(source.path, {name})[name]
    if not isinstance(values, np.ndarray):
        raise InputError(f"'{source.path}' has no array of shape (3, 14) or (5, 14), as DeepCut writes it")
    return values if values.shape[-2:] in _ONE_PERSON else np.moveaxis(values, -1, 0)


def _array_name(head: FileHead) -> str | None:
    for name in sorted(head.arrays, key=lambda name: name not in _PREFERRED_NAMES):
        shape, kind = head.arrays[name]
        # No shape fits both ways: a last axis of people would have to be 14 long behind an axis of 14.
        has_shape = shape[-2:] in _ONE_PERSON or shape[:2] in _ONE_PERSON
        if kind in "iuf" and len(shape) in (2, 3) and has_shape:
            return name
    return None


FORMAT = KeypointFormat(
    "lsp",
    "LSP/DeepCut .npz with an array (5, 14) or (3, 14)",
    recognises,
    read,
    content="LSP and DeepCut: an `.npz` with an array (5, 14) or (3, 14), with a people axis first or last where there are several; "
    "rows x, y, confidence, and two that are not read",
    layouts="`lsp14`",
    endings=(".npz",),
)
